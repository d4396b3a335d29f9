"""Several models that are asked as one."""

from collections.abc import Sequence
from typing import Any


class MeanOf:
    """Models of one kind and vocabulary; what is predicted is the mean of their distributions,
    p(y) = 1/K sum_k p_k(y). `tfkd.objectives.prediction.predictor` takes it as a model.

    Args:
        members: The models.

    Raises:
        ValueError: There are none.
    """

    def __init__(self, members: Sequence[Any]):
        if not members:
            raise ValueError("Invalid value for argument `members`. Expected at least one model.")
        self.members = tuple(members)
