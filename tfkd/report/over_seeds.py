"""Several seeds of one system: mean, spread and Student's interval, of scores and differences."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfkd.evaluation.seed_spread import over_seeds
from tfkd.evaluation.verdict import verdict_of
from tfkd.report.wording import is_number, metric_value


def score_spreads(
    rows: Sequence[Mapping[str, Any]], metrics: Sequence[str]
) -> list[dict[str, Any]]:
    """The scores over the seeds of each system, in one run and by one search.

    Returns:
        `system`, `note`, `seeds` (their number) and `cells`, two texts for each metric: mean ±
        standard deviation, and [95 % t-interval].
    """
    by_system: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["seed"] is not None:
            key = (row["system"].label, row["system"].letters, row["note"])
            by_system.setdefault(key, []).append(row)
    spreads = []
    for ours in by_system.values():
        if len(ours) < 2:
            continue
        values = {
            metric: [row["cells"][metric]["value"] for row in ours if metric in row["cells"]]
            for metric in metrics
        }
        spreads.append(
            {
                "system": ours[0]["system"],
                "note": ours[0]["note"],
                "seeds": len(ours),
                "cells": {
                    metric: spread_texts(metric, over_seeds(found))
                    for metric, found in values.items()
                    if len(found) > 1
                },
            }
        )
    return spreads


def spread_texts(metric: str, found: Mapping[str, Any]) -> tuple[str, str]:
    """39.41 ± 0.31 and [38.64, 40.18]."""
    mean, spread, low, high = (
        metric_value(metric, found[key]) for key in ("mean", "spread", "low", "high")
    )
    return f"{mean} ± {spread}", f"[{low}, {high}]"


def difference_spreads(
    comparisons: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The differences over the seeds of each system and what it is compared with, seed by seed.

    Returns:
        `system`, `against`, `metric`, `note`, `n`, `delta` (the mean), `spread`, `low`, `high` (the
        95 % t-interval), `reading`.
    """
    notes = {row["identity"]: row["note"] for row in rows}
    seeds = {row["identity"]: row["seed"] for row in rows}
    groups: dict[Any, dict[Any, Mapping[str, Any]]] = {}
    for one in comparisons:
        if is_number(one["delta"]) and seeds[one["row"]] is not None:
            key = (one["system"], one["against"], one["metric"], notes[one["row"]])
            groups.setdefault(key, {}).setdefault(seeds[one["row"]], one)
    found = []
    for (system, against, metric, note), by_seed in groups.items():
        if len(by_seed) < 2:
            continue
        over = over_seeds([one["delta"] for one in by_seed.values()])
        found.append(
            {
                "system": system,
                "against": against,
                "metric": metric,
                "note": note,
                "n": over["n"],
                "delta": over["mean"],
                "spread": over["spread"],
                "low": over["low"],
                "high": over["high"],
                "reading": verdict_of(metric, over["low"], over["high"]),
            }
        )
    return found
