"""What a plan says of a training whose corpora change with its steps, or have noise."""

import math
from collections.abc import Iterator

from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.inputs.made import variants_of
from tfkd.pipeline.plan.step_sizes import units_of
from tfkd.spec.options.stages import Mixture, mixtures_of


def mixture_notes(node: Node, steps: int | None, context: Context) -> Iterator[str]:
    """Which corpora are read in which steps, and, where their rows are counted, how often each is
    gone through.

    Args:
        node: The training stage.
        steps: Its steps.
        context: The run's surroundings.
    """
    data = node.options.data
    mixtures = mixtures_of(data, steps)
    if len(mixtures) < 2 or steps is None:
        return
    ends = [*(one.start for one in mixtures[1:]), steps]
    said = [
        f"steps {one.start + 1:,} to {end:,} of {' and '.join(data[i].of for i in one.parts)}"
        for one, end in zip(mixtures, ends, strict=True)
    ]
    passes = _passes(node, mixtures, ends, context)
    told = ", ".join(f"{name} {times:.3g} times" for name, times in passes.items())
    yield f"{node.label}: {', '.join(said)}{told and f'; about {told}'}."


def noise_notes(node: Node, steps: int | None, context: Context) -> Iterator[str]:
    """Where a training of one mixture ends before it has read each variant of its noise; see
    `mixture_notes`."""
    options = node.options
    variants = max(variants_of(node, part) for part in options.data)
    if variants < 2 or len(mixtures_of(options.data, steps)) > 1:
        return
    epochs = options.epochs
    if epochs is None and steps is not None:
        units = [units_of(node, index, context) for index in range(len(options.data))]
        if None not in units:
            whole = sum(part.weight * n for part, n in zip(options.data, units, strict=True))
            epochs = steps * options.batch.size / max(whole, 1)
    if epochs is not None and (read := max(1, math.ceil(epochs - 1e-6))) < variants:
        yield (
            f"{node.label}: about {epochs:.2g} epochs read {read} of {variants} variants of noise; "
            f"variants: {read} takes less of the disk."
        )


def _passes(
    node: Node, mixtures: list[Mixture], ends: list[int], context: Context
) -> dict[str, float]:
    """How often each corpus is gone through, about; {} where one is not counted yet."""
    data = node.options.data
    units = [units_of(node, index, context) for index in range(len(data))]
    if None in units:
        return {}
    found = {part.of: 0.0 for part in data}
    for one, end in zip(mixtures, ends, strict=True):
        epoch = sum(data[i].weight * units[i] for i in one.parts)
        for i in one.parts:
            read = (end - one.start) * node.options.batch.size / max(epoch, 1)
            found[data[i].of] += read * data[i].weight
    return found
