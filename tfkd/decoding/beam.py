"""Beam search in the graph: batched, with caches, finished hypotheses kept apart."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import tensorflow as tf

from tfkd.decoding.hypotheses import IMPOSSIBLE, Hypotheses, forbidding, length_penalty
from tfkd.decoding.states import flatten, flexible_shapes, repeat_rows, select_rows
from tfkd.layers.largest import largest

Step = Callable[[tf.Tensor, Any, tf.Tensor], tuple[tf.Tensor, Any]]


class _Beams(NamedTuple):
    """Live beams of the sentences still searched; row r is sentence `sentence[r]` of the batch."""

    sentence: tf.Tensor  # [rows]
    limit: tf.Tensor  # [rows]
    ids: tf.Tensor  # [rows, beam, longest]
    last: tf.Tensor  # [rows, beam]
    total: tf.Tensor  # [rows, beam] log-probability, IMPOSSIBLE where there is no beam


class _Finished(NamedTuple):
    """The n best finished hypotheses, as in `Hypotheses`, for rows or for the whole batch."""

    ids: tf.Tensor  # [rows, n, longest]
    lengths: tf.Tensor  # [rows, n]
    scores: tf.Tensor  # [rows, n]
    total: tf.Tensor  # [rows, n]


def beam_search(
    start_state: Any,
    step: Step,
    *,
    start_id: int,
    end_id: int,
    vocabulary_size: int | tf.Tensor,
    max_lengths: tf.Tensor,
    beam: int = 4,
    length_penalty: float = 0.6,
    n_best: int = 1,
    forbidden_ids: Iterable[int] = (),
    pad_id: int = 0,
    min_length: int = 0,
) -> Hypotheses:
    """Searches the y with the highest log p(y, end | x) / ((5 + |y| + 1) / 6) ** length_penalty.

    A step extends each sentence's `beam` live prefixes by one token. An end that is no worse than
    the beam-th best extension finishes its prefix, and the `beam` best other extensions live on. At
    a sentence's maximum length only the end may follow, at its own probability, so every hypothesis
    is whole. A sentence is done when no live prefix can still reach its n best: log p never rises,
    so a prefix cannot exceed its log p over the largest penalty. Done sentences leave the batch; a
    sentence's result does not depend on the others in its batch.

    Args:
        start_state: Nest of tensors, each with the batch first.
        step: `(ids int32 [rows], state, index) -> (logits [rows, vocabulary], state)`: feeds the
            tokens at position `index`. The number of rows is beam * sentences, and falls.
        start_id: What is fed at position 0.
        end_id: What ends an output.
        vocabulary_size: Number of logits; at least 2, where it is an int32 scalar.
        max_lengths: int32 `[batch]`: the most tokens of each output, the end not counted.
        beam: Number of live prefixes a sentence.
        length_penalty: The exponent alpha.
        n_best: Hypotheses to return, at most `beam`.
        forbidden_ids: Never produced: masked before the soft-max, in float32.
        pad_id: Fills `ids` after the last token.
        min_length: The fewest tokens of an output, the end not counted: before, the end is
            forbidden. A sentence's maximum length goes first.

    Returns:
        The n best hypotheses of each sentence.

    Raises:
        ValueError: `beam` or `n_best` is out of range, or the end is forbidden.

    Reference: Wu et al. 2016, section 7; the rule of when to finish is fairseq's.
    """
    if not 1 <= n_best <= beam:
        raise ValueError(
            "Invalid value for argument `n_best`. Expected 1 to `beam`. "
            f"Received: n_best={n_best}, beam={beam}"
        )
    forbidden_ids = list(forbidden_ids)
    if end_id in forbidden_ids:
        raise ValueError(f"Invalid value for argument `forbidden_ids`. It holds end_id={end_id}")
    search = _Search(
        step, start_state, end_id, vocabulary_size, beam, length_penalty, n_best, forbidden_ids,
        min_length,
    )  # fmt: skip
    max_lengths = tf.maximum(tf.cast(max_lengths, tf.int32), 0)
    batch = tf.size(max_lengths)
    longest = tf.maximum(tf.reduce_max(max_lengths), 1)
    best_first = tf.one_hot(tf.zeros([batch], tf.int32), beam, 0.0, IMPOSSIBLE)
    beams = _Beams(
        sentence=tf.range(batch),
        limit=max_lengths,
        ids=tf.fill([batch, beam, longest], pad_id),
        last=tf.fill([batch, beam], start_id),
        total=best_first,
    )
    finished = _Finished(
        ids=tf.fill([batch, n_best, longest], pad_id),
        lengths=tf.zeros([batch, n_best], tf.int32),
        scores=tf.fill([batch, n_best], IMPOSSIBLE),
        total=tf.fill([batch, n_best], IMPOSSIBLE),
    )
    state = repeat_rows(flatten(start_state), beam)
    variables = (tf.constant(0), beams, finished, finished, state)
    _, _, _, results, _ = tf.while_loop(
        lambda index, beams, *_: tf.size(beams.sentence) > 0,
        search.advance,
        variables,
        shape_invariants=(
            tf.TensorShape([]),
            _Beams(*flexible_shapes(list(beams))),
            _Finished(*flexible_shapes(list(finished))),
            _Finished(*flexible_shapes(list(finished))),
            flexible_shapes(state),
        ),
    )
    longest = tf.reduce_max(tf.concat([tf.reshape(results.lengths, [-1]), [0]], 0))
    found = results.scores > IMPOSSIBLE / 2
    nothing = tf.constant(float("-inf"))
    return Hypotheses(
        results.ids[:, :, :longest],
        results.lengths,
        tf.where(found, results.scores, nothing),
        tf.where(found, results.total, nothing),
    )


class _Search:
    """One step of the search, and the numbers that it needs."""

    def __init__(
        self,
        step: Step,
        structure: Any,
        end_id: int,
        vocabulary_size: int | tf.Tensor,
        beam: int,
        alpha: float,
        n_best: int,
        forbidden_ids: list[int],
        min_length: int,
    ):
        self.step = step
        self.structure = structure
        self.end_id = end_id
        self.size = vocabulary_size
        self.beam = beam
        self.alpha = alpha
        self.n_best = n_best
        self.mask = forbidding(forbidden_ids, vocabulary_size)
        self.no_end = forbidding([end_id], vocabulary_size) if min_length else None
        self.min_length = min_length

    def advance(
        self,
        index: tf.Tensor,
        beams: _Beams,
        finished: _Finished,
        results: _Finished,
        state: list[tf.Tensor],
    ) -> tuple[tf.Tensor, _Beams, _Finished, _Finished, list[tf.Tensor]]:
        """Extends all live prefixes, which have `index` tokens, by one."""
        nest = tf.nest.pack_sequence_as(self.structure, state)
        logits, new_nest = self.step(tf.reshape(beams.last, [-1]), nest, index)
        new_state = tf.nest.flatten(new_nest)
        logits = tf.cast(logits, tf.float32)
        if self.mask is not None:
            logits += self.mask
        if self.no_end is not None:
            early = (index < self.min_length) & (beams.limit > index)
            early = tf.cast(tf.repeat(early, self.beam), tf.float32)
            logits += early[:, None] * self.no_end
        log_p = tf.reshape(tf.nn.log_softmax(logits), [-1, self.beam, self.size])
        extended = beams.total[:, :, None] + log_p
        ends = extended[:, :, self.end_id]
        # At most `beam` of these are ends, so `beam` others are among them.
        count = 2 * self.beam
        if not tf.is_tensor(self.size):  # a list has two pieces or more
            count = min(count, self.beam * self.size)
        best, places = largest(tf.reshape(extended, [-1, self.beam * self.size]), count)

        last_step = beams.limit <= index
        worst = best[:, min(self.beam, count) - 1]
        ends = tf.where(last_step[:, None] | (ends >= worst[:, None]), ends, IMPOSSIBLE)
        finished = self._finish(index, beams.ids, ends, finished)

        ended = (places % self.size == self.end_id) | last_step[:, None]
        best = tf.where(ended | (best < IMPOSSIBLE / 2), IMPOSSIBLE, best)
        if count < self.beam:  # fewer extensions than beams: a vocabulary of one token
            best = tf.pad(best, [[0, 0], [0, self.beam - count]], constant_values=IMPOSSIBLE)
            places = tf.pad(places, [[0, 0], [0, self.beam - count]])
        total, order = tf.math.top_k(best, self.beam)
        places = tf.gather(places, order, batch_dims=1)
        parents, tokens = places // self.size, places % self.size
        written = tf.range(tf.shape(beams.ids)[2]) == index
        ids = tf.gather(beams.ids, parents, batch_dims=1)
        ids = tf.where(written & (total > IMPOSSIBLE / 2)[..., None], tokens[..., None], ids)
        beams = beams._replace(ids=ids, last=tokens, total=total)

        done = self._done(index, beams, finished)
        searched = tf.reduce_sum(tf.cast(~done, tf.int32))
        # Rows are moved together when a quarter has become idle, not at each end of a sentence.
        shrunk = 4 * searched <= 3 * tf.size(done)
        keep, results = tf.cond(
            shrunk,
            lambda: (_where(~done), _store(results, finished, beams.sentence, done)),
            lambda: (tf.range(tf.size(done)), results),
        )
        kept_parents = keep[:, None] * self.beam + tf.gather(parents, keep)
        same_sentence = keep[:, None] * self.beam + tf.range(self.beam)
        state = select_rows(
            state,
            new_state,
            tf.reshape(kept_parents, [-1]),
            tf.reshape(same_sentence, [-1]),
            shrunk,
        )
        # A done sentence that stays for a while goes on in vain: nothing of it can win any more.
        beams = _Beams(*(tf.gather(each, keep) for each in beams))
        finished = _Finished(*(tf.gather(each, keep) for each in finished))
        return index + 1, beams, finished, results, state

    def _finish(
        self, index: tf.Tensor, ids: tf.Tensor, ends: tf.Tensor, finished: _Finished
    ) -> _Finished:
        """Adds the prefixes that end here, and keeps the n best."""
        scores = ends / length_penalty(index + 1, self.alpha)
        scores = tf.where(ends > IMPOSSIBLE / 2, scores, IMPOSSIBLE)
        lengths = tf.fill(tf.shape(ends), index)
        pool = (
            tf.concat([old, new], 1)
            for old, new in zip(finished, (ids, lengths, scores, ends), strict=True)
        )
        pool = _Finished(*pool)
        _, order = tf.math.top_k(pool.scores, self.n_best)
        return _Finished(*(tf.gather(each, order, batch_dims=1) for each in pool))

    def _done(self, index: tf.Tensor, beams: _Beams, finished: _Finished) -> tf.Tensor:
        """bool `[rows]`: whether no live prefix (of index + 1 tokens) can still win."""
        # The penalty is monotonic in the length, so its largest value is at one of the two ends.
        largest = tf.maximum(
            length_penalty(index + 2, self.alpha), length_penalty(beams.limit + 1, self.alpha)
        )
        best = beams.total[:, 0]
        return (best < IMPOSSIBLE / 2) | (best / largest <= finished.scores[:, -1])


def _where(mask: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.where(mask)[:, 0], tf.int32)


def _store(
    results: _Finished, finished: _Finished, sentence: tf.Tensor, done: tf.Tensor
) -> _Finished:
    """Writes done sentences' hypotheses to their places in the batch."""
    rows = _where(done)
    places = tf.gather(sentence, rows)[:, None]
    return _Finished(
        *(
            tf.tensor_scatter_nd_update(whole, places, tf.gather(part, rows))
            for whole, part in zip(results, finished, strict=True)
        )
    )
