"""Several models that are asked as one."""

import math
from collections.abc import Sequence
from typing import Any


class MeanOf:
    """Models of one kind and vocabulary; what is predicted is the mean of their distributions,
    p(y) = sum_k w_k p_k(y). `tfkd.objectives.prediction.predictor` takes it as a model.

    Args:
        members: The models.
        weights: w, positive, in the models' order; they are divided by their sum. None: 1/K each.

    Raises:
        ValueError: There are no models, or other than one positive weight each.
    """

    def __init__(self, members: Sequence[Any], weights: Sequence[float] | None = None):
        if not members:
            raise ValueError("Invalid value for argument `members`. Expected at least one model.")
        weights = [1.0] * len(members) if weights is None else weights
        whole = sum(weights)
        if len(weights) != len(members) or min(weights) <= 0 or not math.isfinite(whole):
            raise ValueError(
                "Invalid value for argument `weights`. Expected a positive one for each of "
                f"{len(members)} models. Received: {weights}"
            )
        self.members = tuple(members)
        self.weights = tuple(weight / whole for weight in weights)
