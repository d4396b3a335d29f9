"""Reading a teacher's distribution over classes for every row of a corpus into a store."""

from collections.abc import Callable

import numpy as np

from tfkd.data.batches.assembly import assemble
from tfkd.data.examples import ExampleSet
from tfkd.data.side_by_side import side_by_side
from tfkd.data.views.base import View
from tfkd.objectives.prediction_sums import row_sums
from tfkd.targets.by_part import ByPart, Predict, ask
from tfkd.targets.readings import Sizes
from tfkd.targets.shards import Scored, Scoring
from tfkd.targets.store import SoftTargetStore
from tfkd.targets.writer import StoreWriter

# Log-probabilities of a shard; 2 MiB. What a killed run loses is at most one.
NUMBERS_PER_SHARD = 2**19


def score_classes(
    predict: Predict | ByPart,
    example_set: ExampleSet,
    view: View,
    writer: StoreWriter,
    *,
    batch_tokens: int = 8192,
    pad_to: int = 4,
    progress: Callable[[int, int], None] | None = None,
) -> SoftTargetStore:
    """Scores each row once, at the positions that the view reads, of which most have one: C numbers
    of each, in their order.

    A run that was stopped goes on after its last whole shard. The store's metrics are of the
    labels that are classes.

    Args:
        predict: As of `score_masked`, with K = C: `tfkd.objectives.predictor(teacher, C)`.
        example_set: The rows.
        view: A `ClassifyView`.
        writer: Where they go; its header's K is C.
        batch_tokens: The most tokens of a batch, padding included; one row may have more.
        pad_to: Widths are multiples of it.
        progress: Called with (rows done, rows in all) after each batch.

    Reference: P4, LightPAFF, section 3.1: the whole distribution, no temperature.
    """
    classes = writer.manifest.header.top_k
    scoring = class_reading(example_set, view, Sizes(batch_tokens, pad_to), classes=classes)
    return scoring.into(writer, predict, progress)


def class_reading(example_set: ExampleSet, view: View, sizes: Sizes, *, classes: int) -> Scoring:
    """What `score_classes` stores, of so many classes."""
    lengths, total = view.lengths(example_set)["joint"], len(example_set)
    ends = np.append(np.arange(0, total, max(1, NUMBERS_PER_SHARD // classes))[1:], total)
    ends = ends[ends > 0]  # of no examples

    def make(
        first: int,
        last: int,
        predict: Predict | ByPart,
        top_k: int,
        told: Callable[[int], None],
    ) -> Scored:
        counts = np.zeros(last - first, np.int64)
        parts: list[tuple[np.ndarray, ...]] = []
        sums: dict[str, float] = {}

        def read(rows: np.ndarray) -> tuple:
            batch = assemble(example_set, {view.name: view}, {}, rows, 0, 0, pad_to=sizes.pad_to)
            return batch[view.name], ask(predict, batch[view.name], rows)

        for rows, (record, found) in side_by_side(
            read, _batches(lengths, first, last, sizes.batch_tokens)
        ):
            selected = record["selected"]
            of = rows[np.nonzero(selected)[0]] - first
            np.add.at(counts, of, 1)
            parts.append((of, found["ids"], found["log_probabilities"]))
            known = record["gold"][selected]
            said = {name: values[known] for name, values in found.items()}
            for name, value in row_sums(said, record["gold"]).items():
                sums[name] = sums.get(name, 0.0) + float(value.sum())
            told(len(rows))
        of, ids, log_probabilities = (np.concatenate(each) for each in zip(*parts, strict=True))
        order = np.argsort(of, kind="stable")
        return Scored(counts, ids[order], log_probabilities[order], sums)

    return Scoring(ends, np.diff(ends, prepend=0), make)


def _batches(lengths: np.ndarray, first: int, last: int, tokens: int) -> list[np.ndarray]:
    """The rows first ... last - 1 in batches of like length, the longest first."""
    order = first + np.argsort(-lengths[first:last], kind="stable")
    batches, start = [], 0
    while start < len(order):
        end = start + max(1, tokens // max(1, int(lengths[order[start]])))
        batches.append(order[start:end])
        start = end
    return batches
