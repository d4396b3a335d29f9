"""Noise put on a model without what is tested: the mean of query, key and value each by itself."""

from typing import Any

import numpy as np

from tfkd.evaluation.parameter_noise import directions
from tfkd.models import variables_by_path


def put_noise(model: Any, sigma: float, draw: int) -> None:
    """Changes a model's weights as draw number `draw` of the seed 1 does."""
    for name, variable in variables_by_path(model).items():
        values = variable.numpy().astype(np.float64)
        blocks = 3 if "query_key_value" in name else 2 if "key_value" in name else 1
        normal = directions(name, values.shape, seed=1, draw=draw)
        parts, moves = np.split(values, blocks, -1), np.split(normal, blocks, -1)
        moved = [part + part.mean() * sigma * move for part, move in zip(parts, moves, strict=True)]
        variable.assign(np.concatenate(moved, -1).astype(np.float32))
