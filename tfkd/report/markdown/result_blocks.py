"""What a block of results shows of runs: their scores, teacher checks, trials, stages, commands."""

from collections.abc import Callable, Sequence
from typing import Any

from tfkd.report.classes import choices as tried
from tfkd.report.markdown.result_summary import summary
from tfkd.report.markdown.tables import flat, one_line, table
from tfkd.report.scores import difference, score_blocks, verdict_notes
from tfkd.report.systems import Run, Systems
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


def means(runs: Sequence[Run]) -> str:
    """The same of several seeds together, where there are several, and of none of them alone."""
    return scores(runs, each=False)


def scores(runs: Sequence[Run], each: bool = True) -> str:
    """Scores with intervals, and beside them paired comparisons by each test set's first metric.

    Args:
        runs: Their results.
        each: Whether each seed has a row of its own beside their mean.
    """
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
        for row in block["rows"] if each or not block["over_seeds"] else ():
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
            sides = [("the teacher", check.get("metrics"), check.get("verdict", "")),
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
        machine += f"; made on {run.makers}" if run.makers else ""
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
    "means": means,
    "scores": scores,
    "teacher": teacher,
    "stages": stages,
    "commands": commands,
    "summary": summary,
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
    """A row for each system of several seeds: means, deviations, t-intervals, and the difference by
    one metric."""
    rows = []
    for mean in block["means"]:
        name = _name({**mean, "seed": None}, runs)
        name += f", mean ± deviation of {mean['seeds']} seeds [t-interval]"
        cells = [
            block["on"],
            name,
            *(" ".join(mean["cells"].get(metric, ())) for metric in metrics),
        ]
        found = [
            one
            for pair in block["over_seeds"]
            for one in pair
            if (one["system"], one["note"], one["metric"]) == (mean["system"], mean["note"], by)
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
