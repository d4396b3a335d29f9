"""One line a run: its model's first score, the baseline's, their difference and what it says."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfkd.report.markdown.tables import flat, table
from tfkd.report.scores import difference, score_blocks, verdicts
from tfkd.report.systems import Run, Systems
from tfkd.report.wording import is_number, metric_name, metric_value


def summary(runs: Sequence[Run]) -> str:
    """The first comparison of each run as a row: what a page shows before any details.

    Each run is read alone: its systems are not those of the others.
    """
    head = ["run", "test set", "metric", "model", "baseline", "difference", "reading"]
    rows = [row for run in runs for row in _row(run)]
    return table(head, rows, left=3)


def _row(run: Run) -> list[list[str]]:
    told = [one for one in verdicts(score_blocks([run], Systems([run])), [run]) if one["cell"]]
    if not told:
        return []
    first, metric = told[0], told[0]["metric"]
    cell, against = first["cell"], first["comparison"]
    row = [f"`{flat(run.title)}`", flat(str(first["on"])), metric_name(metric)]
    row.append(_with_interval(metric, cell))
    if against is None:
        return [[*row, "", "", ""]]
    low, high = (metric_value(metric, against[end], signed=True) for end in ("low", "high"))
    reading = "" if against.get("one_of_several") else against["reading"]
    without = metric_value(metric, against["value"])
    return [[*row, without, f"{difference(against)} [{low}, {high}]", reading]]


def _with_interval(metric: str, cell: Mapping[str, Any]) -> str:
    text = metric_value(metric, cell["value"])
    ends = [cell.get("low"), cell.get("high")]
    if not all(map(is_number, ends)):
        return text
    return f"{text} [{', '.join(metric_value(metric, end) for end in ends)}]"
