"""The recurrence of a decoder that attends at each step, with its gradient in one loop."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfkd.layers.custom_gradient import custom_gradient
from tfkd.layers.recurrent.lstm import by_kernel, cell, cell_backward
from tfkd.layers.recurrent.over_time import over_time, shifted

Tensors = list[tf.Tensor]


class Weights(NamedTuple):
    """The matrices of a decoder of N layers of width d.

    Attributes:
        layers: Of each layer `[2 * d, 4 * d]`: the rows of what it is fed (the attentional vector
            of the step before, or the layer below), then those of its own state.
        biases: Of each layer but the first `[4 * d]`; the first's is in what is projected.
        combine: `[2 * d, d]`: the rows of the context, then those of the last layer.
    """

    layers: Tensors
    biases: Tensors
    combine: tf.Tensor


class Memory(NamedTuple):
    """What is attended to.

    Attributes:
        states: `[rows, length, d]`.
        keys: Alike: what the last layer's state is multiplied with.
        penalty: float32 `[rows, length]`: subtracted from the scores; large where nothing is seen.
    """

    states: tf.Tensor
    keys: tf.Tensor
    penalty: tf.Tensor


class Fed(NamedTuple):
    """The state of a decoder.

    Attributes:
        hidden: Of each layer `[rows, d]`.
        cells: Of each layer float32 `[rows, d]`.
        feed: `[rows, d]`: the attentional vector, which the next step reads beside its token.
    """

    hidden: Tensors
    cells: Tensors
    feed: tf.Tensor


class Kept(NamedTuple):
    """What the gradient of a step needs.

    Attributes:
        gates: Of each layer, see `cell`.
        weights: `[rows, length]`: the attention's.
        attentional: `[rows, d]`: the attentional vector before dropout.
    """

    gates: Tensors
    weights: tf.Tensor
    attentional: tf.Tensor


def attentive_step(
    projected: tf.Tensor,
    before: Fed,
    memory: Memory,
    weights: Weights,
    between: Tensors = (),
    behind: tf.Tensor | None = None,
) -> tuple[Fed, Kept]:
    """One step of a stacked LSTM with attention and input feeding.

        h_1 = LSTM(y W + feed_before F),   h_l = LSTM(dropout(h_(l-1)))
        a = softmax(h_N . K),   context = a . states
        feed = dropout(tanh([context; h_N] C))

    Args:
        projected: y W + b of the first layer, `[rows, 4 * d]`.
        before: The state of the step before.
        memory: What is attended to.
        weights: The matrices.
        between: Factors of dropout on what each layer but the first reads, `[rows, d]` each; none
            given: no dropout.
        behind: The factor on the attentional vector.

    Reference: Luong et al. 2015, Effective Approaches to Attention-based Neural Machine
    Translation, sections 3.1 ("general") and 3.3.
    """
    hidden, cells, gates = [], [], []
    below = before.feed
    for number, kernel in enumerate(weights.layers):
        read = tf.matmul(tf.concat([below, before.hidden[number]], 1), kernel)
        read += weights.biases[number - 1] if number else projected
        top, held, values = cell(read, before.cells[number])
        hidden.append(top)
        cells.append(held)
        gates.append(values)
        below = top * between[number] if len(between) > number else top
    scores = tf.matmul(memory.keys, top[:, :, None])[:, :, 0]
    shares = tf.nn.softmax(tf.cast(scores, tf.float32) - memory.penalty)
    shares = tf.cast(shares, top.dtype)
    context = tf.matmul(shares[:, None, :], memory.states)[:, 0]
    attentional = tf.tanh(tf.matmul(tf.concat([context, top], 1), weights.combine))
    feed = attentional if behind is None else attentional * behind
    return Fed(hidden, cells, feed), Kept(gates, shares, attentional)


def attentive_scan(
    projected: tf.Tensor,
    start: Fed,
    memory: Memory,
    weights: Weights,
    between: Tensors = (),
    behind: tf.Tensor | None = None,
) -> tf.Tensor:
    """The attentional vectors of whole targets, `[time, rows, d]`.

    The backward loop carries gradients of states alone; those of matrices, keys and memory are one
    product each over all steps, behind it.

    Args:
        projected: `[time, rows, 4 * d]`.
        start: What the first step is handed.
        memory, weights: See `attentive_step`; no gradient goes into the penalty.
        between, behind: `[time, rows, d]` each, without a gradient.
    """
    layers, given = len(weights.layers), (projected, start, memory, weights)
    masks = [*between, *([] if behind is None else [behind])]

    def parted(masks: Tensors) -> tuple[Tensors, tf.Tensor | None]:
        """`between` and `behind`."""
        return masks[: len(between)], None if behind is None else masks[-1]

    @custom_gradient
    def run(*arguments: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        projected, start, memory, weights = tf.nest.pack_sequence_as(given, arguments)

        def forward(carried: Tensors, read: Tensors) -> tuple[Tensors, Tensors]:
            before = Fed(carried[:layers], carried[layers:-1], carried[-1])
            after, kept = attentive_step(read[0], before, memory, weights, *parted(read[1:]))
            return [*after.hidden, *after.cells, after.feed], [
                *after.hidden, *after.cells, after.feed, *kept.gates, kept.weights,
                kept.attentional,
            ]  # fmt: skip

        dtype, d = projected.dtype, weights.combine.shape[1]
        row, cells, gates = (dtype, [None, d]), (tf.float32, [None, d]), (dtype, [None, 4 * d])
        seen = (dtype, [None, memory.penalty.shape[1]])
        written = over_time(
            forward,
            [*start.hidden, *start.cells, start.feed],
            [projected, *masks],
            [row] * layers + [cells] * layers + [row] + [gates] * layers + [seen, row],
        ).sequences
        after = Fed(written[:layers], written[layers : 2 * layers], written[2 * layers])
        kept = Kept(written[2 * layers + 1 : -2], *written[-2:])

        def backward(by_feed: tf.Tensor) -> Tensors:
            return _backward(by_feed, start, memory, weights, after, kept, *parted(masks))

        return after.feed, backward

    return run(*tf.nest.flatten(given))


def _backward(
    by_feed: tf.Tensor,
    start: Fed,
    memory: Memory,
    weights: Weights,
    after: Fed,
    kept: Kept,
    between: Tensors,
    behind: tf.Tensor | None,
) -> Tensors:
    """The gradients by all arguments of `attentive_scan` but its masks, in one list.

    `after` and `kept` are whole sequences, by time.
    """
    layers, dtype, d = len(weights.layers), after.feed.dtype, weights.combine.shape[1]
    masks = [*between, *([] if behind is None else [behind])]

    def step(carried: Tensors, read: Tensors) -> tuple[Tensors, Tensors]:
        by_hidden, by_cells, later = carried[:layers], carried[layers:-1], carried[-1]
        by_feed, attentional, shares = read[:3]
        gates, befores, cells = (read[3 + layers * i : 3 + layers * (i + 1)] for i in range(3))
        masks = read[3 + 3 * layers :]
        by_feed += later
        if behind is not None:
            by_feed *= masks[-1]
        by_combined = by_feed * (1 - attentional * attentional)
        by_context, by_top = tf.split(
            tf.matmul(by_combined, weights.combine, transpose_b=True), 2, 1
        )
        by_shares = tf.matmul(memory.states, by_context[:, :, None])[:, :, 0]
        wide, by_shares = tf.cast(shares, tf.float32), tf.cast(by_shares, tf.float32)
        by_scores = wide * (by_shares - tf.reduce_sum(wide * by_shares, 1, keepdims=True))
        by_scores = tf.cast(by_scores, dtype)
        by_top += tf.matmul(by_scores[:, None, :], memory.keys)[:, 0]
        by_gates = []
        for number in reversed(range(layers)):
            gradient, by_cells[number] = cell_backward(
                gates[number], befores[number], cells[number], by_hidden[number] + by_top,
                by_cells[number],
            )  # fmt: skip
            by_top, by_hidden[number] = tf.split(
                tf.matmul(gradient, weights.layers[number], transpose_b=True), 2, 1
            )
            if number and between:
                by_top *= masks[number - 1]
            by_gates.insert(0, gradient)
        # What is left over is of what the first layer is fed.
        return [*by_hidden, *by_cells, by_top], [*by_gates, by_combined, by_context, by_scores]

    row, gates = (dtype, [None, d]), (dtype, [None, 4 * d])
    seen = (dtype, [None, memory.penalty.shape[1]])
    befores = [shifted(*pair) for pair in zip(after.cells, start.cells, strict=True)]
    carried, written = over_time(
        step,
        [tf.zeros_like(one) for one in (*start.hidden, *start.cells, start.feed)],
        [by_feed, kept.attentional, kept.weights, *kept.gates, *befores, *after.cells, *masks],
        [gates] * layers + [row, row, seen],
        backwards=True,
    )
    by_gates, (by_combined, by_context, by_scores) = written[:layers], written[layers:]
    top = after.hidden[-1]
    # [rows, length, time] . [rows, time, d]: what each token of the source gets from all steps.
    by_keys = tf.matmul(_rows_first(by_scores), _rows_first(top), transpose_a=True)
    shares = _rows_first(kept.weights)
    by_states = tf.matmul(shares, _rows_first(by_context), transpose_a=True)
    context = tf.transpose(tf.matmul(shares, memory.states), [1, 0, 2])
    reads = [shifted(after.feed, start.feed), *after.hidden[:-1]]
    for number, mask in enumerate(between, 1):
        reads[number] *= mask
    by_layers = [
        by_kernel(tf.concat([read, shifted(own, first)], 2), gradient)
        for read, own, first, gradient in zip(
            reads, after.hidden, start.hidden, by_gates, strict=True
        )
    ]
    by_combine = by_kernel(tf.concat([context, top], 2), by_combined)
    by_biases = [tf.reduce_sum(tf.cast(one, tf.float32), [0, 1]) for one in by_gates[1:]]
    return [by_gates[0], *carried, by_states, by_keys, tf.zeros_like(memory.penalty), *by_layers,
            *(tf.cast(one, dtype) for one in by_biases), by_combine]  # fmt: skip


def _rows_first(sequence: tf.Tensor) -> tf.Tensor:
    return tf.transpose(sequence, [1, 0, 2])
