"""All that a training is at a step: what a checkpoint must hold, and nothing else."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfkd.spec.errors import UserError
from tfkd.training.optimization.optimizers import Optimizer
from tfkd.training.optimization.parameters import Parameter, all_variables, frozen_variables
from tfkd.training.state.tensor_file import digest_of


class TrainedArrays:
    """The variables that steps change: weights and state of the student, the terms' own weights,
    and the optimizer's slots. Frozen weights are not among them; their digest is.

    Args:
        student: The model.
        parameters: The trained weights.
        optimizer: Built.
    """

    def __init__(self, student: Any, parameters: list[Parameter], optimizer: Optimizer):
        frozen = frozen_variables(student)
        self.student = {
            path: variable
            for path, variable in all_variables(student).items()
            if path not in frozen
        }
        self._optimizer = optimizer
        self._terms = {p.path: p.variable for p in parameters if p.owner == "term"}
        self.frozen = digest_of(frozen) if frozen else None

    def named(self) -> dict[str, Any]:
        """All of them by the names that checkpoints use."""
        return {
            **{f"student/{path}": variable for path, variable in self.student.items()},
            **self._terms,
            **{f"optimizer/{path}": slot for path, slot in self._optimizer.slots.items()},
        }

    def restore(self, arrays: Mapping[str, np.ndarray], frozen: str | None, folder: Any) -> None:
        """Assigns what a checkpoint holds.

        Raises:
            UserError: It is of another model or optimizer, or of other frozen weights.
        """
        named = self.named()
        found = {name: tuple(array.shape) for name, array in arrays.items()}
        wanted = {name: tuple(variable.shape) for name, variable in named.items()}
        if found != wanted:
            other = sorted(set(found.items()) ^ set(wanted.items()))
            shown = ", ".join(f"{name} {list(shape)}" for name, shape in other[:4])
            raise UserError(
                f"{folder} holds checkpoints of another model or optimizer (they differ in {shown}"
                f"{', ...' if len(other) > 4 else ''}): remove it to train from the start."
            )
        if frozen != self.frozen:
            raise UserError(
                f"{folder} holds checkpoints of a training on top of other frozen weights: remove "
                "it to train from the start."
            )
        assign(named, arrays)


def assign(variables: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Gives variables the arrays of the same names."""
    for name, variable in variables.items():
        variable.assign(arrays[name])
