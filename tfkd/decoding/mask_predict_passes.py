"""Mask-Predict in the graph: all tokens at once, the least sure ones again."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from tfkd.decoding.hypotheses import Hypotheses
from tfkd.decoding.states import flatten, flexible_shapes

# (ids [rows, length], valid bool alike, state of the rows, hidden bool alike) -> (tokens int32 [N],
# log p float32 [N]) of the N hidden tokens, row by row.
Predict = Callable[[tf.Tensor, tf.Tensor, Any, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class Candidates(NamedTuple):
    """Outputs under way, a row for each sentence and length.

    Attributes:
        tokens: int32 `[rows, length]`, padded at their end.
        log_p: float32 `[rows, length]`: each token's log p when it was predicted last; 0 at
            padding.
        lengths: int32 `[rows]`, the end counted; 0 for a row that stands for nothing.
    """

    tokens: tf.Tensor
    log_p: tf.Tensor
    lengths: tf.Tensor

    @property
    def valid(self) -> tf.Tensor:
        """bool `[rows, length]`."""
        return tf.range(tf.shape(self.tokens)[1]) < self.lengths[:, None]


class Pass(NamedTuple):
    """What one pass did, for a report: int32 and bool `[rows, length]`, float32 alike."""

    tokens: tf.Tensor
    hidden: tf.Tensor
    log_p: tf.Tensor


def hidden_count(lengths: tf.Tensor, index: tf.Tensor, iterations: tf.Tensor) -> tf.Tensor:
    """How many tokens pass `index` predicts: max(1, floor(L (T - t) / T)), all in pass 0.

    Integers: in floating point 1 - t / T is off in places.
    """
    count = lengths * tf.maximum(iterations - index, 0) // iterations
    return tf.where(lengths > 0, tf.maximum(count, 1), 0)


def least_sure(log_p: tf.Tensor, valid: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """The `count` valid tokens of each row with the smallest log p, bool `[rows, length]`.

    Of equal ones the earlier counts as less sure.
    """
    order = tf.argsort(tf.where(valid, log_p, float("inf")), axis=1, stable=True)
    rank = tf.argsort(order, axis=1, stable=True)
    return valid & (rank < count[:, None])


def run_pass(
    candidates: Candidates,
    index: tf.Tensor,
    iterations: tf.Tensor,
    state: Any,
    predict: Predict,
    *,
    mask_id: int,
) -> tuple[Candidates, tf.Tensor]:
    """Hides the least sure tokens and predicts them again; returns what was hidden too.

    What stays keeps the log p that it had when it was predicted.
    """
    tokens, log_p, lengths = candidates
    valid = candidates.valid
    hidden = least_sure(log_p, valid, hidden_count(lengths, index, iterations))
    found, sure = predict(tf.where(hidden, mask_id, tokens), valid, state, hidden)
    places = tf.where(hidden)
    tokens = tf.tensor_scatter_nd_update(tokens, places, tf.cast(found, tokens.dtype))
    log_p = tf.tensor_scatter_nd_update(log_p, places, sure)
    return Candidates(tokens, log_p, lengths), hidden


def start(lengths: tf.Tensor, *, mask_id: int, pad_id: int) -> Candidates:
    """Candidates of which every token is hidden: int32 lengths `[rows]`."""
    width = tf.maximum(tf.reduce_max(tf.concat([lengths, [0]], 0)), 1)
    valid = tf.range(width) < lengths[:, None]
    return Candidates(tf.where(valid, mask_id, pad_id), tf.zeros(tf.shape(valid)), lengths)


def mask_predict(
    state: Any,
    predict: Predict,
    *,
    lengths: tf.Tensor,
    iterations: int | tf.Tensor,
    mask_id: int,
    pad_id: int,
    one_more: bool = False,
    stop_when_stable: bool = False,
) -> Candidates:
    """Fills in candidates of given lengths by T passes; all rows side by side.

    Before pass t = 1 ... T - 1 the max(1, floor(L (T - t) / T)) least sure tokens of a candidate
    are hidden again. Candidates that are done leave the batch, so that later passes cost less; what
    a row ends with does not depend on the others.

    Args:
        state: Nest of tensors with a row for each candidate.
        predict: Predicts what is hidden; see `Predict`.
        lengths: int32 `[rows]`; 0 for a row that is to stay empty.
        iterations: T, a number or an int32 scalar; at least 1.
        mask_id: What stands for a hidden token.
        pad_id: Fills rows up.
        one_more: T + 1 passes, as AB-Net's official code makes.
        stop_when_stable: A candidate that a pass left as it was is done (P3, section 3.3). Early
            passes hide nearly all tokens again, and often find the same ones: that saves time, and
            outputs stay unfinished. Else all passes are made, as in both papers' official codes.

    Returns:
        The candidates, in the order of the rows.

    Reference: Ghazvininejad et al. 2019, Mask-Predict, section 4; P3, appendix B.
    """
    iterations = tf.maximum(tf.convert_to_tensor(iterations, tf.int32), 1)
    passes = iterations + (1 if one_more else 0)
    results = start(lengths, mask_id=mask_id, pad_id=pad_id)
    rows = tf.cast(tf.where(lengths > 0)[:, 0], tf.int32)
    structure = state
    flat = [tf.gather(each, rows) for each in flatten(state)]
    live = Candidates(*(tf.gather(each, rows) for each in results))

    def advance(index, rows, live, results, flat):
        nest = tf.nest.pack_sequence_as(structure, flat)
        after, _ = run_pass(live, index, iterations, nest, predict, mask_id=mask_id)
        places = rows[:, None]
        results = Candidates(
            *(
                tf.tensor_scatter_nd_update(whole, places, part)
                for whole, part in zip(results, after, strict=True)
            )
        )
        if not stop_when_stable:
            return index + 1, rows, after, results, flat
        moved = tf.reduce_any(after.tokens != live.tokens, 1)
        keep = tf.cast(tf.where(moved)[:, 0], tf.int32)
        kept = tf.cond(
            tf.size(keep) < tf.size(rows),
            lambda: [tf.gather(each, keep) for each in (rows, *after, *flat)],
            lambda: [rows, *after, *flat],
        )
        return index + 1, kept[0], Candidates(*kept[1:4]), results, kept[4:]

    any_rows = tf.TensorShape([None])
    shapes = Candidates(tf.TensorShape([None, None]), tf.TensorShape([None, None]), any_rows)
    _, _, _, results, _ = tf.while_loop(
        lambda index, rows, *_: (index < passes) & (tf.size(rows) > 0),
        advance,
        (tf.constant(0), rows, live, results, flat),
        shape_invariants=(tf.TensorShape([]), any_rows, shapes, shapes, flexible_shapes(flat)),
    )
    return results


def chosen(
    candidates: Candidates,
    scores: tf.Tensor,
    *,
    each: int | tf.Tensor,
    n_best: int,
    stop_ids: tuple[int, ...],
    pad_id: int,
) -> Hypotheses:
    """The n best candidates of each sentence, cut before their first end.

    Args:
        candidates: `each` rows a sentence, one after the other.
        scores: float32 `[rows]`: what they are ranked by; -inf for a row that stands for nothing.
        each: Candidates a sentence.
        n_best: How many to return.
        stop_ids: Ids that end an output: [SEP] and [CLS].
        pad_id: Fills `ids` after the last token.
    """
    by_sentence = tf.reshape(scores, [-1, each])
    missing = tf.maximum(n_best - each, 0)  # `each` may be chosen call by call
    by_sentence = tf.pad(by_sentence, [[0, 0], [0, missing]], constant_values=float("-inf"))
    best, order = tf.math.top_k(by_sentence, n_best)
    rows = tf.range(tf.shape(order)[0])[:, None] * each + tf.minimum(order, each - 1)
    tokens, valid = tf.gather(candidates.tokens, rows), tf.gather(candidates.valid, rows)
    stops = ~valid | (best == float("-inf"))[..., None]
    for number in stop_ids:
        stops |= tokens == number
    lengths = tf.reduce_sum(tf.cast(tf.cumsum(tf.cast(stops, tf.int32), 2) == 0, tf.int32), 2)
    longest = tf.reduce_max(tf.concat([tf.reshape(lengths, [-1]), [0]], 0))
    ids = tf.where(tf.range(tf.shape(tokens)[2]) < lengths[..., None], tokens, pad_id)
    total = tf.gather(tf.reduce_sum(candidates.log_p, 1), rows)
    nothing = tf.where(best > float("-inf"), total, float("-inf"))
    return Hypotheses(ids[:, :, :longest], lengths, best, nothing)
