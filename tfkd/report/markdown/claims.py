"""What papers claim, beside what was measured here: a table of `specs/results/claims.yaml`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tfkd.report.markdown.tables import one_line, table
from tfkd.report.over_seeds import over_comparison
from tfkd.report.scores import difference, score_blocks
from tfkd.report.systems import Run, Systems, open_runs
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
            the first of the runs has of its paper, none with [], and `rows` the corpora that a
            student learns from.
        read: Gives the results of a run by the name of their file.

    Raises:
        UserError: The file has other keys, or a run has no such comparison.
    """
    rows = []
    for place, claim in enumerate(read_any(folder / FILE).plain() or ()):
        where = f"{FILE}: claim {place + 1}"
        if {*claim} != {"claim", "published", "runs"}:
            raise UserError(f"{where}: expected claim, published and runs; found {[*claim]}")
        said = [claim["claim"], None]
        for asked in claim["runs"]:
            if {*asked} != _KEYS:
                raise UserError(f"{where}: expected of a run {sorted(_KEYS)}; found {[*asked]}")
            run = open_runs([read(asked["results"])])[0]
            if said[1] is None:
                said[1] = _published(run, claim["published"], where)
            rows.append([*said, *_measured(run, asked, where)])
            said = ["", ""]
    return table(_HEAD, rows, left=3)


def _published(run: Run, names: list[str], where: str) -> str:
    if not names:
        return ""
    paper = run.part("paper")
    figures = paper.get("published") or {}
    if not all(name in figures for name in names):
        raise UserError(f"{where}: the paper of {run.title} has no {names}; it has {[*figures]}")
    without, with_it = (figures[name] for name in names)
    return one_line(f"{without} → {with_it} ({paper['title']}, table {paper['table']})")


def _measured(run: Run, asked: Mapping[str, Any], where: str) -> list[str]:
    metric, data = asked["metric"], run.part("data")
    for block in score_blocks([run], Systems([run])):
        for one in block["comparisons"]:
            found = (block["on"], one["system"].label, one["against"].label, one["metric"])
            if found != tuple(asked[key] for key in ("on", "of", "against", "metric")):
                continue
            row = next(row for row in block["rows"] if row["identity"] == one["row"])
            one = over_comparison(block, one, row) or one
            ends = [metric_value(metric, one[end], signed=True) for end in ("low", "high")]
            interval = f" [{', '.join(ends)}]" if is_number(one["low"]) else ""
            learnt = sum(data[name]["kept"] for name in asked["rows"])
            return [
                f"`{asked['results']}`: `{asked['of']}` against `{asked['against']}`",
                number(learnt),
                str(one.get("n") or 1),
                f"{difference(one)}{interval} {metric_name(metric)} on {asked['on']}",
                one["reading"],
            ]
    raise UserError(f"{where}: {asked['results']} compares no {asked['of']} with "
                    f"{asked['against']} on {asked['on']} by {metric}")  # fmt: skip
