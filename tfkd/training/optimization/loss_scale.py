"""Dynamic loss scaling, and what else one step hands to the next."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf


class StepState(NamedTuple):
    """What one step hands to the next beside weights and slots: scalars, on the device.

    Attributes:
        failed: int64: the first step that could not be made, or 0. No step is applied after it.
        skipped: int64: steps so far whose scaled gradients overflowed and that were not applied.
        good: int64: steps applied since the scale last changed.
        scale: float32: what the next step's loss is multiplied by.
    """

    failed: Any
    skipped: Any
    good: Any
    scale: Any


@dataclass(frozen=True, kw_only=True)
class LossScale:
    """How the scale of the loss follows the gradients.

    Gradients of a float16 backward pass fall below its smallest number; those of scale * loss do
    not, and dividing them by the scale in float32 afterwards gives those of the loss. Where they
    overflow the step is skipped and the scale shrinks by `factor`; after `interval` steps without
    an overflow it grows by `factor`. A step that is not finite at the scale 1 has failed: its
    loss is not finite, whatever the scale.

    Args:
        initial: The first scale. Powers of two change no digit of a gradient.
        interval: Steps without an overflow after which the scale grows; None: it never changes,
            and any step that is not finite has failed.
        factor: What it grows and shrinks by.
        largest: The largest scale.

    Reference: Micikevicius et al. 2018, Mixed Precision Training, section 3.2.
    """

    initial: float = 2.0**15
    interval: int | None = 2000
    factor: float = 2.0
    largest: float = 2.0**24

    def start(self) -> StepState:
        """The state before the first step."""
        zero = np.int64(0)
        return StepState(zero, zero, zero, np.float32(self.initial))

    def after(
        self, state: StepState, finite: tf.Tensor, update: tf.Tensor
    ) -> tuple[StepState, tf.Tensor]:
        """The state after step number `update`, and whether that step is to be applied.

        Args:
            state: The state that the step was made with.
            finite: Bool scalar: whether its loss and its gradients are.
            update: int64 scalar, from 1.
        """
        failed, skipped, good, scale = state
        going = tf.equal(failed, 0)
        applied = going & finite
        if self.interval is None:
            return state._replace(failed=tf.where(going & ~finite, update, failed)), applied
        overflow = going & ~finite & (scale > 1.0)
        good = tf.where(overflow, tf.zeros_like(good), good + tf.cast(applied, tf.int64))
        grown = tf.greater_equal(good, self.interval)
        larger = tf.minimum(scale * self.factor, self.largest)
        smaller = tf.maximum(scale / self.factor, 1.0)
        return StepState(
            tf.where(going & ~finite & ~overflow, update, failed),
            skipped + tf.cast(overflow, tf.int64),
            tf.where(grown, tf.zeros_like(good), good),
            tf.where(overflow, smaller, tf.where(grown, larger, scale)),
        ), applied


FIXED = LossScale(initial=1.0, interval=None)


def loss_scale_of(model: Any) -> LossScale:
    """The rule that a model's precision needs: dynamic for float16, none for other types."""
    return LossScale() if model.compute_dtype == "float16" else FIXED


def saved(state: StepState) -> dict[str, float | int]:
    """What a checkpoint keeps of a state whose steps did not fail."""
    return {
        "skipped": int(state.skipped),
        "good": int(state.good),
        "scale": float(state.scale),
    }


def restored(kept: dict[str, float | int]) -> StepState:
    """The inverse of `saved`."""
    return StepState(
        np.int64(0), np.int64(kept["skipped"]), np.int64(kept["good"]), np.float32(kept["scale"])
    )
