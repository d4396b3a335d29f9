"""Callbacks of a training: told at each validation what it has measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tfkd.spec.errors import UserError
from tfkd.training.interruption import Interrupted


@dataclass(frozen=True)
class ValidationPoint:
    """Where a training stands when it has validated.

    Attributes:
        step: Steps made so far.
        steps: All that it is to make.
        metrics: What the validation has measured, by name.
        model: The student, as it is at this step; not to be changed.
    """

    step: int
    steps: int
    metrics: Mapping[str, float]
    model: Any


class Callback(Protocol):
    """What a training calls; a plugin's is registered as `callback`.

    It reads: whoever changes the model's weights gives up that a training which was stopped comes
    to the same ones. Of several hosts the first calls it. A training that was killed behind a
    validation comes by the same step again, and calls it again: what is written should be written
    by step.
    """

    def on_validation(self, point: ValidationPoint) -> None:
        """Called after each validation, before its weights are kept."""


class CallbackFailedError(UserError):
    """A callback has raised; what was trained is saved."""


def call_all(callbacks: Mapping[str, Callback], point: ValidationPoint) -> None:
    """Tells callbacks of a validation, in their order.

    Args:
        callbacks: By where they stand, for the error.
        point: What they are told.

    Raises:
        CallbackFailedError: One has raised; it is named.
    """
    for place, callback in callbacks.items():
        try:
            callback.on_validation(point)
        except Interrupted:
            raise
        except Exception as error:
            raise CallbackFailedError(
                f"{place}: {type(callback).__name__}.on_validation has raised at step {point.step} "
                f"({type(error).__name__}: {error}). What was trained is saved: mend the callback, "
                "or leave it out, and the same command continues from there"
            ) from error
