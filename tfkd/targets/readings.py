"""How a teacher reads the target words of a corpus, shard by shard: what `tfkd.targets.scoring`
stores, with its arguments, before anybody is asked."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.layouts import rounded_width
from tfkd.data.masked_passes import masked_pass, pass_rows, target_positions
from tfkd.data.side_by_side import side_by_side
from tfkd.data.views.base import SequenceView, View
from tfkd.data.views.pair import PairView
from tfkd.data.views.prefix_lm import PrefixLMView
from tfkd.data.views.prompted import PromptedView
from tfkd.objectives.prediction_sums import row_sums
from tfkd.spec.errors import UserError
from tfkd.targets.by_part import ByPart, Predict, ask, selected_of
from tfkd.targets.shards import Scored, Scoring

# Tokens of a shard; 2 MiB at K = 8. What a killed run loses is at most one.
ROWS_PER_SHARD = 2**16


class Sizes(NamedTuple):
    """How much is read, and stored, at a time.

    Attributes:
        batch_tokens: The most tokens of a batch, padding included; one row may have more.
        pad_to: Widths are multiples of it.
        rows_per_shard: A shard is closed once it has so many tokens; None: `ROWS_PER_SHARD`.
    """

    batch_tokens: int = 8192
    pad_to: int = 4
    rows_per_shard: int | None = None


class _Reading(NamedTuple):
    """How target positions are read: an example in so many passes at most, and each row's record.

    `record(examples, passes) -> (record, the target position of each selected position, in
    row-major order)`.
    """

    passes: int
    record: Callable[[np.ndarray, np.ndarray], tuple[dict[str, np.ndarray], np.ndarray]]


class _Rows(NamedTuple):
    """What a corpus has to score.

    Attributes:
        counts: int `[N]`, the target's positions of each example; 0 of one that is left out.
        widths: int `[N]`, the tokens that one takes in a batch.
    """

    counts: np.ndarray
    widths: np.ndarray


def masked_reading(
    example_set: ExampleSet,
    view: SequenceView,
    sizes: Sizes,
    *,
    passes: int = 7,
    max_length: int | None = 512,
) -> Scoring:
    """What `score_masked` stores."""
    layout = SequenceView(view.tokenizer, view.specials)

    def record(examples, which):
        sequence = layout.laid_out(example_set, examples, pad_to=sizes.pad_to)
        masked = masked_pass(sequence, which, passes, view.specials)
        return masked, target_positions(sequence)[masked["selected"]]

    rows = _joint(layout, example_set, max_length)
    return _scoring(rows, _Reading(passes, record), sizes)


def previous_reading(
    example_set: ExampleSet,
    view: SequenceView,
    sizes: Sizes,
    *,
    max_length: int | None = 512,
) -> Scoring:
    """What `score_previous` stores."""
    layout = PrefixLMView(view.tokenizer, view.specials, max_length=None)
    rows = _joint(layout, example_set, max_length)
    return _scoring(rows, _from_the_left(layout, example_set, sizes.pad_to), sizes)


def pair_reading(
    example_set: ExampleSet,
    view: PairView,
    sizes: Sizes,
    *,
    limits: Mapping[str, int] | None = None,
) -> Scoring:
    """What `score_pairs` stores."""
    lengths, limits = view.lengths(example_set), limits or {}
    fits = [lengths[side] <= limit for side, limit in limits.items()]
    # Both sides of a batch are as wide as the widest of either, at most.
    pad_to = sizes.pad_to
    width = -(-np.maximum(lengths["source"], lengths["target"]) // pad_to) * pad_to
    rows = _Rows(np.where(np.all(fits, 0), lengths["target"], 0), 2 * width)
    return _scoring(rows, _from_the_left(view, example_set, pad_to), sizes)


def text_reading(
    example_set: ExampleSet,
    view: SequenceView | PromptedView,
    sizes: Sizes,
    *,
    max_length: int | None = 512,
) -> Scoring:
    """What `score_text` stores."""
    lengths = view.lengths(example_set)
    joint = lengths["joint"]
    counts = lengths.get("target", joint)
    rows = _Rows(np.where(joint <= (max_length or np.inf), counts, 0), joint)
    return _scoring(rows, _from_the_left(view, example_set, sizes.pad_to), sizes)


def _from_the_left(layout: View, example_set: ExampleSet, pad_to: int) -> _Reading:
    """One pass a pair, in which all of its selected positions are read."""

    def record(examples, which):
        found = layout(example_set, examples, 0, 0, pad_to=pad_to)
        selected = selected_of(found)
        order = np.cumsum(selected, 1) - 1
        return found, order[selected]

    return _Reading(1, record)


def _joint(layout: SequenceView, example_set: ExampleSet, max_length: int | None) -> _Rows:
    """Pairs as one sequence of at most `max_length` tokens."""
    lengths = layout.lengths(example_set)
    if "target" not in lengths:
        raise UserError("scoring needs pairs: a corpus with the fields source and target")
    joint = lengths["joint"]
    return _Rows(np.where(joint <= (max_length or np.inf), lengths["target"], 0), joint)


def _scoring(of: _Rows, reading: _Reading, sizes: Sizes) -> Scoring:
    counts, widths = of
    rows_per_shard = sizes.rows_per_shard or ROWS_PER_SHARD
    ends: list[int] = []
    while (first := ends[-1] if ends else 0) < len(counts):
        ends.append(_shard_end(counts, first, rows_per_shard))
    asked = np.cumsum(np.minimum(counts, reading.passes), dtype=np.int64)
    rows = np.diff(asked[np.array(ends, np.int64) - 1], prepend=0)

    def make(
        first: int,
        last: int,
        predict: Predict | ByPart,
        top_k: int,
        told: Callable[[int], None],
    ) -> Scored:
        shard_counts = counts[first:last]
        starts = np.cumsum(shard_counts) - shard_counts
        shape = (int(shard_counts.sum()), top_k)
        ids, log_probabilities = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
        filled = np.zeros(shape[0], bool)
        sums: dict[str, float] = {}
        index, which = pass_rows(shard_counts, reading.passes)

        def read(batch: np.ndarray) -> tuple:
            record, positions = reading.record(first + index[batch], which[batch])
            return record, positions, ask(predict, record, first + index[batch])

        batches = _batches(widths[first + index], sizes.batch_tokens, sizes.pad_to)
        for batch, (record, positions, found) in side_by_side(read, batches):
            selected = selected_of(record)
            row = np.repeat(starts[index[batch]], selected.sum(1)) + positions
            _check(found, len(row), top_k)
            ids[row] = found["ids"]
            log_probabilities[row] = found["log_probabilities"]
            filled[row] = True
            for name, value in row_sums(found, selected).items():
                sums[name] = sums.get(name, 0.0) + float(value.sum())
            told(len(batch))
        if not filled.all():
            raise ValueError(
                f"Expected a prediction for each of {len(filled)} tokens from example {first} on. "
                f"Received: {filled.sum()}"
            )
        return Scored(shard_counts, ids, log_probabilities, sums)

    return Scoring(np.array(ends, np.int64), rows, make)


def _shard_end(counts: np.ndarray, first: int, rows_per_shard: int) -> int:
    """The example after the shard that begins with `first`: a function of the counts alone."""
    # A shard's tokens are at least its examples with rows; those without are cheap but not free.
    window = np.cumsum(np.maximum(counts[first : first + rows_per_shard], 1))
    return first + min(int(np.searchsorted(window, rows_per_shard)) + 1, len(window))


def _batches(lengths: np.ndarray, batch_tokens: int, pad_to: int) -> list[np.ndarray]:
    """Row numbers in batches of like length, the longest first."""
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        width = rounded_width(int(lengths[order[start]]), pad_to)
        end = start + max(1, batch_tokens // width)
        batches.append(order[start:end])
        start = end
    return batches


def _check(found: Mapping[str, np.ndarray], positions: int, top_k: int) -> None:
    shape = np.shape(found["ids"])
    if shape != (positions, top_k):
        raise ValueError(
            f"Invalid value for argument `predict`. Expected ids of shape [{positions}, {top_k}]: "
            f"the selected positions, and the store's K. Received: {list(shape)}"
        )
