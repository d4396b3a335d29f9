"""The verdicts of a run's results: of each evaluation beside its baseline, and over the seeds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tfkd.evaluation import comparison_key
from tfkd.evaluation.verdicts.systems import Contender, Verdict, system_verdict
from tfkd.evaluation.verdicts.verdict import p_of
from tfkd.report.systems import label_of
from tfkd.report.wording import is_number
from tfkd.spec.errors import UserError


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
    if not entries:
        raise UserError(
            f"results.json: over_seeds has {label_of(summary)} on {summary.get('on')}, and "
            "evaluations have none of its seeds; `tfkd run` makes the file anew"
        )
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
    return entry.get("seed") in summary["seeds"] and comparison_key(entry) == comparison_key(
        summary
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
