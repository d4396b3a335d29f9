"""From a batch to a loss: each view once through the model, each head's terms in one pass."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import tensorflow as tf

from tfkd.layers import dropout_pass
from tfkd.layers.fusion import fusing
from tfkd.objectives.fused_pass import vocabulary_pass
from tfkd.objectives.own_outputs import spoken, times
from tfkd.objectives.term import ROW_WEIGHTS, Batch, Record, Term, weighed
from tfkd.objectives.term_head import check_head, head_of


class Objective(NamedTuple):
    """What `objective_forward` returns.

    Attributes:
        loss: float32 scalar: sum_i weight_i * sum_i / N_i.
        sums: Each term's sum by its name, without its weight, undivided.
        metrics: (sum, count) by "TERM.METRIC".
        by_group: The loss of each group's terms, "main" and "auxiliary"; they add up to `loss`.
            Each can be differentiated by itself only where they were asked for apart.
    """

    loss: tf.Tensor
    sums: dict[str, tf.Tensor]
    metrics: dict[str, tuple[tf.Tensor, tf.Tensor]]
    by_group: dict[str, tf.Tensor]


def term_counts(terms: Sequence[Term], batch: Batch) -> dict[str, tf.Tensor]:
    """Each term's normalizer in this batch, by its name, float32 scalars.

    Added up over replicas and micro-batches they are the `counts` of `objective_forward`.
    """
    return {
        term.name: times(tf.cast(term.count(batch), tf.float32), spoken(term, batch))
        for term in terms
    }


def gather_positions(
    chosen: tf.Tensor, *, static_shapes: bool = False
) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function that takes `[B, T, ...]` to `[N, ...]` at the N chosen positions, row by row.

    Args:
        chosen: bool `[B, T]`.
        static_shapes: Take all B * T positions instead, for XLA, which must know N.
    """
    if static_shapes:
        return lambda values: tf.reshape(values, tf.concat([[-1], tf.shape(values)[2:]], 0))
    index = tf.where(tf.reshape(chosen, [-1]))[:, 0]

    def take(values: tf.Tensor) -> tf.Tensor:
        values = tf.convert_to_tensor(values)
        flat = tf.reshape(values, tf.concat([[-1], tf.shape(values)[2:]], 0))
        taken = tf.gather(flat, index)
        taken.set_shape([None, *values.shape[2:]])
        return taken

    return take


def objective_forward(
    model: Any,
    terms: Sequence[Term],
    batch: Batch,
    counts: Mapping[str, tf.Tensor],
    training: bool,
    *,
    static_shapes: bool = False,
    gradients: bool | None = None,
    apart: bool = False,
) -> Objective:
    """The loss of a batch, or of a part of one.

    Each view is read once by the model, and once by each online teacher that a term of it asks.

    Args:
        model: Called with each record once; has `head` (or `heads`).
        terms: The objective.
        batch: Records by view, and `stores`; see `tfkd.data`.
        counts: N_i by term, over the whole step; where it is 0 the term counts 0.
        training: Whether dropout is on.
        static_shapes: Project every position to the vocabulary instead of gathering those that
            are asked for: XLA needs that.
        gradients: Whether the loss will be differentiated; None: while training.
        apart: Whether the groups' losses will be differentiated each by itself.
    """
    gradients = training if gradients is None else gradients
    sums, metrics = {}, {}
    losses = {term.group: tf.zeros([]) for term in terms}
    for number, view in enumerate(dict.fromkeys(term.view for term in terms)):
        record = batch[view]
        of_view = [term for term in terms if term.view == view]
        # Each view draws dropout masks of its own.
        with dropout_pass(number):
            states = model(record, training=training)
        taught = _taught(of_view, record)
        seen = {**batch, "taught": taught} if taught else batch
        passes: dict[tuple, list[Term]] = {}
        for term in of_view:
            if hasattr(term, "request"):
                key = (id(head_of(model, term)), term.group if apart else None)
                passes.setdefault(key, []).append(term)
                continue
            if ROW_WEIGHTS in batch and not term.weighs_rows:
                raise ValueError(
                    f"The term {term.name} counts each row as much, and the batch has row_weights. "
                    "Expected a term whose sum is of `weighed` positions, and that says so: "
                    "weighs_rows = True"
                )
            sums[term.name] = times(term(states, seen), spoken(term, batch))
            losses[term.group] += _scale(term, counts) * sums[term.name]
        for group in passes.values():
            hidden = group[0].state(states)
            with dropout_pass(number):
                result = _one_head(
                    model, group, seen, record, hidden, counts, static_shapes, gradients, training
                )
            losses[group[0].group] += result.loss
            sums.update(result.sums)
            metrics.update(result.metrics)
    loss = tf.add_n(list(losses.values()))
    return Objective(loss, {term.name: sums[term.name] for term in terms}, metrics, losses)


def _taught(terms: Sequence[Term], record: Record) -> dict[str, Any]:
    """What the online teachers of some terms say of their view: states by teacher, of one that is
    several a list of theirs. Each model is run once."""
    asked = {term.teacher: term.online for term in terms if getattr(term, "online", None)}
    members = {id(one): one for online in asked.values() for one in online.members}
    said = {key: one.states(record) for key, one in members.items()}
    found = {name: [said[id(one)] for one in online.members] for name, online in asked.items()}
    return {name: states if states[1:] else states[0] for name, states in found.items()}


class _HeadResult(NamedTuple):
    loss: tf.Tensor
    sums: dict[str, tf.Tensor]
    metrics: dict[str, tuple[tf.Tensor, tf.Tensor]]


def _one_head(
    model: Any,
    terms: Sequence[Term],
    batch: Batch,
    record: Record,
    hidden: tf.Tensor,
    counts: Mapping[str, tf.Tensor],
    static_shapes: bool,
    gradients: bool,
    training: bool,
) -> _HeadResult:
    """All terms that read one head in one view: one pass, at the union of their positions."""
    head = head_of(model, terms[0])
    for term in terms:
        check_head(head, term, record)
    chosen = tf.convert_to_tensor(terms[0].positions(batch, record))
    for term in terms[1:]:
        chosen = tf.logical_or(chosen, term.positions(batch, record))
    take = gather_positions(chosen, static_shapes=static_shapes)
    # How many positions are predicted differs from step to step: nothing to compile anew for.
    with fusing(False):
        requests = [term.request(batch, record, take) for term in terms]
        if ROW_WEIGHTS in batch:
            weights = take(weighed(tf.ones_like(chosen), batch))
            requests = [replace(one, weights=one.weights * weights) for one in requests]
        # A head over classes has dropout of its own.
        drops = {"training": training} if hasattr(head, "dropout") else {}
        transformed = head.transform(take(hidden), **drops)
    result = vocabulary_pass(
        transformed,
        head.matrix(),
        head.bias(),
        requests,
        tf.stack([_scale(term, counts) for term in terms]),
        gradients=gradients,
    )
    metrics = {}
    for term, request, values in zip(terms, requests, result.metrics, strict=True):
        positions = tf.reduce_sum(request.weights)
        for name, value in values.items():
            factor = spoken(term, batch, name)
            metrics[f"{term.name}.{name}"] = times(value, factor), times(positions, factor)
    sums = {
        term.name: times(value, spoken(term, batch))
        for term, value in zip(terms, tf.unstack(result.sums, len(terms)), strict=True)
    }
    return _HeadResult(result.loss, sums, metrics)


def _scale(term: Term, counts: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """weight / N, and 0 where N is 0."""
    return tf.math.divide_no_nan(term.weight, tf.cast(counts[term.name], tf.float32))
