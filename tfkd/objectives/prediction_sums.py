"""Sums and means of predictions: for validation, scores with intervals, and the teacher check."""

from collections.abc import Mapping

import numpy as np

Sums = dict[str, np.ndarray]


def row_sums(predictions: Mapping[str, np.ndarray], selected: np.ndarray) -> Sums:
    """Sums over each row's selected positions, float64 `[B]` each.

    Args:
        predictions: What `predictor`'s function returns, N positions in row-major order.
        selected: bool `[B, T]` with N true entries: the record's.

    Returns:
        `positions`; `nll` and `entropy` in nats; `correct`, the positions whose gold word is first;
        with K > 0 also `covered`, those whose gold word is among the first K, and `mass`, the
        probability of these K.

    Raises:
        ValueError: The two do not fit.
    """
    selected = np.asarray(selected)
    row = np.nonzero(selected)[0]
    rank = np.asarray(predictions["gold_rank"])
    if len(row) != len(rank):
        raise ValueError(
            f"Invalid value for argument `selected`. Expected {len(rank)} selected positions. "
            f"Received: {len(row)}"
        )
    values = {
        "positions": np.ones(len(row)),
        "nll": -np.asarray(predictions["gold_log_probability"], np.float64),
        "entropy": np.asarray(predictions["entropy"], np.float64),
        "correct": rank == 0,
    }
    log_probabilities = np.asarray(predictions["log_probabilities"], np.float64)
    top_k = log_probabilities.shape[1]
    if top_k:
        values["covered"] = rank < top_k
        values["mass"] = np.exp(log_probabilities).sum(1)
    return {
        name: np.bincount(row, weights=value, minlength=len(selected))
        for name, value in values.items()
    }


def teacher_forced_metrics(sums: Mapping[str, np.ndarray | float]) -> dict[str, float]:
    """Teacher-forced metrics from sums, of rows or of all.

    Returns:
        `positions`, and as means over them `accuracy`, `loss` (nats), `entropy` (nats), and where
        they were summed `coverage` and `mass`; without positions 0.
    """
    totals = {name: float(np.sum(value)) for name, value in sums.items()}
    positions = totals.pop("positions")
    names = {"correct": "accuracy", "nll": "loss", "covered": "coverage"}
    return {
        "positions": int(positions),
        **{
            names.get(name, name): value / positions if positions else 0.0
            for name, value in totals.items()
        },
    }
