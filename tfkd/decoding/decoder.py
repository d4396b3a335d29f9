"""Decodes whole corpora: ids in, ids out, in order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tfkd.data.ragged import Ragged
from tfkd.data.side_by_side import side_by_side
from tfkd.decoding.hypotheses import Hypotheses
from tfkd.decoding.search import Search, Specials
from tfkd.decoding.shortlist import search_listed
from tfkd.layers.custom_gradient import without_gradients
from tfkd.layers.invariants import weights_once

# Widths of batches are multiples of this: few shapes, and little padding.
_WIDTH_STEP = 4
# Logits of one step, over all beams of a batch (32 MiB): larger steps are no faster.
_STEP_LOGITS = 2**23


@dataclass(frozen=True)
class Decoded:
    """The outputs of a corpus, in its order.

    Attributes:
        outputs: The best output of each row: bare ids, without start and end.
        scores: float32 `[rows]`: their scores (see the search).
        log_probabilities: float32 `[rows]`.
        n_best: All hypotheses of each row, best first, as rows `i * n` to `i * n + n - 1`.
        n_best_scores: float32 `[rows, n]`; -inf where there are fewer.
    """

    outputs: Ragged
    scores: np.ndarray
    log_probabilities: np.ndarray
    n_best: Ragged
    n_best_scores: np.ndarray


class Decoder:
    """A model's outputs for sources of any number and length.

    Rows are sorted by length, batched, padded to few widths, decoded and put back in order. Sources
    longer than the model holds are cut at their end; empty sources have empty outputs.

    One graph serves all batch shapes: it is traced once, at the first call.

    Args:
        model: With `vocabulary_size` and what the search asks for: `start` and `step`, or
            `prepare` and `fill` (see `tfkd.models.EncoderDecoder`).
        search: How to decode.
        source: The source's tokenizer, or anything with `pad_id` and `end_id`.
        target: The target's tokenizer, or anything that is `Specials`.
        batch_tokens: Source tokens a batch, padding counted.
        batch_rows: The most rows of a batch; fewer where the vocabulary is large.
    """

    def __init__(
        self,
        model: Any,
        search: Search,
        source: Any,
        target: Specials,
        *,
        batch_tokens: int = 4096,
        batch_rows: int = 128,
    ):
        self.model = model
        self.search = search
        self._source = source
        self._target = target
        self._batch_tokens = batch_tokens
        beams = max(getattr(search, "beam", 1), search.n_best) * model.vocabulary_size
        self._batch_rows = min(batch_rows, max(_STEP_LOGITS // beams, 1))
        self.traces = 0
        ids = tf.TensorSpec([None, None], tf.int32)
        lengths = tf.TensorSpec([None], tf.int32)
        self._graph = tf.function(self._decode, input_signature=[ids, lengths], autograph=False)

    def _decode(self, ids: tf.Tensor, lengths: tf.Tensor) -> Hypotheses:
        self.traces += 1
        return decode_batch(self.model, self.search, ids, lengths, self._target)

    def decode_batch(self, ids: Any, lengths: Any) -> Hypotheses:
        """Decodes one padded batch.

        Args:
            ids: int32 `[batch, width]`: sources with their ends.
            lengths: int32 `[batch]`: tokens of each, the end counted; 0 for a filler row.
        """
        return self._graph(tf.constant(ids, tf.int32), tf.constant(lengths, tf.int32))

    def decode(
        self, sources: Ragged, progress: Callable[[int, int], None] | None = None
    ) -> Decoded:
        """Decodes bare source ids.

        Args:
            sources: One row a sentence, without specials.
            progress: Called with (rows done, rows) after each batch.
        """
        rows, n = len(sources), self.search.n_best
        lengths = np.minimum(sources.lengths, source_limit(self.model))
        scores = np.zeros((rows, n), np.float32)
        totals = np.zeros((rows, n), np.float32)
        found: list[Any] = [np.zeros(0, np.int32)] * (rows * n)
        done = 0

        def search(batch: tuple[np.ndarray, int]) -> Hypotheses:
            padded = self._padded(sources, lengths, *batch)
            return Hypotheses(*(x.numpy() for x in self.decode_batch(*padded)))

        for (chosen, _), result in side_by_side(search, self._batches(lengths)):
            scores[chosen] = result.scores
            totals[chosen] = result.log_probabilities
            for row, outputs, sizes in zip(chosen, result.ids, result.lengths, strict=True):
                for rank in range(n):
                    found[row * n + rank] = outputs[rank, : sizes[rank]]
            done += len(chosen)
            if progress is not None:
                progress(done, rows)
        n_best = Ragged.from_rows(found)
        return Decoded(n_best.take(np.arange(rows) * n), scores[:, 0], totals[:, 0], n_best, scores)

    def trace(self, sources: Ragged) -> list[list[dict[str, Any]]]:
        """How Mask-Predict comes to the outputs of a few sources, over their likeliest lengths.

        Returns:
            For each source its passes, each `{"pieces": the target's pieces after it, "hidden": the
            places that it hid}`; passes after the last that hid anything are left out.
        """
        if not len(sources):
            return []
        lengths = np.minimum(sources.lengths, source_limit(self.model))
        ids, ends = self._padded(sources, lengths, np.arange(len(sources)), int(lengths.max()) + 1)
        passes, _ = self.search.trace(
            self.model,
            *decoding_inputs(self.model, self.search, tf.constant(ids), tf.constant(ends)),
            self._target,
        )
        found: list[list[dict[str, Any]]] = [[] for _ in range(len(sources))]
        for one in passes:
            for row, (tokens, hidden) in enumerate(
                zip(one.tokens.numpy(), one.hidden.numpy(), strict=True)
            ):
                if hidden.any():
                    # The first pass hides a whole output: [PAD] may be a word where none is
                    # forbidden.
                    shown = tokens[: passes[0].hidden[row].numpy().sum()]
                    found[row].append(
                        {
                            "pieces": [self._target.vocabulary[token] for token in shown],
                            "hidden": np.flatnonzero(hidden).tolist(),
                        }
                    )
        return found

    def _padded(
        self, sources: Ragged, lengths: np.ndarray, chosen: np.ndarray, width: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sources with their ends, int32 `[rows, width]`, and their lengths, the end counted."""
        ids = sources.take(chosen).dense(width, self._source.pad_id)
        places = np.arange(width)
        ends = lengths[chosen][:, None]
        ids = np.where(places < ends, ids, self._source.pad_id)
        ids = np.where(places == ends, self._source.end_id, ids)
        return ids.astype(np.int32), (ends[:, 0] + 1).astype(np.int32)

    def _batches(self, lengths: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
        """Rows and width of each batch, longest first: a lack of memory shows at once."""
        order = np.argsort(-lengths, kind="stable")
        first = 0
        while first < len(order):
            width = -(-(int(lengths[order[first]]) + 1) // _WIDTH_STEP) * _WIDTH_STEP
            width = min(width, source_limit(self.model) + 1)  # learned positions end there
            count = int(np.clip(self._batch_tokens // width, 1, self._batch_rows))
            yield order[first : first + count], width
            first += count


def source_limit(model: Any) -> int:
    """The most source tokens that a model reads, the end not counted; more are cut off."""
    lead = "encoder" in getattr(model, "leads", ())
    return int(getattr(model, "max_length", None) or 512) - 1 - lead


def target_limit(model: Any) -> int:
    """The most tokens that a model can write: position 0 holds the start, or what leads it."""
    lead = "decoder" in getattr(model, "leads", ())
    return int(getattr(model, "max_length", None) or 512) - 1 - lead


@without_gradients()
@weights_once()
def decode_batch(
    model: Any, search: Search, ids: tf.Tensor, lengths: tf.Tensor, specials: Specials
) -> Hypotheses:
    """Decodes padded sources with their ends: what `Decoder` and a SavedModel have in common.

    Args:
        model: See `Decoder`.
        search: How to decode.
        ids: int32 `[batch, width]`.
        lengths: int32 `[batch]`: tokens of each source, the end counted; 0 for a filler row.
        specials: The target's special ids.
    """
    source, limits = decoding_inputs(model, search, ids, lengths)
    if getattr(model, "shortlist", None) is not None:
        return search_listed(search, model, source, limits, specials)
    return search(model, source, limits, specials)


def decoding_inputs(
    model: Any, search: Search, ids: tf.Tensor, lengths: tf.Tensor
) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """The sources as a model reads them, and the most tokens of each output."""
    valid = tf.range(tf.shape(ids)[1]) < lengths[:, None]
    limits = search.max_length.lengths(tf.maximum(lengths - 1, 0), target_limit(model))
    return {"ids": ids, "valid": valid}, limits
