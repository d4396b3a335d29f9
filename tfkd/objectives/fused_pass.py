"""One pass over the vocabulary: losses and their gradients without keeping the logits.

For hidden states h [N, d], a matrix W [V, d] and a bias b, plain code keeps z = h W^T + b, its
soft-max and its gradient, each [N, V]. Here a chunk of tokens is taken at a time: its logits, their
statistics, the losses of every term from the statistics, and at once the gradient by the logits,
which goes into the gradients of h, W and b before the next chunk replaces it. That makes the same
three matrix products as plain code, and no array of [N, V].

Every loss here depends on the logits through few numbers a token, so that with s = softmax:

    d loss / d z  =  sum_T  g_lse(T) / T * s(z / T)  +  scatter(g_picked)  +  g_total
                     +  g_expected * p_teacher

The part of `total` = h . sum(W) + sum(b) never touches the logits: its gradients are of rank one.
A loss that reads all log-probabilities of a chunk is differentiated by the logits as it stands.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from tfkd.layers.custom_gradient import custom_gradient
from tfkd.models.heads import capped
from tfkd.objectives.chunks import Chunks, over_chunks
from tfkd.objectives.token_terms import DenseMean, DenseTeacher, Statistics, TokenTerm


class PassResult(NamedTuple):
    """What `vocabulary_pass` returns.

    Attributes:
        loss: float32 scalar, sum_i scales[i] * sums[i]; the only part that can be differentiated.
        sums: float32 `[terms]`: each term's weighted sum over tokens.
        metrics: For each term, its metrics' weighted sums by name.
    """

    loss: tf.Tensor
    sums: tf.Tensor
    metrics: list[dict[str, tf.Tensor]]


def vocabulary_pass(
    hidden: tf.Tensor,
    matrix: tf.Tensor,
    bias: tf.Tensor | None,
    terms: Sequence[TokenTerm],
    scales: tf.Tensor,
    *,
    gradients: bool = True,
    chunk_rows: int | None = None,
) -> PassResult:
    """Evaluates token losses over the whole vocabulary, chunk by chunk of tokens.

    The products run in `hidden`'s type; everything else is float32.

    Args:
        hidden: `[N, d]`, float32, bfloat16 or float16. N may be unknown, except under XLA.
        matrix: `[V, d]`, `hidden`'s type or float32.
        bias: float32 `[V]`, or None.
        terms: What is asked.
        scales: float32 `[terms]`: weight_i / N_i of each term in the loss.
        gradients: Whether the loss will be differentiated. The gradient is computed with the loss,
            so that evaluation should say False.
        chunk_rows: The most tokens in a chunk; by default from V.
    """
    scales = tf.convert_to_tensor(scales, tf.float32)
    hidden, matrix = tf.convert_to_tensor(hidden), tf.convert_to_tensor(matrix)
    vocabulary_size = matrix.shape[0]
    bias = tf.zeros([vocabulary_size]) if bias is None else tf.cast(bias, tf.float32)

    if not gradients:
        run = _Pass(hidden, matrix, bias, terms, scales, chunk_rows)
        return PassResult(*run.evaluate()[:3])

    metric_names = [term.metric_names for term in terms]

    @custom_gradient
    def evaluate(hidden, matrix, bias):
        # A persistent tape looks into this function too; it has its gradient, and XLA could not
        # compile that of a loop whose length it does not know.
        inputs = map(tf.stop_gradient, (hidden, matrix, bias))
        run = _Pass(*inputs, terms, scales, chunk_rows)
        loss, sums, metrics, by_hidden, by_matrix, by_bias = run.evaluate(gradients=True)
        values = [
            metric[name]
            for metric, names in zip(metrics, metric_names, strict=True)
            for name in names
        ]

        def gradient(upstream, *_):
            return (
                by_hidden * tf.cast(upstream, by_hidden.dtype),
                by_matrix * tf.cast(upstream, by_matrix.dtype),
                by_bias * upstream,
            )

        return (loss, sums, *values), gradient

    loss, sums, *values = evaluate(hidden, matrix, bias)
    values = iter(map(tf.stop_gradient, values))
    metrics = [{name: next(values) for name in names} for names in metric_names]
    return PassResult(loss, tf.stop_gradient(sums), metrics)


class _Pass:
    """The loop over chunks, with what does not change from chunk to chunk."""

    def __init__(self, hidden, matrix, bias, terms, scales, chunk_rows):
        self.hidden, self.bias, self.terms, self.scales = hidden, bias, terms, scales
        self.matrix_dtype = matrix.dtype
        self.matrix = tf.cast(matrix, hidden.dtype)
        self.beside = tf.concat([self.matrix, tf.cast(bias, hidden.dtype)[:, None]], 1)
        self.vocabulary_size, self.width = matrix.shape
        self.chunks = Chunks.of(hidden, self.vocabulary_size, chunk_rows)
        self.temperatures = sorted({1.0}.union(*(term.temperatures for term in terms)))
        self.uses_total = any(term.uses_total for term in terms)
        self.uses_all = any(term.uses_all for term in terms)
        # Where each token's soft-max enters with one factor, the factor can go to the [C, d] sides
        # of the products instead: one pass over the chunk less.
        self.unit_mass = len(self.temperatures) == 1 and all(
            term.unit_mass and term.teacher is None and not term.uses_all for term in terms
        )
        self.column_sum = tf.zeros([self.width])
        self.bias_sum = tf.zeros([])
        if self.uses_total:
            self.column_sum = tf.reduce_sum(tf.cast(matrix, tf.float32), 0)
            self.bias_sum = tf.reduce_sum(bias)

    def evaluate(self, *, gradients: bool = False):
        terms = self.terms
        self.gradients = gradients
        inputs = [
            {
                "weights": term.weights,
                "picked": term.picked,
                "extras": dict(term.extras),
                "teacher": [] if term.teacher is None else [m.hidden for m in term.teacher.members],
            }
            for term in terms
        ]
        self.structure = inputs
        names = sum(len(term.metric_names) for term in terms)
        carried = [tf.zeros([len(terms)]), tf.zeros([names])]
        stacked = []
        if gradients:
            stacked = [(self.hidden.dtype, [self.width])]
            carried += [
                tf.zeros([self.vocabulary_size, self.width + 1]),
                tf.zeros([self.width + 1]),
            ]
        flat = [self.hidden, *tf.nest.flatten(inputs)]
        by_token, carried = over_chunks(
            self._chunk, flat, self.chunks, stacked=stacked, carried=carried
        )
        sums, metric_sums = carried[:2]
        loss = tf.reduce_sum(self.scales * sums)
        values = iter(tf.unstack(metric_sums, num=names))
        metrics = [{name: next(values) for name in term.metric_names} for term in terms]
        if not gradients:
            return loss, sums, metrics
        by_weights = carried[2]
        if self.uses_total:
            by_weights += carried[3]
        by_matrix = tf.cast(by_weights[:, : self.width], self.matrix_dtype)
        return loss, sums, metrics, by_token[0], by_matrix, by_weights[:, self.width]

    def _chunk(self, values, carried):
        hidden, *flat = values
        inputs = tf.nest.pack_sequence_as(self.structure, flat)
        wide = tf.cast(hidden, tf.float32)
        # A column of ones beside the hidden states makes the bias part of the products.
        rows = tf.shape(hidden)[0]
        ones = tf.ones([rows, 1], hidden.dtype)
        logits = tf.matmul(tf.concat([hidden, ones], 1), self.beside, transpose_b=True)
        logits = tf.cast(logits, tf.float32)
        maximum = tf.reduce_max(logits, -1)
        softmaxes, log_sum_exp = {}, {}
        for temperature in self.temperatures:
            scaled = logits if temperature == 1.0 else logits / temperature
            softmax = tf.nn.softmax(scaled)
            softmaxes[temperature] = softmax
            # softmax at the maximum is 1 / sum exp(z - maximum): one reading pass, no second exp.
            log_sum_exp[temperature] = maximum / temperature - tf.math.log(
                tf.reduce_max(softmax, -1)
            )
        total = tf.linalg.matvec(wide, self.column_sum) + self.bias_sum
        # Flat indices serve the gather and the scatter alike.
        counts = [term.picked.shape[1] for term in self.terms]
        picked_ids = tf.concat([entry["picked"] for entry in inputs], 1)
        index = tf.range(rows)[:, None] * self.vocabulary_size + picked_ids
        picked = tf.gather(tf.reshape(logits, [-1]), index)
        teachers = [
            None if term.teacher is None else _teacher(term.teacher, entry["teacher"], logits)
            for term, entry in zip(self.terms, inputs, strict=True)
        ]
        expected = [None if teacher is None else teacher.expected for teacher in teachers]

        sources = [log_sum_exp, picked, total, [value for value in expected if value is not None]]
        sources += [[logits] if self.uses_all else []]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tf.nest.flatten(sources))
            sums, metrics = [], []
            log_probabilities = tf.nn.log_softmax(logits) if self.uses_all else None
            pieces = tf.split(picked, counts, 1)
            for number, (term, entry) in enumerate(zip(self.terms, inputs, strict=True)):
                teacher = teachers[number]
                statistics = Statistics(
                    log_sum_exp=log_sum_exp,
                    picked=pieces[number],
                    total=total,
                    maximum=maximum,
                    vocabulary_size=self.vocabulary_size,
                    expected=expected[number],
                    teacher_entropy=None if teacher is None else teacher.entropy,
                    log_probabilities=log_probabilities,
                    teacher_log_probabilities=(
                        None if teacher is None else teacher.log_probabilities
                    ),
                )
                weights = entry["weights"]
                losses = term.loss(statistics, entry["extras"])
                sums.append(_weighted_sum(losses, weights))
                with tape.stop_recording():
                    values = term.metrics(statistics, entry["extras"], losses)
                    metrics += [_weighted_sum(values[name], weights) for name in term.metric_names]
            sums = tf.stack(sums)
            loss = tf.reduce_sum(self.scales * sums)
        metrics = tf.stack(metrics) if metrics else tf.zeros([0])
        results = [carried[0] + sums, carried[1] + metrics]
        if not self.gradients:
            return [], results

        by_log_sum_exp, by_picked, by_total, by_expected, by_all = tape.gradient(
            loss, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        if self.unit_mass:
            factor = by_log_sum_exp[1.0][:, None]
            by_logits = softmaxes[1.0]
            by_picked = tf.math.divide_no_nan(by_picked, factor)
        else:
            factor = tf.ones([rows, 1])
            by_logits = _mix(
                [softmaxes[t] for t in self.temperatures]
                + [teacher.probabilities for teacher in teachers if teacher is not None],
                [by_log_sum_exp[t] / t for t in self.temperatures] + by_expected,
            )
            by_logits = tf.add_n([by_logits, *by_all])
        by_logits = tf.tensor_scatter_nd_add(
            tf.reshape(by_logits, [-1]), tf.reshape(index, [-1, 1]), tf.reshape(by_picked, [-1])
        )
        by_logits = tf.reshape(by_logits, tf.shape(logits))
        by_logits = tf.cast(by_logits, hidden.dtype)
        beside = tf.concat([wide, tf.ones([rows, 1])], 1)
        by_hidden = factor * tf.cast(tf.matmul(by_logits, self.matrix), tf.float32)
        by_weights = tf.matmul(by_logits, tf.cast(factor * beside, hidden.dtype), transpose_a=True)
        rank_one = carried[3]
        if self.uses_total:
            by_hidden += by_total[:, None] * self.column_sum
            rank_one += tf.linalg.matvec(beside, by_total, transpose_a=True)
        results += [carried[2] + tf.cast(by_weights, tf.float32), rank_one]
        return [tf.cast(by_hidden, hidden.dtype)], results


class _TeacherChunk(NamedTuple):
    log_probabilities: tf.Tensor
    probabilities: tf.Tensor
    expected: tf.Tensor
    entropy: tf.Tensor


def _teacher(
    teacher: DenseTeacher | DenseMean, hidden: Sequence[tf.Tensor], logits: tf.Tensor
) -> _TeacherChunk:
    """One chunk's teacher distribution, and the student's logits expected under it."""
    if len(teacher.members) == 1:
        scores = _scores(teacher.members[0], hidden[0])
        log_probabilities = tf.nn.log_softmax(scores / teacher.temperature)
    else:
        log_probabilities = _log_mean(teacher, hidden)
    probabilities = tf.exp(log_probabilities)
    return _TeacherChunk(
        log_probabilities,
        probabilities,
        tf.reduce_sum(probabilities * logits, -1),
        -tf.reduce_sum(probabilities * log_probabilities, -1),
    )


def _scores(teacher: DenseTeacher, hidden: tf.Tensor) -> tf.Tensor:
    """A teacher's logits, float32 `[C, V]`."""
    scores = tf.matmul(hidden, tf.cast(teacher.matrix, hidden.dtype), transpose_b=True)
    scores = tf.cast(scores, tf.float32)
    if teacher.bias is not None:
        scores += tf.cast(teacher.bias, tf.float32)
    return capped(scores, teacher.cap)


def _log_mean(teacher: DenseMean, hidden: Sequence[tf.Tensor]) -> tf.Tensor:
    """log softmax(log(sum_m w_m p_m) / T), `[C, V]`: one teacher after the other, so that beside
    the sum there is never more than one of them."""
    (first, *others), (share, *shares) = teacher.members, teacher.weights
    total = tf.nn.log_softmax(_scores(first, hidden[0])) + math.log(share)
    for member, weight, states in zip(others, shares, hidden[1:], strict=True):
        with tf.control_dependencies([total]):
            one = tf.nn.log_softmax(_scores(member, tf.identity(states))) + math.log(weight)
        total += tf.nn.softplus(one - total)
    return total if teacher.temperature == 1.0 else tf.nn.log_softmax(total / teacher.temperature)


def _mix(arrays: Sequence[tf.Tensor], factors: Sequence[tf.Tensor]) -> tf.Tensor:
    """sum_i factors[i] [C, 1] * arrays[i] [C, V]."""
    return tf.add_n([f[:, None] * a for a, f in zip(arrays, factors, strict=True)])


def _weighted_sum(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """sum_t weights_t * values_t, in which a token of weight 0 counts 0 whatever its value."""
    return tf.reduce_sum(tf.where(weights != 0.0, weights * values, 0.0))
