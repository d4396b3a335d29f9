"""Several seeds of one system: mean, std and Student's interval, of scores and differences."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tfkd.evaluation.intervals.seed_intervals import over_seeds
from tfkd.report.run_verdicts import verdict_over
from tfkd.report.wording import is_number, metric_value


def scores_over_seeds(
    rows: Sequence[Mapping[str, Any]], metrics: Sequence[str]
) -> list[dict[str, Any]]:
    """The scores over the seeds of each system, in one run and by one search.

    Returns:
        `system`, `note`, `seeds` (their number), `cells`, two texts for each metric: mean ±
        standard deviation, and [95 % t-interval]; and `means`.
    """
    by_system: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["seed"] is not None:
            key = (row["system"].label, row["system"].letters, row["note"])
            by_system.setdefault(key, []).append(row)
    found_means = []
    for ours in by_system.values():
        if len(ours) < 2:
            continue
        values = {
            metric: [row["cells"][metric]["value"] for row in ours if metric in row["cells"]]
            for metric in metrics
        }
        over = {metric: over_seeds(found) for metric, found in values.items() if len(found) > 1}
        found_means.append(
            {
                "system": ours[0]["system"],
                "note": ours[0]["note"],
                "seeds": len(ours),
                "cells": {metric: mean_texts(metric, found) for metric, found in over.items()},
                "means": {metric: found["mean"] for metric, found in over.items()},
            }
        )
    return found_means


def mean_texts(metric: str, found: Mapping[str, Any]) -> tuple[str, str]:
    """39.41 ± 0.31 and [38.64, 40.18]."""
    mean, std, low, high = (
        metric_value(metric, found[key]) for key in ("mean", "std", "low", "high")
    )
    return f"{mean} ± {std}", f"[{low}, {high}]"


def differences_over_seeds(
    comparisons: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The differences over the seeds of each system and what it is compared with, seed by seed.

    Those of the single seeds are marked `one_of_several`: the mean's verdict is the one to tell.

    Returns:
        `system`, `against`, `metric`, `note`, `n`, `own_value` and `value` (both means), `delta`
        (the mean), `std`, `low`, `high` (the 95 % t-interval), `verdict` and its `reading`.
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
        ours = list(by_seed.values())
        over = over_seeds([one["delta"] for one in ours])
        for one in ours:
            one["one_of_several"] = True
        entries = [one["entry"] for one in ours]
        verdict = verdict_over(entries, metric, over, (system.name, against.name))
        found.append(
            {
                **{key: _mean(one[key] for one in ours) for key in ("own_value", "value")},
                "system": system,
                "against": against,
                "metric": metric,
                "note": note,
                "n": over["n"],
                "delta": over["mean"],
                "std": over["std"],
                "low": over["low"],
                "high": over["high"],
                "verdict": verdict,
                "reading": verdict.brief,
            }
        )
    return found


def mean_of(
    block: Mapping[str, Any], row: Mapping[str, Any], metric: str
) -> tuple[int | None, float | None]:
    """How many seeds the system of a row has, and the mean of a metric over them; (None, None) of a
    single one."""
    for mean in block["means"]:
        same = (mean["system"], mean["note"]) == (row["system"], row["note"])
        if same and metric in mean["means"]:
            return mean["seeds"], mean["means"][metric]
    return None, None


def over_comparison(
    block: Mapping[str, Any], comparison: Mapping[str, Any], row: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """What a block has of all seeds in the place of one seed's comparison; None: nothing."""
    alike = ("system", "against", "metric")
    for pair in block["over_seeds"]:
        for one in pair:
            same = all(one[key] == comparison[key] for key in alike)
            if same and one["note"] == row["note"]:
                return one
    return None


def _mean(values: Iterable[Any]) -> float | None:
    values = list(values)
    return over_seeds(values)["mean"] if all(map(is_number, values)) else None
