"""The sizes of an attention, whoever has it: its weights, and what a step keeps of it."""

from typing import Any

FLOAT = 4


def attention_parameters(width: int, memory: int) -> int:
    """Query, key, value and output, with their biases: 2 (d d + d) + 2 (m d + d).

    Args:
        width: d, of the states that attend, and of all projections.
        memory: m, of the states that are attended to.
    """
    return 2 * (width * width + width) + 2 * (memory * width + width)


def attention_kept(width: int, heads: int, rate: float, step: Any) -> int:
    """Bytes a token that an attention keeps for the backward pass: queries as scaled, keys, values,
    what comes of them; and each head's weights, the soft-max in float32 and, dropped out, in the
    precision of the products.

    Args:
        width: Of its states.
        heads: Their number.
        rate: Of dropout on its weights.
        step: The step's sizes, see `tfkd.training.step_memory.Step`.
    """
    pairs = heads * step.longest * (FLOAT + step.item + step.mask(rate))
    return 5 * width * step.item + pairs
