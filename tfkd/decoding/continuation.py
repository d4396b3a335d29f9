"""What a language model writes after a prompt, and how likely it is."""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfkd.data.ragged import Ragged
from tfkd.decoding.search import Search, Specials
from tfkd.layers.custom_gradient import without_gradients
from tfkd.layers.invariants import weights_once
from tfkd.models.heads import cap_of
from tfkd.objectives.prediction import top_k_log_probabilities


class Continuations(NamedTuple):
    """The best continuation of each prompt.

    Attributes:
        ids: int32 `[batch, length]`: bare tokens, without the end; padded behind them.
        lengths: int32 `[batch]`.
        log_probabilities: float32 `[batch]`, nats: log p(tokens | prompt), the end counted where
            the model ended by itself, and not where the limit of length did.
        ended: bool `[batch]`: whether it did.
    """

    ids: tf.Tensor
    lengths: tf.Tensor
    log_probabilities: tf.Tensor
    ended: tf.Tensor


def prompt_limit(model: Any) -> int:
    """The most tokens of a prompt that a model reads, its start counted: half of its positions, so
    that as many are left to write. Of a longer prompt the last ones are read."""
    return max(model.max_length // 2, 1)


@without_gradients()
@weights_once()
def continue_prompts(
    model: Any, search: Search, ids: tf.Tensor, lengths: tf.Tensor, specials: Specials
) -> Continuations:
    """Continues padded prompts; what a corpus's continuations and a SavedModel have in common.

    Args:
        model: A `Gpt2`, or anything with its `start`, `step`, `head` and call.
        search: How to choose: a beam, greedy or sampling search; of hypotheses the best counts. Its
            `max_length` is of what is written, and its factor times the prompt's tokens.
        ids: int32 `[batch, width]`: each row's start first, at most `prompt_limit` tokens.
        lengths: int32 `[batch]`: tokens of each prompt, the start counted; 0 for a filler row.
        specials: The special ids.
    """
    valid = tf.range(tf.shape(ids)[1]) < lengths[:, None]
    most = model.max_length - prompt_limit(model)
    limits = search.max_length.lengths(lengths, most)
    found = search(model, {"ids": ids, "valid": valid}, limits, specials)
    written, count = found.ids[:, 0], found.lengths[:, 0]
    ended = (count < limits) & (lengths > 0)
    return Continuations(
        written,
        count,
        _log_probabilities(model, ids, lengths, written, count, ended, specials),
        ended,
    )


class Continuer:
    """Continues prompts of any number and length; prompts of like length together.

    One graph serves all batch shapes: it is traced once, at the first call.

    Args:
        model: A `Gpt2`, or a model like it.
        search: How to choose.
        specials: The special ids.
        batch_rows: The most prompts of a batch.
    """

    def __init__(self, model: Any, search: Search, specials: Specials, *, batch_rows: int = 32):
        self._limit, self._rows = prompt_limit(model), batch_rows
        self._start, self._pad = int(specials.start_id), int(specials.pad_id)
        ids, lengths = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)
        self._graph = tf.function(
            lambda ids, lengths: continue_prompts(model, search, ids, lengths, specials),
            input_signature=[ids, lengths],
            autograph=False,
        )

    def __call__(self, prompts: Ragged) -> Ragged:
        """Bare ids of prompts, without the start, to bare ids of continuations, in order."""
        most = self._limit - 1
        rows = [
            [self._start, *(prompts.row(i)[-most:] if most else [])] for i in range(len(prompts))
        ]
        order = sorted(range(len(rows)), key=lambda row: -len(rows[row]))
        found: list[Any] = [np.zeros(0, np.int32)] * len(rows)
        for first in range(0, len(order), self._rows):
            batch = order[first : first + self._rows]
            width = len(rows[batch[0]])
            ids = [[*rows[i], *([self._pad] * (width - len(rows[i])))] for i in batch]
            lengths = [len(rows[i]) for i in batch]
            said = self._graph(tf.constant(ids, tf.int32), tf.constant(lengths, tf.int32))
            written, counts = said.ids.numpy(), said.lengths.numpy()
            for index, row in enumerate(batch):
                found[row] = written[index, : counts[index]]
        return Ragged.from_rows(found)


def _log_probabilities(
    model: Any,
    ids: tf.Tensor,
    lengths: tf.Tensor,
    written: tf.Tensor,
    count: tf.Tensor,
    ended: tf.Tensor,
    specials: Specials,
) -> tf.Tensor:
    """log p of what was written, by one pass over prompts and continuations."""
    end, pad = int(specials.end_id), int(specials.pad_id)
    prompts = tf.RaggedTensor.from_tensor(ids, lengths=tf.cast(lengths, tf.int64))
    rows = tf.RaggedTensor.from_tensor(written, lengths=tf.cast(count, tf.int64))
    ends = tf.RaggedTensor.from_tensor(
        tf.fill([tf.shape(ids)[0], 1], end), lengths=tf.cast(ended, tf.int64)
    )
    gold = tf.concat([rows, ends], 1)
    whole = tf.concat([prompts, gold], 1)
    read = whole.to_tensor(pad)
    seen = tf.sequence_mask(whole.row_lengths(), tf.shape(read)[1])
    hidden = model({"ids": read, "valid": seen}, training=False)["hidden"]
    # Token t of a continuation is predicted where the token before it stands.
    sentence = tf.cast(gold.value_rowids(), tf.int32)
    places = tf.cast(tf.ragged.range(gold.row_lengths()).values, tf.int32)
    places += tf.gather(lengths, sentence) - 1
    head = model.head
    transformed = head.transform(tf.gather_nd(hidden, tf.stack([sentence, places], 1)))
    transformed = tf.ensure_shape(transformed, [None, head.width])
    scored = top_k_log_probabilities(
        transformed,
        head.matrix(),
        head.bias(),
        0,
        tf.cast(gold.values, tf.int32),
        cap=cap_of(head),
    )
    return tf.math.unsorted_segment_sum(scored.gold_log_probability, sentence, tf.shape(lengths)[0])
