"""What a plan says of a training stage's steps, beside their number."""

from collections.abc import Iterator
from typing import Any

from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.plan.planned import size_in_words

# What a training takes beside a plain one.
_EXTRA = {"gates": "gradients kept apart for gating take", "teachers": "online teachers take"}
_OWN = (
    "the student writes the targets of {:.0%} of the batches first, token by token, which takes "
    "such a step longer."
)
_QUANTIZED = (
    "products are rounded to {0} in the forward pass and in validations, as an export with "
    "quantize: {0} makes them; a step takes longer."
)
_WIDENED = "bfloat16 gains no time on this processor: it makes the products of copies in float32."


def step_notes(node: Node, taken: Any) -> Iterator[str]:
    """The notes of a stage.

    Args:
        node: The training stage.
        taken: Its step's memory, see `tfkd.training.step_memory`; None where it is not known.
    """
    options = node.options
    for name, what in _EXTRA.items():
        if getattr(taken, name, 0):
            size = size_in_words(getattr(taken, name))
            yield f"{node.label}: {what} {size} of its memory."
    if getattr(taken, "copies", 0):
        yield _WIDENED
    if options.fake_quantize is not None:
        yield f"{node.label}: {_QUANTIZED.format(options.fake_quantize)}"
    if (own := options.on_policy) is not None:
        yield f"{node.label}: {_OWN.format(own.share)}"
