"""What papers claim, beside what was measured here: a table of `specs/results/claims.yaml`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tfkd.report.markdown.kept_comparisons import kept_comparisons, kept_rows
from tfkd.report.markdown.tables import one_line, table
from tfkd.report.scores import difference
from tfkd.report.systems import Run, open_runs
from tfkd.report.wording import is_number, metric_name, metric_value, number
from tfkd.spec.errors import UserError
from tfkd.spec.source.yaml_reader import read_any

FILE = "claims.yaml"
_HEAD = ["claim", "the paper", "here", "rows", "seeds", "difference", "decided"]
_KEYS = {"results", "of", "on", "metric", "against", "rows"}


def claims(folder: Path, read: Callable[[str], Mapping[str, Any]]) -> str:
    """A row for each comparison that bears on a claim: the paper's two figures, how many rows the
    student here has learnt from, the difference with its interval and how it reads.

    Args:
        folder: Where `claims.yaml` lies: a list of `{claim, published: [WITHOUT, WITH], runs:
            [{results, of, on, metric, against, rows}]}`. `published` names figures that the spec of
            the first of the runs has of its paper, none with []; or is a text, of a paper that no
            spec is of. `rows` are the corpora that a student learns from.
        read: Gives the results of a run by the name of their file.

    Raises:
        UserError: The file has other keys, or a run has no such comparison.
    """
    rows = []
    runs: dict[str, tuple[Run, list[Any]]] = {}
    for place, claim in enumerate(read_any(folder / FILE).plain() or ()):
        where = f"{FILE}: claim {place + 1}"
        if {*claim} != {"claim", "published", "runs"}:
            raise UserError(f"{where}: expected claim, published and runs; found {[*claim]}")
        said = [claim["claim"], None]
        for asked in claim["runs"]:
            if {*asked} != _KEYS:
                raise UserError(f"{where}: expected of a run {sorted(_KEYS)}; found {[*asked]}")
            name = asked["results"]
            if name not in runs:
                run = open_runs([read(name)])[0]
                runs[name] = run, [*kept_comparisons(run)]
            if said[1] is None:
                said[1] = _published(runs[name][0], claim["published"], where)
            rows.append([*said, *_measured(*runs[name], asked, where)])
            said = ["", ""]
    return table(_HEAD, rows, left=3)


def _published(run: Run, names: list[str] | str, where: str) -> str:
    if isinstance(names, str):
        return one_line(names)
    if not names:
        return ""
    paper = run.part("paper")
    figures = paper.get("published") or {}
    if not all(name in figures for name in names):
        raise UserError(f"{where}: the paper of {run.title} has no {names}; it has {[*figures]}")
    without, with_it = (figures[name] for name in names)
    return one_line(f"{without} → {with_it} ({paper['title']}, table {paper['table']})")


def _measured(run: Run, comparisons: list[Any], asked: Mapping[str, Any], where: str) -> list[str]:
    metric, labels = asked["metric"], (asked["of"], asked["against"])
    for on, one in comparisons:
        found = (one["system"].label, one["against"].label)
        if (on, one["metric"], found) != (asked["on"], metric, labels):
            continue
        ends = [metric_value(metric, one[end], signed=True) for end in ("low", "high")]
        interval = f" [{', '.join(ends)}]" if is_number(one["low"]) else ""
        return [
            f"`{asked['results']}`: `{asked['of']}` against `{asked['against']}`",
            number(kept_rows(run, asked["rows"], where)),
            str(one.get("n") or 1),
            f"{difference(one)}{interval} {metric_name(metric)} on {on}",
            one["reading"],
        ]
    raise UserError(f"{where}: {asked['results']} compares no {asked['of']} with "
                    f"{asked['against']} on {asked['on']} by {metric}")  # fmt: skip
