"""What outputs and guesses show by themselves of a model that has not learnt its task."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfkd.evaluation.score import shown_difference
from tfkd.evaluation.trivial_systems import (
    CONSTANT,
    COPY,
    EMPTY,
    MAJORITY,
    TEST,
    UNIGRAM,
    clearly_better,
)
from tfkd.spec.metrics import about

# From this share of rows on a fault is told of; fewer are the weak spots of any model.
TOLD = 0.05
# One output for this share of the sources, and twice as often as any reference stands there.
ONE_FOR_ALL = 0.5
# Fewer different sources than this may well have one output.
_FEW_SOURCES = 10
# A repetition: these many times the same words, and at least so many words altogether.
_TIMES, _WORDS, _LONGEST = 4, 8, 8
_SHOWN = 40


def output_faults(
    outputs: Sequence[str],
    sources: Sequence[str],
    references: Sequence[str],
    *,
    cut: Callable[[], np.ndarray] | None = None,
    told: float = TOLD,
    open_ended: bool = False,
) -> dict[str, str]:
    """What is wrong with a model's outputs, whatever they score.

    Args:
        outputs: A line a row.
        sources: What was read. A row without a source has no output, and is left out here.
        references: What was expected. A row without a reference may have no output either.
        cut: Returns bool `[rows]`: outputs that are as long as the search lets them be; None: that
            is unknown.
        told: The least share of rows that is told of.
        open_ended: Outputs are continuations of prompts, which seldom come to an end by themselves.

    Returns:
        Messages by kind: `nothing` (all are empty), or `empty`, `equal`, `repeating`, `cut`; those
        that are so.
    """
    rows = [row for row, source in enumerate(sources) if source.strip() and references[row].strip()]
    lines = [outputs[row].strip() for row in rows]
    found: dict[str, str] = {}
    if not rows:
        return found
    empty = lines.count("")
    if empty == len(rows):
        what = "the output is" if empty == 1 else f"all {empty:,} outputs are"
        found["nothing"] = (
            f"{what} empty: the model writes nothing, and no score says anything of it. Look at "
            "its training curve, and train it longer or at another rate"
        )
        return found
    if empty >= told * len(rows):
        found["empty"] = (
            f"{_of(empty, len(rows))} outputs are empty: there the model ends before it has "
            "written a word. Look at these rows; train it longer, or search otherwise (`decode`)"
        )
    if message := _equal(lines, [sources[row] for row in rows], [references[row] for row in rows]):
        found["equal"] = message
    if open_ended:
        return found
    repeating = [row for row in rows if repeats(outputs[row]) and not repeats(references[row])]
    if len(repeating) >= max(2, told * len(rows)):
        found["repeating"] = (
            f"{_of(len(repeating), len(rows))} outputs repeat their last words to the end, like "
            f"{_end(outputs[repeating[0]])!r}: the model does not find their end. Train it longer, "
            "or search otherwise (`decode`)"
        )
    elif cut is not None and (number := int(np.sum(cut()[rows]))) >= max(2, told * len(rows)):
        found["cut"] = (
            f"{_of(number, len(rows))} outputs are as long as `decode` lets them be, and lack "
            "their end. Raise its max_length, if references are longer; else train the model longer"
        )
    return found


def guess_faults(guesses: Sequence[str], labels: Sequence[str], classes: int) -> dict[str, str]:
    """What is wrong with a classifier's guesses: all of `one class`, though the labels are not.

    Args:
        guesses: The names of the classes that were guessed.
        labels: Those of the right ones.
        classes: How many the model tells apart.
    """
    if len(set(guesses)) > 1 or len(set(labels)) < 2:
        return {}
    return {
        "one class": f"all {len(guesses):,} rows are guessed to be {guesses[0]!r}, one of "
        f"{classes} classes: the model tells nothing apart. Look at its training curve, and train "
        "it longer or at another rate"
    }


def not_better(trivial: Sequence[Mapping[str, Any]]) -> str | None:
    """Says by which metrics a system is not clearly better than a trivial one; None: by none.

    Clearly better means that the 95 % interval of the paired difference lies on the better side
    of 0.

    Args:
        trivial: An evaluation's `trivial` of results.json.
    """
    said = []
    for one in trivial:
        worse = {
            metric: found
            for metric, found in one["metrics"].items()
            if not clearly_better(metric, found)
        }
        if worse:
            said.append(f"{in_words(one)} by {_first(worse)}")
    if not said:
        return None
    return (
        f"not clearly better than {'; nor than '.join(said)}. The model has not been shown to have "
        "learnt this task: train it longer or at another rate; where the interval is wide, score "
        "more rows"
    )


def _first(differences: Mapping[str, Mapping[str, float]]) -> str:
    """The first difference in figures, the metrics of the others by name."""
    (metric, found), *others = differences.items()
    scores = (found["value"] + found["delta"], found["value"])
    ours, theirs = (_said(metric, value) for value in scores)
    scale = 100 if about(metric).percent else 1
    apart = shown_difference(*(scale * value for value in scores), 2) / scale
    ends = (apart, found["low"], found["high"])
    delta, low, high = (_said(metric, value, signed=True) for value in ends)
    also = "".join(f", {name}" for name, _ in others)
    return f"{metric} ({ours} against {theirs}: {delta}, 95 % interval {low} to {high}){also}"


def in_words(trivial: Mapping[str, Any]) -> str:
    """What a trivial system of results.json does."""
    counted = "of the test set" if trivial.get("frequencies") == TEST else "of training"
    label = f" ({trivial['guess']})" if "guess" in trivial else ""
    return {
        COPY: "copying the source",
        EMPTY: "an empty output",
        CONSTANT: "its most frequent output everywhere",
        MAJORITY: f"the most frequent class {counted}{label}",
        UNIGRAM: f"a unigram model {counted}",
    }.get(trivial["kind"], str(trivial["kind"]))


def repeats(line: str) -> bool:
    """Whether a line ends in the same words again and again; of a line without spaces, in the same
    characters."""
    words = line.split()
    words = words if len(words) > 1 else list(line.strip())
    for size in range(1, _LONGEST + 1):
        times = max(_TIMES, -(-_WORDS // size))
        tail = words[-size * times :]
        if len(tail) == size * times and tail == tail[:size] * times:
            # Dots and dashes to the end of a line are typography.
            return any(character.isalnum() for word in tail[:size] for character in word)
    return False


def _equal(lines: Sequence[str], sources: Sequence[str], references: Sequence[str]) -> str | None:
    """Says that one output stands for most of the different sources, unless references do, too."""
    different = dict(zip(sources, zip(lines, references, strict=True), strict=True))
    if len(different) < _FEW_SOURCES:
        return None
    written = Counter(line for line, _ in different.values() if line)
    if not written:
        return None
    ((line, number),) = written.most_common(1)
    expected = Counter(reference for _, reference in different.values()).most_common(1)[0][1]
    if number < max(ONE_FOR_ALL * len(different), 2 * expected):
        return None
    shown = line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
    return (
        f"one output, {shown!r}, stands for {_of(number, len(different))} different sources: the "
        "model hardly reads them. Look at its training curve, and train it longer or at another "
        "rate"
    )


def _end(line: str) -> str:
    line = line.strip()
    return line if len(line) <= _SHOWN else f"…{line[-_SHOWN:]}"


def _of(number: int, rows: int) -> str:
    return f"{number:,} of {rows:,} ({100 * number / rows:.1f} %)"


def _said(metric: str, value: float, signed: bool = False) -> str:
    """A figure, or a difference with its sign and a true minus."""
    value, unit = (100 * value, "" if signed else " %") if about(metric).percent else (value, "")
    return f"{value:{'+' if signed else '-'},.2f}{unit}".replace("-", "−")
