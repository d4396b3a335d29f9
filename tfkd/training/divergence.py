"""What happens when a loss or a gradient is not finite."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tfkd.data.files import write_atomically
from tfkd.spec.errors import UserError

BAD_BATCH = "bad_batch.npz"


class TrainingDiverged(UserError):  # noqa: N818 - the name that users read
    """The loss or its gradient became NaN or infinite; the message says where and what to try."""


class StepTooLarge(Exception):  # noqa: N818 - what it is
    """A step did not fit into a device's memory."""


def flat_arrays(batch: Mapping[str, Any], prefix: str = "") -> dict[str, np.ndarray]:
    """A nested batch as one level: `{"view/target/ids": array, ...}`."""
    arrays = {}
    for name, value in batch.items():
        if isinstance(value, Mapping):
            arrays |= flat_arrays(value, f"{prefix}{name}/")
        else:
            arrays[prefix + name] = np.asarray(value)
    return arrays


def diverged(
    step: int,
    batch: Mapping[str, Any],
    statistics: Mapping[str, float],
    rate: float,
    folder: Path | None,
) -> TrainingDiverged:
    """Writes the batch of a step that was not finite, and returns the error to raise.

    Args:
        step: The step's number; the weights are those before it.
        batch: Its batch.
        statistics: Its statistics by name.
        rate: Its learning rate.
        folder: Where `bad_batch.npz` goes; None: it is host 0 that writes it.
    """
    path = "the chief's folder"
    if folder is not None:
        path = folder / BAD_BATCH

        def write(file: BinaryIO) -> None:
            np.savez(file, **flat_arrays(batch))

        write_atomically(path, write)
    bad = [name for name, value in statistics.items() if not np.isfinite(value)]
    terms = [name.partition("/")[2] for name in bad if name.startswith("sum/")]
    if terms:
        what = f"the sum of {', '.join(terms)} is not finite"
    elif "loss" in bad:
        what = "the loss is not finite"
    else:
        what = "the gradient is not finite, though the loss is"
    return TrainingDiverged(
        f"step {step}: {what}. Training stopped with the weights as they were before that step; "
        f"its batch is in {path}. Try a lower learning rate (it was {rate:.3g}), a longer warm-up, "
        "`clip_norm: 1.0` in the optimizer, or precision float32; if it is always this batch, look "
        "at its rows (`examples` are their numbers)."
    )
