"""Reading a teacher's predictions for every target token of a corpus into a store."""

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
from tfkd.targets.store import SoftTargetStore
from tfkd.targets.writer import StoreWriter

# Tokens of a shard; 2 MiB at K = 8. What a killed run loses is at most one.
ROWS_PER_SHARD = 2**16

Progress = Callable[[int, int], None]


class _Reading(NamedTuple):
    """How target positions are read: the (example, pass) rows to run, and each row's record.

    `rows(target lengths [B]) -> (example index, pass)`, and `record(examples, passes) -> (record,
    the target position of each selected position, in row-major order)`.
    """

    rows: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    record: Callable[[np.ndarray, np.ndarray], tuple[dict[str, np.ndarray], np.ndarray]]


class _Rows(NamedTuple):
    """What a corpus has to score.

    Attributes:
        counts: int `[N]`, the target's positions of each example; 0 of one that is left out.
        widths: int `[N]`, the tokens that one takes in a batch.
    """

    counts: np.ndarray
    widths: np.ndarray


def score_masked(
    predict: Predict | ByPart,
    example_set: ExampleSet,
    view: SequenceView,
    writer: StoreWriter,
    *,
    passes: int = 7,
    max_length: int | None = 512,
    batch_tokens: int = 8192,
    pad_to: int = 4,
    rows_per_shard: int = ROWS_PER_SHARD,
    progress: Progress | None = None,
) -> SoftTargetStore:
    """Scores each target position while it is masked, in `passes` passes over each pair.

    Pass i masks the positions i, i + passes, ...; the end counts as one. The rows of all passes are
    packed into full batches by length. Pairs of more than `max_length` joint tokens have no rows.
    A run that was stopped goes on after its last whole shard, to the same bytes.

    Args:
        predict: `record -> {"ids" [N, K], "log_probabilities" [N, K], "gold_rank" [N],
            "gold_log_probability" [N], "entropy" [N]}` at the record's selected positions, row by
            row: `tfkd.objectives.predictor(teacher, K)`.
        example_set: The pairs to score.
        view: Their layout, of any kind: only its tokenizer is used, not what it hides or cuts.
        writer: Where they go; its header names K.
        passes: n.
        max_length: The most joint tokens, special ones included.
        batch_tokens: The most tokens of a batch, padding included; one row may have more.
        pad_to: Widths are multiples of it.
        rows_per_shard: A shard is closed once it has so many tokens.
        progress: Called with (rows done, rows in all) after each batch, one row a pass and pair.
            What it raises stops the run; what is written stays.

    Raises:
        UserError: The examples are not pairs.
        ValueError: `predict` does not return what it must.

    Reference: Chen et al. 2020, section 3.2; the passes are those of the official code.
    """
    layout = SequenceView(view.tokenizer, view.specials)

    def record(examples, which):
        sequence = layout.laid_out(example_set, examples, pad_to=pad_to)
        masked = masked_pass(sequence, which, passes, view.specials)
        return masked, target_positions(sequence)[masked["selected"]]

    reading = _Reading(lambda lengths: pass_rows(lengths, passes), record)
    return _score(
        predict, example_set, _joint(layout, example_set, max_length), writer, reading,
        batch_tokens, pad_to, rows_per_shard, progress,
    )  # fmt: skip


def score_previous(
    predict: Predict | ByPart,
    example_set: ExampleSet,
    view: SequenceView,
    writer: StoreWriter,
    *,
    max_length: int | None = 512,
    batch_tokens: int = 8192,
    pad_to: int = 4,
    rows_per_shard: int = ROWS_PER_SHARD,
    progress: Progress | None = None,
) -> SoftTargetStore:
    """Scores each target position from the position before it, in one causal pass a pair.

    Row t of the store is read at position t - 1, row 0 at the source's [SEP] (P1's BERT_l2r, see
    `PrefixLMView`). Arguments and errors as in `score_masked`.
    """
    layout = PrefixLMView(view.tokenizer, view.specials, max_length=None)

    return _score(
        predict, example_set, _joint(layout, example_set, max_length), writer,
        _from_the_left(layout, example_set, pad_to), batch_tokens, pad_to, rows_per_shard, progress,
    )  # fmt: skip


def score_pairs(
    predict: Predict | ByPart,
    example_set: ExampleSet,
    view: PairView,
    writer: StoreWriter,
    *,
    limits: Mapping[str, int] | None = None,
    batch_tokens: int = 8192,
    pad_to: int = 4,
    rows_per_shard: int = ROWS_PER_SHARD,
    progress: Progress | None = None,
) -> SoftTargetStore:
    """Scores each target token given the source and the target's tokens before it, in one pass of
    an encoder-decoder a pair: what a student that reads the same pair is to predict there.

    Arguments and errors as in `score_masked`, but for:

    Args:
        limits: The most tokens of each side, special ones included; longer pairs have no rows.
            None: any number.

    Reference: Kim and Rush 2016, Sequence-Level Knowledge Distillation, section 3.1.
    """
    lengths, limits = view.lengths(example_set), limits or {}
    fits = [lengths[side] <= limit for side, limit in limits.items()]
    # Both sides of a batch are as wide as the widest of either, at most.
    width = -(-np.maximum(lengths["source"], lengths["target"]) // pad_to) * pad_to
    rows = _Rows(np.where(np.all(fits, 0), lengths["target"], 0), 2 * width)
    return _score(
        predict, example_set, rows, writer, _from_the_left(view, example_set, pad_to),
        batch_tokens, pad_to, rows_per_shard, progress,
    )  # fmt: skip


def score_text(
    predict: Predict,
    example_set: ExampleSet,
    view: SequenceView | PromptedView,
    writer: StoreWriter,
    *,
    max_length: int | None = 512,
    batch_tokens: int = 8192,
    pad_to: int = 4,
    rows_per_shard: int = ROWS_PER_SHARD,
    progress: Progress | None = None,
) -> SoftTargetStore:
    """Scores each token of a text given those before it, in one pass of a language model a row.

    A row of the store is a position that `view` (a `CausalLMView`, or a `PromptedView` of pairs)
    selects, in their order.
    Arguments and errors as in `score_masked`; rows of more than `max_length` tokens have none.
    """
    lengths = view.lengths(example_set)
    joint = lengths["joint"]
    counts = lengths.get("target", joint)
    rows = _Rows(np.where(joint <= (max_length or np.inf), counts, 0), joint)
    return _score(
        predict, example_set, rows, writer, _from_the_left(view, example_set, pad_to),
        batch_tokens, pad_to, rows_per_shard, progress,
    )  # fmt: skip


def _from_the_left(layout: View, example_set: ExampleSet, pad_to: int) -> _Reading:
    """One pass a pair, in which all of its selected positions are read."""

    def record(examples, which):
        found = layout(example_set, examples, 0, 0, pad_to=pad_to)
        selected = selected_of(found)
        order = np.cumsum(selected, 1) - 1
        return found, order[selected]

    return _Reading(lambda lengths: pass_rows(np.minimum(lengths, 1), 1), record)


def _joint(layout: SequenceView, example_set: ExampleSet, max_length: int | None) -> _Rows:
    """Pairs as one sequence of at most `max_length` tokens."""
    lengths = layout.lengths(example_set)
    if "target" not in lengths:
        raise UserError("scoring needs pairs: a corpus with the fields source and target")
    joint = lengths["joint"]
    return _Rows(np.where(joint <= (max_length or np.inf), lengths["target"], 0), joint)


def _score(
    predict: Predict | ByPart,
    example_set: ExampleSet,
    of: _Rows,
    writer: StoreWriter,
    reading: _Reading,
    batch_tokens: int,
    pad_to: int,
    rows_per_shard: int,
    progress: Progress | None,
) -> SoftTargetStore:
    counts, widths = of
    total = len(reading.rows(counts)[0])
    done = len(reading.rows(counts[: writer.next_example])[0])
    while writer.next_example < len(counts):
        first = writer.next_example
        last = _shard_end(counts, first, rows_per_shard)
        shard_counts = counts[first:last]
        starts = np.cumsum(shard_counts) - shard_counts
        shape = (int(shard_counts.sum()), writer.manifest.header.top_k)
        ids, log_probabilities = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
        filled = np.zeros(shape[0], bool)
        sums: dict[str, float] = {}
        index, which = reading.rows(shard_counts)

        def read(batch: np.ndarray, first=first, index=index, which=which) -> tuple:
            record, positions = reading.record(first + index[batch], which[batch])
            return record, positions, ask(predict, record, first + index[batch])

        batches = _batches(widths[first + index], batch_tokens, pad_to)
        for batch, (record, positions, found) in side_by_side(read, batches):
            selected = selected_of(record)
            row = np.repeat(starts[index[batch]], selected.sum(1)) + positions
            _check(found, len(row), shape[1])
            ids[row] = found["ids"]
            log_probabilities[row] = found["log_probabilities"]
            filled[row] = True
            for name, value in row_sums(found, selected).items():
                sums[name] = sums.get(name, 0.0) + float(value.sum())
            done += len(batch)
            if progress is not None:
                progress(done, total)
        if not filled.all():
            raise ValueError(
                f"Expected a prediction for each of {len(filled)} tokens from example {first} on. "
                f"Received: {filled.sum()}"
            )
        writer.write(last, shard_counts, ids, log_probabilities, sums)
    return writer.finish()


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
