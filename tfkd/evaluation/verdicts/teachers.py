"""The teacher check: does the teacher know more than a student finds out alone?

A teacher whose guesses at masked positions are no better than a student's own teacher-forced ones
has nothing to teach; then no weight or temperature helps.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfkd.evaluation.score import shown_difference

CLEARLY_BETTER = "clearly better"
NOT_CLEARLY_BETTER = "not clearly better"
NOT_COMPARED = "not compared"
# The least difference in accuracy that is worth a teacher's cost.
LEAST_DIFFERENCE = 0.01
# More accuracy than this on scored rows over unseen ones means they are partly learnt by heart.
HEART_DIFFERENCE = 0.05
_Z = 1.959963984540054  # two-sided 95 % of a normal distribution


def teacher_check(
    metrics: Mapping[str, float],
    baseline: Mapping[str, float] | None = None,
    *,
    unit: str = "positions",
    masked: bool = False,
) -> dict[str, Any]:
    """Compares a teacher at the work its signal does with a model that had no teacher.

    Clearly better means all of: the 95 % interval of the difference in accuracy lies above 0; the
    difference is at least 1 point; and, where both are known, the right word is among the
    teacher's top K at least as often as among the baseline's. The interval is
    d +- 1.96 * sqrt(a (1 - a) / n + b (1 - b) / m), positions counted as independent: positions of
    one sentence lean on each other (too narrow), the same positions on both sides (too wide).

    Args:
        metrics: The teacher's `accuracy` (0 to 1), `positions`, and where known `entropy` (nats),
            `coverage` (share of positions whose right word is in the top K), `mass` (probability of
            the top K).
        baseline: The same of the model without teacher at the same positions; None: not known.
        unit: What people call the positions: of a classifier rows, of a language model words.
        masked: Whether the teacher fills in words.

    Returns:
        `verdict` (one of the three above), `message`, `difference` (`value`, `low`, `high`; None
        without baseline).
    """
    accuracy, positions = _accuracy(metrics, "metrics")
    if baseline is None:
        return {
            "verdict": NOT_COMPARED,
            "message": f"The teacher is right at {_points(accuracy)} of {positions:,} {unit}; "
            "no baseline was given to compare it with.",
            "difference": None,
        }
    other, other_positions = _accuracy(baseline, "baseline")
    value = accuracy - other
    error = _Z * float(
        np.sqrt(accuracy * (1 - accuracy) / positions + other * (1 - other) / other_positions)
    )
    difference = {"value": value, "low": value - error, "high": value + error}
    message = (
        f"The teacher is right at {_points(accuracy)} of {positions:,} {unit}, the baseline at "
        f"{_points(other)}: {_apart(accuracy, other)} points, 95 % interval "
        f"{_signed(difference['low'])} to {_signed(difference['high'])}"
    )
    reasons = []
    if difference["low"] <= 0:
        reasons.append("the interval does not lie above 0")
    elif value < LEAST_DIFFERENCE:
        reasons.append(f"less than {100 * LEAST_DIFFERENCE:.0f} point apart")
    covered, other_covered = metrics.get("coverage"), baseline.get("coverage")
    if covered is not None and other_covered is not None:
        message += f"; the right word is in the top K at {_points(covered)} and "
        message += _points(other_covered)
        if covered < other_covered:
            reasons.append("its top K holds the right word less often than the baseline's")
    if not reasons:
        return {"verdict": CLEARLY_BETTER, "message": f"{message}.", "difference": difference}
    message += (
        f". Not clearly better ({'; '.join(reasons)}): a student learns little from it. Train the "
        "teacher longer or on more text before the student"
        + (", also with more of the words masked." if masked else ".")
    )
    return {"verdict": NOT_CLEARLY_BETTER, "message": message, "difference": difference}


def context_check(
    metrics: Mapping[str, float],
    blind: Mapping[str, float],
    most_frequent: float,
    *,
    words: str = "masked words",
    beside: str = "the teacher without context",
) -> dict[str, Any]:
    """Judges a teacher by what it knows of words from their context.

    Clearly better means: more often right than the most frequent word and than the teacher itself
    without context, by the same rule as `teacher_check`'s.

    Args:
        metrics: The teacher's `accuracy` and `positions` at the words that it predicts.
        blind: The same where the context is hidden.
        most_frequent: The accuracy of the one word that is right most often at these positions.
        words: What these words are.
        beside: What sees no context.

    Returns:
        As `teacher_check`, the difference being that to the better of the two; and `context`: the
        accuracy that comes of context, `metrics` less `blind`.
    """
    accuracy, positions = _accuracy(metrics, "metrics")
    without, _ = _accuracy(blind, "blind")
    floor = {"accuracy": max(without, float(most_frequent)), "positions": positions}
    judged = teacher_check({"accuracy": accuracy, "positions": positions}, floor)
    message = (
        f"The teacher is right at {_points(accuracy)} of {positions:,} {words}, the most frequent "
        f"word at {_points(most_frequent)}, {beside} at {_points(without)}: "
        f"{_apart(accuracy, without, plus=False)} points come of context."
    )
    if judged["verdict"] != CLEARLY_BETTER:
        message += (
            " Not clearly better: a student learns little from it. Train the teacher longer, or on "
            "more text, before the student."
        )
    return {**judged, "message": message, "context": accuracy - without}


def check_line(entry: Mapping[str, Any]) -> str:
    """A judged check in one line."""
    seed = f", seed {entry['seed']}" if "seed" in entry else ""
    return f"teacher check, {entry['of']}{seed} on {entry['on']}: {entry['message']}"


def learnt_by_heart(
    scored: Mapping[str, float],
    unseen: Mapping[str, float],
    *,
    on: str = "validation",
    unit: str = "positions",
    labels: bool = False,
    masked: bool = False,
    kept_by: str | None = None,
) -> str | None:
    """A warning where a teacher knows the rows that it scores by heart; None where it does not.

    Args:
        scored: The teacher's metrics on the rows that it scores for the student.
        unseen: Its metrics on validation rows.
        on: What these are called.
        unit: What people call the positions, see `teacher_check`.
        labels: Whether it tells classes apart.
        masked: Whether it fills in words, where one that reads from the left may stand, too.
        kept_by: The metric by which its training keeps its best step; None: it does not.
    """
    excess = _accuracy(scored, "scored")[0] - _accuracy(unseen, "unseen")[0]
    if excess <= HEART_DIFFERENCE:
        return None
    advice = ["train it for fewer steps", "pre-train it on more text"]
    if kept_by == "loss":
        del advice[0]  # of its steps the best is kept
    else:
        instead = "" if kept_by is None else f" and not by {kept_by}"
        advice.insert(0, f"keep its best step by validation loss (`keep: {{best: loss}}`){instead}")
    said = " or ".join(filter(None, [", ".join(advice[:-1]), advice[-1]]))
    other = (
        "; a teacher that reads from the left as its student writes (`read: previous`) bears it "
        "better"
    )
    return (
        f"The teacher is right at {_points(scored['accuracy'])} of the {unit} that it scores "
        f"and at {_points(unseen['accuracy'])} on {on}: it has learnt part of them by heart, "
        f"and there its soft targets say little more than the {'labels' if labels else 'words'} "
        f"themselves. {said[0].upper()}{said[1:]}{other if masked else ''}."
    )


def _accuracy(metrics: Mapping[str, float], argument: str) -> tuple[float, int]:
    accuracy, positions = metrics.get("accuracy"), metrics.get("positions")
    if accuracy is None or not positions or not 0 <= accuracy <= 1:
        raise ValueError(
            f"Invalid value for argument `{argument}`. Expected accuracy from 0 to 1 and positions "
            f"above 0. Received: accuracy={accuracy}, positions={positions}"
        )
    return float(accuracy), int(positions)


def _points(share: float) -> str:
    return f"{100 * share:.1f} %"


def _apart(share: float, other: float, plus: bool = True) -> str:
    """The difference of two shares as they are shown."""
    return _signed(shown_difference(100 * share, 100 * other, 1) / 100, plus)


def _signed(share: float, plus: bool = True) -> str:
    """A difference in points, with a true minus as in the tables beside it."""
    return f"{100 * share:{'+' if plus else '-'}.1f}".replace("-", "−")
