"""Where values and intervals stand on the bars of a table's column."""

import math
from collections.abc import Sequence
from typing import Any

from tfkd.evaluation import WITH_LINE_ENDS
from tfkd.report.wording import is_number

# A model's may be a hundred times another's: they stand by their logarithms.
RATIOS = frozenset({"perplexity", "word_perplexity", WITH_LINE_ENDS})


def place_intervals(rows: Sequence[dict[str, Any]], metrics: Sequence[str]) -> None:
    """Adds `cells`: each figure with its place, in percent of the span that its column covers."""
    for row in rows:
        row["cells"] = {}
    for metric in metrics:
        figures = [(row, row["figures"].get(metric) or {}) for row in rows]
        ends = [
            _scaled(metric, figure[key])
            for _, figure in figures
            for key in ("value", "low", "high")
            if is_number(figure.get(key))
        ]
        if not ends:
            continue
        least, span = min(ends), (max(ends) - min(ends)) or 1
        for row, figure in figures:
            if not is_number(figure.get("value")):
                continue
            cell = {key: figure.get(key) for key in ("value", "low", "high")}
            if is_number(cell["low"]) and is_number(cell["high"]):
                cell["range"] = [
                    round(4 + 92 * (_scaled(metric, cell[key]) - least) / span, 2)
                    for key in ("low", "value", "high")
                ]
            row["cells"][metric] = cell


def place_differences(comparisons: Sequence[dict[str, Any]]) -> None:
    """Adds `range`: the places of each difference and its interval, zero in the middle."""
    for metric in {one["metric"] for one in comparisons}:
        placed = [
            (one, [_change(metric, one["value"], one[key]) for key in ("low", "delta", "high")])
            for one in comparisons
            if one["metric"] == metric and is_number(one["low"]) and is_number(one["high"])
        ]
        reach = max((abs(place) for _, places in placed for place in places), default=0)
        for one, places in placed if reach else ():
            one["range"] = [round(50 + 46 * place / reach, 2) for place in places]


def _scaled(metric: str, value: float) -> float:
    return math.log(value) if metric in RATIOS and value > 0 else value


def _change(metric: str, base: Any, delta: float) -> float:
    """A difference on the column's scale."""
    if metric in RATIOS and is_number(base) and base > 0:
        # An interval of differences may reach below nothing; a perplexity does not.
        return math.log(max(base + delta, 1e-3 * base) / base)
    return delta
