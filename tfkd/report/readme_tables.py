"""The README's result tables, made from results.json files and never typed by hand.

A block begins with `<!-- results:begin KIND NAME... -->` and ends with `<!-- results:end -->`; KIND
is one of `KINDS`, each NAME the stem of a file in specs/results/. `<!-- results:begin -->` alone
shows all that is there. `<!-- results:begin speed NAME -->` shows what a benchmark under tools/
measured, with `--json specs/results/speed/NAME.json`.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tfkd.data.files import write_atomically
from tfkd.data.strict_json import read_json
from tfkd.report.classes import choices as tried
from tfkd.report.markdown import flat, one_line, table
from tfkd.report.published_results import published
from tfkd.report.scores import difference, score_blocks, verdict_notes
from tfkd.report.speed_tables import speed
from tfkd.report.systems import Run, Systems, open_runs
from tfkd.report.wording import (
    P_ESTIMATED,
    duration,
    is_number,
    metric_name,
    metric_value,
    number,
    p_value,
    percent,
    plain,
    size,
)
from tfkd.spec.errors import UserError

_BLOCK = re.compile(r"(<!-- results:begin ?([^>]*?) ?-->\n)(.*?)(<!-- results:end -->)", re.DOTALL)
_BEGIN = re.compile(r"<!-- results:begin")


def regenerate(text: str, folder: Path) -> str:
    """A README with all its result blocks made anew.

    Args:
        text: The README.
        folder: The folder of the results.json files, `specs/results`.

    Raises:
        UserError: A block has no end, is of no known kind, or names a file that is not there.
    """
    if len(_BEGIN.findall(text)) != len(_BLOCK.findall(text)):
        raise UserError("README.md: a block of results has no `<!-- results:end -->`")
    return _BLOCK.sub(lambda block: block[1] + _block(block[2], folder) + block[4], text)


def shown_results(text: str, folder: Path) -> set[str]:
    """The names of all results.json files that a README shows."""
    shown: set[str] = set()
    for block in _BLOCK.finditer(text):
        kind, *names = block[2].split() or ["", *_names(folder)]
        shown |= {f"speed/{name}" for name in names} if kind == "speed" else set(names)
    return shown


def _block(request: str, folder: Path) -> str:
    if not request.split():
        return "".join(_everything(name, folder) for name in _names(folder))
    kind, *names = request.split()
    if kind == "speed" and names:
        return "\n\n".join(speed(_read(folder / kind / f"{name}.json")) for name in names) + "\n"
    if kind not in KINDS or not names:
        raise UserError(
            f"README.md: `results:begin {request}` is no block; expected one of "
            f"{', '.join(KINDS)}, speed and the name of a file in specs/results"
        )
    return KINDS[kind](open_runs([_read(folder / f"{name}.json") for name in names])) + "\n"


def _names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.json"))


def _everything(name: str, folder: Path) -> str:
    runs = open_runs([_read(folder / f"{name}.json")])
    parts = [f"### {one_line(runs[0].title)}", commands(runs)]
    if runs[0].entries("evaluations"):
        parts.append(scores(runs))
    if runs[0].entries("teacher_checks"):
        parts += ["The teacher check:", teacher(runs)]
    if runs[0].entries("choices"):
        parts += ["Settings tried:", choices(runs)]
    return "\n" + "\n\n".join(parts) + "\n\n"


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_json(path)
    except FileNotFoundError:
        known = ", ".join(_names(path.parent)) or "none"
        raise UserError(f"{path} does not exist; there are: {known}") from None
    except ValueError as error:
        raise UserError(f"{path} is no JSON: {error}") from error


def _add(run: Path, folder: Path) -> None:
    """Takes a run's results.json, published, into the folder under the run folder's name."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(published(_read(run / "results.json")), ensure_ascii=False, indent=1)
    write_atomically(folder / f"{run.resolve().name}.json", text + "\n")


def scores(runs: Sequence[Run]) -> str:
    """Scores with intervals, and beside them paired comparisons by each test set's first metric."""
    blocks = score_blocks(runs, Systems(runs))
    metrics = list(dict.fromkeys(metric for block in blocks for metric in block["metrics"]))
    head = ["test set", "system", *map(metric_name, metrics)]
    compared = [
        next((metric for metric in block["metrics"] if metric in _compared(block)), None)
        for block in blocks
    ]
    differ = list(dict.fromkeys(metric for metric in compared if metric))
    # Where test sets are compared by several metrics each difference says which.
    named = len(differ) > 1
    if differ:
        against = "against" if named else f"{metric_name(differ[0])} against"
        head += [against, "difference", "p", "reading"]
    rows = []
    for block, by in zip(blocks, compared, strict=True):
        rows += _over_seeds(block, runs, metrics, by, named)
        for row in block["rows"]:
            cells = [block["on"], _name(row, runs), *(_cell(row, metric) for metric in metrics)]
            found = [
                _comparison(one, named)
                for one in block["comparisons"]
                if one["row"] == row["identity"] and one["metric"] == by
            ]
            rows.append([*cells, *(found[0] if found else [])])
            rows += [[*cells[:2], *("" for _ in metrics), *one] for one in found[1:]]
    rows = [row + [""] * (len(head) - len(row)) for row in rows]
    signatures = dict.fromkeys(
        signature
        for block in blocks
        for metric in metrics
        for signature in block["signatures"].get(metric, [])
    )
    notes = [f"`{one_line(signature)}`" for signature in signatures]
    shown = [
        one for block, by in zip(blocks, compared, strict=True)
        for one in block["comparisons"] if one["metric"] == by
    ]  # fmt: skip
    if any(one["p_estimated"] for one in shown):
        notes.insert(0, P_ESTIMATED)
    shown += [one for block, by in zip(blocks, compared, strict=True)
              for pair in block["over_seeds"] for one in pair if one["metric"] == by]  # fmt: skip
    said = [f"{flat(note[:1].upper() + note[1:])}." for note in verdict_notes(shown)]
    notes = _decodings(blocks) + said + notes
    return "\n".join([table(head, rows, left=2), "", *(f"{note}  " for note in notes)]).rstrip()


def _compared(block: dict[str, Any]) -> set[str]:
    return {one["metric"] for one in block["comparisons"]}


def _decodings(blocks: Sequence[dict[str, Any]]) -> list[str]:
    """How outputs were decoded, by test set; not where the systems' names say it."""
    found: dict[str, list[str]] = {}
    for block in blocks:
        if block["decode"] and not any(row["note"] for row in block["rows"]):
            found.setdefault("; ".join(map(flat, block["decode"])), []).append(flat(block["on"]))
    return [f"Decoding of {', '.join(sets)}: {decode}." for decode, sets in found.items()]


def teacher(runs: Sequence[Run]) -> str:
    """The teacher checks."""
    rows = []
    for run in runs:
        for check in run.entries("teacher_checks"):
            name = f"{run.title}: {check.get('of')}"
            beside = check.get("beside") or "a model without a teacher"
            sides = [("the teacher", check.get("figures"), check.get("verdict", "")),
                     (beside, check.get("baseline"), "")]  # fmt: skip
            for who, figures, verdict in sides:
                if figures:
                    rows.append([name, check.get("on"), who, *_check_figures(figures), verdict])
    figures = ["first guess right", "right word in top K", "entropy", "positions"]
    return table(["teacher", "on", "who", *figures, "verdict"], rows, left=3)


def _check_figures(figures: dict[str, Any]) -> list[str]:
    shares = [percent(figures.get(key)) for key in ("accuracy", "coverage")]
    return [*shares, number(figures.get("entropy"), 2), number(figures.get("positions"))]


def choices(runs: Sequence[Run]) -> str:
    """Settings that were tried, and the one that was chosen."""
    rows = [
        [f"`{one['stage']}`", trial["setting"], one["by"], trial["value"], number(trial["step"]),
         "chosen" if trial["chosen"] else ""]
        for one in tried(runs)
        for trial in one["trials"]
    ]  # fmt: skip
    return table(["stage", "setting", "by", "value", "step", ""], rows, left=3)


def stages(runs: Sequence[Run]) -> str:
    """Seconds and sizes of all stages."""
    rows = [
        [run.title, f"`{stage.get('label', name)}`", stage.get("kind"),
         duration(stage.get("seconds")), size(stage.get("bytes"))]
        for run in runs
        for name, stage in run.part("stages").items()
    ]  # fmt: skip
    return table(["run", "stage", "kind", "time", "size"], rows, left=3)


def commands(runs: Sequence[Run]) -> str:
    """What was run, where, and how long it took."""
    lines = []
    for run in runs:
        machine = plain(dict(run.part("machine")))
        lines += [
            one_line(f"{run.title}, stages of {duration(run.results.get('seconds'))} ({machine}):"),
            "",
            "```",
            one_line(str(run.results.get("command", ""))),
            "```",
            "",
        ]
    return "\n".join(lines).rstrip()


KINDS: dict[str, Callable[[Sequence[Run]], str]] = {
    "choices": choices,
    "scores": scores,
    "teacher": teacher,
    "stages": stages,
    "commands": commands,
}


def _name(row: dict[str, Any], runs: Sequence[Run]) -> str:
    letters = row["system"].letters
    titles = [run.title for run in runs if run.letter in letters]
    # A stage that all runs share needs no run's name.
    name = f"`{flat(row['system'].label)}`"
    if titles and len(titles) < len(runs):
        name += f" of {', '.join(titles)}"
    name += f", {flat(row['note'])}" if row["note"] else ""
    return f"{name}, seed {row['seed']}" if row["seed"] not in (None, 1) else name


def _over_seeds(
    block: dict[str, Any], runs: Sequence[Run], metrics: Sequence[str], by: str | None, named: bool
) -> list[list[str]]:
    """A row for each system of several seeds: means, spreads and t-intervals, and the difference by
    one metric."""
    rows = []
    for spread in block["spreads"]:
        name = _name({**spread, "seed": None}, runs)
        name += f", mean ± deviation of {spread['seeds']} seeds [t-interval]"
        cells = [
            block["on"],
            name,
            *(" ".join(spread["cells"].get(metric, ())) for metric in metrics),
        ]
        found = [
            one
            for pair in block["over_seeds"]
            for one in pair
            if (one["system"], one["note"], one["metric"]) == (spread["system"], spread["note"], by)
        ]
        if found:
            cells += _comparison({**found[0], "p": None, "p_estimated": False}, named)
        rows.append(cells)
    return rows


def _cell(row: dict[str, Any], metric: str) -> str:
    cell = row["cells"].get(metric)
    if not cell:
        return ""
    text = metric_value(metric, cell["value"])
    if is_number(cell["low"]) and is_number(cell["high"]):
        text += f" [{metric_value(metric, cell['low'])}, {metric_value(metric, cell['high'])}]"
    return text


def _comparison(one: dict[str, Any], named: bool) -> list[str]:
    metric = f"{metric_name(one['metric'])} " if named else ""
    low, high = (metric_value(one["metric"], one[end], signed=True) for end in ("low", "high"))
    return [
        f"`{flat(one['against'].label)}`",
        f"{metric}{difference(one)} [{low}, {high}]",
        p_value(one["p"], one["p_estimated"]),
        "" if one.get("one_of_several") else one["reading"],
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrites README.md where its tables are not those of the results; `--check` only tells."""
    parser = argparse.ArgumentParser(prog="tools/readme_tables", description=main.__doc__)
    parser.add_argument(
        "--add", type=Path, nargs="+", default=[], metavar="RUN",
        help="first take these runs' results.json into specs/results, without their sentences",
    )  # fmt: skip
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if stale")
    parser.add_argument("--root", type=Path, default=Path(), help="the project's folder")
    options = parser.parse_args(arguments)
    readme = options.root / "README.md"
    try:
        for run in options.add:
            _add(run, options.root / "specs" / "results")
        text = readme.read_text("utf-8")
        anew = regenerate(text, options.root / "specs" / "results")
    except (UserError, OSError) as error:
        print(f"readme_tables: {error}", file=sys.stderr)
        return 1
    if anew == text:
        return 0
    if options.check:
        print("README.md: its tables are not those of specs/results; run tools/readme_tables")
        return 1
    write_atomically(readme, anew)
    return 0


if __name__ == "__main__":
    sys.exit(main())
