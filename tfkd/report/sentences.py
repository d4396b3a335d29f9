"""The sentences on which two systems differ most: tables 7 to 9 of the first paper."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfkd.report.systems import Run, Systems, label_of
from tfkd.report.wording import is_number, metric_value, search_of


def differing_sentences(runs: Sequence[Run], systems: Systems) -> list[dict[str, Any]]:
    """A block for each comparison on a test set: gains, then losses, with both scores."""
    found: dict[Any, dict[str, Any]] = {}
    for run in runs:
        for entry in run.entries("evaluations"):
            block = _block(run, entry, systems)
            if block is not None:
                key = (block["system"], block["against"], block["on"], block["search"])
                found.setdefault(key, block)
    return list(found.values())


def _block(run: Run, entry: Mapping[str, Any], systems: Systems) -> dict[str, Any] | None:
    given, against = entry.get("differing") or {}, entry.get("against")
    if not against or not given.get("rows"):
        return None
    metric = str(given.get("metric"))
    rows = [
        {
            **{key: str(row.get(key) or "") for key in ("source", "reference")},
            "outputs": [
                (str(row.get("against") or ""), metric_value(metric, row.get("against_value"))),
                (str(row.get("hypothesis") or ""), metric_value(metric, row.get("value"))),
            ],
            "gain": row["value"] > row["against_value"],
            "number": row.get("row"),
        }
        for row in given["rows"]
        if is_number(row.get("value")) and is_number(row.get("against_value"))
    ]
    return {
        "system": systems.of(run, label_of(entry)),
        "against": systems.of(run, label_of(against)),
        "on": str(entry.get("on")),
        "search": search_of(entry),
        "metric": metric,
        "rows": rows,
    }
