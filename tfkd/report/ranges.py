"""Where values and intervals stand on the bars of a table's column."""

import math
from collections.abc import Sequence
from typing import Any

from tfkd.report.wording import is_number
from tfkd.spec.metrics import about


def place_intervals(rows: Sequence[dict[str, Any]], metrics: Sequence[str]) -> None:
    """Adds `cells`: each figure, and as `range` its interval's places, in percent of the span that
    its column covers."""
    for row in rows:
        row["cells"] = {}
    for metric in metrics:
        places = {
            (number, key): _scaled(metric, (row["figures"].get(metric) or {}).get(key))
            for number, row in enumerate(rows)
            for key in ("low", "value", "high")
        }
        known = [place for place in places.values() if place is not None]
        if not known:
            continue
        least, span = min(known), (max(known) - min(known)) or 1
        for number, row in enumerate(rows):
            figure = row["figures"].get(metric) or {}
            if not is_number(figure.get("value")):
                continue
            row["cells"][metric] = {key: figure.get(key) for key in ("value", "low", "high")}
            found = [places[number, key] for key in ("low", "value", "high")]
            if None not in found:
                row["cells"][metric]["range"] = [
                    round(4 + 92 * (place - least) / span, 2) for place in found
                ]


def place_differences(comparisons: Sequence[dict[str, Any]]) -> None:
    """Adds `range`: the places of each difference and its interval, zero in the middle; of a
    perplexity as shares of the other's."""
    for metric in {one["metric"] for one in comparisons}:
        placed = []
        for one in comparisons:
            unit = one.get("value") if about(metric).logarithmic else 1
            known = all(is_number(number) for number in (unit, one["low"], one["high"]))
            if one["metric"] == metric and known and unit > 0:
                placed.append((one, [one[key] / unit for key in ("low", "delta", "high")]))
        reach = max((abs(place) for _, places in placed for place in places), default=0)
        for one, places in placed if reach else ():
            one["range"] = [round(50 + 46 * place / reach, 2) for place in places]


def _scaled(metric: str, value: Any) -> float | None:
    """A value on its column's scale; None: it has no place there."""
    # One model's perplexity may be a hundred times another's: they stand by their logarithms.
    logarithmic = about(metric).logarithmic
    if not is_number(value) or (logarithmic and value <= 0):
        return None
    return math.log(value) if logarithmic else value
