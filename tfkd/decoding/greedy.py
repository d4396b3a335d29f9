"""Greedy search in the graph: the most probable token at each step."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tensorflow as tf

from tfkd.decoding.beam import Step
from tfkd.decoding.hypotheses import Hypotheses, forbidden_ids, forbidding
from tfkd.decoding.hypotheses import length_penalty as penalty
from tfkd.decoding.states import flatten, flexible_shapes

# `(logits [rows, vocabulary], sentence int32 [rows], index) -> int32 [rows]`.
Choose = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


def decode_greedily(
    model: Any,
    source: Mapping[str, tf.Tensor],
    max_lengths: tf.Tensor,
    specials: Any,
    *,
    min_length: int = 0,
    choose: Choose | None = None,
) -> Hypotheses:
    """`greedy_search` with a model's `start` and `step`, special ids but the end forbidden; see
    `tfkd.decoding.Search` for the arguments."""
    return greedy_search(
        model.start(source),
        lambda ids, state, index: model.step(ids, state, index),
        start_id=int(specials.start_id),
        end_id=int(specials.end_id),
        vocabulary_size=model.vocabulary_size,
        max_lengths=max_lengths,
        forbidden_ids=forbidden_ids(specials),
        pad_id=int(specials.pad_id),
        min_length=min_length,
        choose=choose,
    )


def greedy_search(
    start_state: Any,
    step: Step,
    *,
    start_id: int,
    end_id: int,
    vocabulary_size: int | tf.Tensor,
    max_lengths: tf.Tensor,
    length_penalty: float = 0.0,
    forbidden_ids: Iterable[int] = (),
    pad_id: int = 0,
    min_length: int = 0,
    choose: Choose | None = None,
) -> Hypotheses:
    """Takes the most probable token at each step, until the end or the maximum length.

    At a sentence's maximum length the end follows at its own probability, as in `beam_search`.
    Sentences that have ended leave the batch.

    Args: as `beam_search`, without a beam; `length_penalty` changes the score alone.
        choose: `(logits [rows, vocabulary], sentence int32 [rows], index) -> int32 [rows]`: another
            rule than the most probable token, of the rows that stand for these sentences.

    Returns:
        One hypothesis a sentence.
    """
    forbidden_ids = list(forbidden_ids)
    if end_id in forbidden_ids:
        raise ValueError(f"Invalid value for argument `forbidden_ids`. It holds end_id={end_id}")
    mask = forbidding(forbidden_ids, vocabulary_size)
    no_end = forbidding([end_id], vocabulary_size) if min_length else None
    max_lengths = tf.maximum(tf.cast(max_lengths, tf.int32), 0)
    batch = tf.size(max_lengths)
    width = tf.maximum(tf.reduce_max(max_lengths), 1)

    def advance(index, sentence, last, total, ids, lengths, state):
        nest = tf.nest.pack_sequence_as(start_state, state)
        logits, nest = step(last, nest, index)
        logits = tf.cast(logits, tf.float32)
        if mask is not None:
            logits += mask
        last_step = tf.gather(max_lengths, sentence) <= index
        if no_end is not None:
            early = tf.cast((index < min_length) & ~last_step, tf.float32)
            logits += early[:, None] * no_end
        if choose is None:
            best = tf.argmax(logits, axis=-1, output_type=tf.int32)
        else:
            best = choose(logits, sentence, index)
        tokens = tf.where(last_step, end_id, best)
        picked = tf.gather(logits, tokens, batch_dims=1)
        added = picked - tf.reduce_logsumexp(logits, axis=-1)
        total = tf.tensor_scatter_nd_add(total, sentence[:, None], added)
        lives = tokens != end_id
        keep = tf.cast(tf.where(lives)[:, 0], tf.int32)
        sentence, last = tf.gather(sentence, keep), tf.gather(tokens, keep)
        written = tf.stack([sentence, tf.fill(tf.shape(sentence), index)], axis=1)
        ids = tf.tensor_scatter_nd_update(ids, written, last)
        lengths = tf.tensor_scatter_nd_update(
            lengths, sentence[:, None], tf.fill(tf.shape(sentence), index + 1)
        )
        after = tf.nest.flatten(nest)
        shrunk = tf.size(keep) < tf.size(lives)
        # Nothing is copied while all sentences go on.
        state = tf.cond(
            shrunk, lambda: [tf.gather(each, keep) for each in after], lambda: list(after)
        )
        return index + 1, sentence, last, total, ids, lengths, state

    state = flatten(start_state)
    rows = tf.TensorShape([None])
    _, _, _, total, ids, lengths, _ = tf.while_loop(
        lambda index, sentence, *_: tf.size(sentence) > 0,
        advance,
        (
            tf.constant(0),
            tf.range(batch),
            tf.fill([batch], start_id),
            tf.zeros([batch]),
            tf.fill([batch, width], pad_id),
            tf.zeros([batch], tf.int32),
            state,
        ),
        shape_invariants=(
            tf.TensorShape([]),
            rows,
            rows,
            rows,
            tf.TensorShape([None, None]),
            rows,
            flexible_shapes(state),
        ),
    )
    longest = tf.reduce_max(tf.concat([lengths, [0]], 0))
    scores = total / penalty(lengths + 1, length_penalty)
    return Hypotheses(ids[:, None, :longest], lengths[:, None], scores[:, None], total[:, None])
