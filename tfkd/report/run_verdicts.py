"""The verdicts of a run's results: of each evaluation beside its baseline, and over the seeds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tfkd.evaluation.system_verdict import Contender, Verdict, system_verdict
from tfkd.evaluation.verdict import p_of
from tfkd.report.systems import label_of
from tfkd.report.wording import is_number

# What entries have in common with what is said of all their seeds.
_ALIKE = ("of", "variant", "on", "decode", "context")


def entry_verdict(
    entry: Mapping[str, Any], metric: str, names: Sequence[str] | None = None
) -> Verdict | None:
    """What an evaluation's comparison by a metric says; None: it has none.

    Args:
        entry: An `Evaluation` of results.json.
        metric: The metric.
        names: What the system and the other are called; None: by their labels.
    """
    against = entry.get("against") or {}
    found = (against.get("metrics") or {}).get(metric) or {}
    if not is_number(found.get("delta")):
        return None
    p, _ = p_of(found)
    seeds = None if entry.get("seed") is None else 1
    return system_verdict(metric, found, *_contenders([entry], names), p=p, seeds=seeds)


def mean_verdict(
    summary: Mapping[str, Any], metric: str, evaluations: Iterable[Mapping[str, Any]]
) -> Verdict | None:
    """What the mean over the seeds says; None: it stands beside nothing.

    Args:
        summary: One of `over_seeds` of results.json.
        metric: The metric.
        evaluations: The results' evaluations, of which the summary's are taken.
    """
    against = summary.get("against") or {}
    found = (against.get("differences") or {}).get(metric)
    if found is None:
        return None
    entries = [one for one in evaluations if is_part(one, summary)]
    return verdict_over(entries, metric, found, (label_of(summary), label_of(against)))


def verdict_over(
    entries: Sequence[Mapping[str, Any]],
    metric: str,
    found: Mapping[str, Any],
    names: Sequence[str],
) -> Verdict:
    """What the difference over some seeds says, of evaluations that differ in their seed alone."""
    return system_verdict(metric, found, *_contenders(entries, names), seeds=found["n"])


def is_part(entry: Mapping[str, Any], summary: Mapping[str, Any]) -> bool:
    """Whether an evaluation is one of those that a summary over the seeds is made of."""
    others = [one.get("against") or {} for one in (entry, summary)]
    return (
        all(entry.get(key) == summary.get(key) for key in _ALIKE)
        and entry.get("seed") in summary["seeds"]
        and len({(one.get("of"), one.get("variant")) for one in others}) == 1
    )


def _contenders(
    entries: Sequence[Mapping[str, Any]], names: Sequence[str] | None
) -> list[Contender]:
    """Both sides of evaluations that differ in their seed alone."""
    sides = [[*entries], [entry.get("against") or {} for entry in entries]]
    names = names or [label_of(side[0]) for side in sides]
    return [
        Contender(name, [trivial for one in side for trivial in one.get("trivial") or ()])
        for name, side in zip(names, sides, strict=True)
    ]
