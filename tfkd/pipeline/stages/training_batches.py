"""The batches of a training stage: what it reads, and how long its rows may be."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfkd.data.batches.batcher import Batcher, build_batcher, micro_batches
from tfkd.data.examples import ExampleSet
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.inputs.made import part_of, training_set, views_of
from tfkd.pipeline.inputs.models import PAD_TO, check_lengths
from tfkd.pipeline.inputs.parts import left_out
from tfkd.pipeline.inputs.teachers import online_nodes
from tfkd.pipeline.stages.link_stores import link_stores
from tfkd.pipeline.stages.stored_targets import check_rows, stores_of
from tfkd.spec.options.stages import mixtures_of


def batcher_of(node: Node, context: Context) -> Batcher:
    """The batches of a training stage, the same on any number of devices.

    Raises:
        UserError: Its validation would not fit the model, or stored targets not the student.
    """
    _check_validation(node, context)
    options = node.options
    examples = training_set(node, context)
    batcher = build_batcher(
        examples,
        views_of(node, {term.view for term in options.objective.values()}, context),
        **options.batch.model_dump(exclude={"per_device", "max_length"}),
        max_length=max_length(node),
        seed=options.seed,
        # Of one device's parts: more devices take several each.
        rows_multiple=micro_batches(options.batch.size, options.batch.per_device),
        stores=stores_of(node, context) | link_stores(node, context),
        fixed_widths=node.spec.runtime.jit_compile,
        left_out=_left_out(node, examples, context),
        mixtures=mixtures_of(options.data, options.steps),
    )
    check_rows(node, batcher)
    if batcher.excluded:
        context.say(f"{node.label}: {batcher.excluded:,} rows over max_length are left out")
    return batcher


def _left_out(node: Node, examples: ExampleSet, context: Context) -> np.ndarray | None:
    """The rows that a training in folds does not see, bool `[N]`; those of text that is packed into
    blocks are left out before it is."""
    if Role.PARTS not in node.inputs:
        return None
    found = [
        np.zeros(part.rows, bool) if part.packed else left_out(node, corpus, context)
        for part, corpus in zip(examples.parts, node.corpora, strict=True)
    ]
    return np.concatenate(found)


def max_length(node: Node) -> Any:
    """`batch.max_length`, and no row that the model or an online teacher has no positions for."""
    batch = node.options.batch
    own, given = node.model.side_limits(batch.pad_to), batch.max_length
    taught, pairs = _source_limit(node, batch.pad_to), _pair_limits(node, batch.pad_to)
    if not own and taught is None and not pairs:
        return given
    limits = {}
    for side in ("source", "target"):
        asked = given.get(side) if isinstance(given, Mapping) else given
        known = [own.get(side), asked, pairs.get(side), taught if side == "source" else None]
        if known := [limit for limit in known if limit is not None]:
            limits[side] = min(known)
    return limits


def _source_limit(node: Node, pad_to: int) -> int | None:
    """The most tokens of a source that an encoder-decoder's online BERTs have positions for.

    They read [CLS] before it, and padding has positions too.
    """
    if node.model.single_sequence:
        return None  # one sequence: its view cuts it
    readers = [child.model for child in online_nodes(node).values()]
    limits = [model.max_length - 1 for model in readers if model.encoder_only]
    return min(limits) // pad_to * pad_to if limits else None


def _pair_limits(node: Node, pad_to: int) -> dict[str, int]:
    """The most tokens of each side that online encoder-decoders read."""
    limits: dict[str, int] = {}
    for child in online_nodes(node).values():
        for side, limit in child.model.side_limits(pad_to).items():
            limits[side] = min(limit, limits.get(side, limit))
    return limits


def _check_validation(node: Node, context: Context) -> None:
    """Refuses rows that would end the training at its first validation."""
    options = node.options
    if options.validate_ is None or not node.model.side_limits(PAD_TO):
        return
    view = node.task.view(node, context)
    check_lengths(
        node.model,
        options.train,
        ExampleSet([part_of(node, Role.VALIDATE, options.validate_.on, context)]),
        view,
        f"stages.{node.label}.validate.on: {options.validate_.on}",
    )
