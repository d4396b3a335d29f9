"""What the comparison of an evaluation says by one metric, in a word."""

from collections.abc import Mapping
from typing import Any

from tfkd.evaluation import in_words, p_of
from tfkd.evaluation.trivial_systems import clearly_better
from tfkd.evaluation.verdict import verdict_of
from tfkd.report.systems import label_of
from tfkd.report.wording import is_number

NOT_LEARNT = "not learnt"


def reading_of(
    metric: str, entry: Mapping[str, Any], over: Mapping[str, Any] | None = None
) -> tuple[str, str]:
    """`better`, `worse`, `undecided`, or `not learnt` with the reason.

    Args:
        metric: The metric.
        entry: An `Evaluation` of results.json with a baseline.
        over: What is said of all its seeds; it decides.
    """
    for one in entry.get("trivial") or ():
        found = (one.get("metrics") or {}).get(metric) or {}
        known = is_number(found.get("low")) and is_number(found.get("high"))
        if known and not clearly_better(metric, found):
            return NOT_LEARNT, f"{label_of(entry)} is not above {in_words(one)}"
    found = entry["against"]["metrics"][metric]
    p = p_of(found)[0]
    if over is not None:
        found, p = over["against"]["differences"][metric], None
    return verdict_of(metric, found.get("low"), found.get("high"), p), ""
