"""Which weights a training ends with: the last, the best by validation, or a mean."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.spec.errors import UserError
from tfkd.spec.metrics import higher_is_better
from tfkd.training.optimization.schedules import options_of
from tfkd.training.state.mean_weights import mean_weights
from tfkd.training.state.tensor_file import DamagedFileError, read_tensors, write_tensors


class Keeper:
    """Keeps weights aside while a training goes on.

    Its state goes into the training's checkpoints; the weights lie in files of their own, so that a
    checkpoint is no larger for them. A file is removed only when no kept checkpoint names it.

    Args:
        keep: "last"; `{"best": METRIC}`: the weights whose validation was best; `{"average": N}`:
            the mean of those at the last N validations.
        folder: Where the files go.
        patience: Stop after so many validations without a better one; None: never. Needs `best`.
        set_aside: How many of the last validated weights it holds on to beside these.
    """

    def __init__(self, keep: Any, folder: Path, patience: int | None = None, set_aside: int = 0):
        if keep is None or isinstance(keep, str):
            options = {keep or "last": True}
        else:
            options = options_of(keep)
        self._metric: str | None = options.get("best")
        self._average = int(options.get("average") or 0)
        known = isinstance(self._metric, str) or self._average or options.get("last") is True
        if len(options) != 1 or not known:
            raise ValueError(
                "Invalid value for argument `keep`. Expected 'last', {'best': METRIC} or "
                f"{{'average': N}}. Received: keep={keep!r}"
            )
        if patience is not None and not self._metric:
            raise ValueError(
                "Invalid value for argument `patience`. Expected None, or keep={'best': METRIC}. "
                f"Received: patience={patience}"
            )
        self._folder = Path(folder)
        self._patience = patience
        self._set_aside = set_aside
        self._state: dict[str, Any] = {"files": [], "best": None, "since_best": 0, "validated": 0}
        if set_aside:
            self._state["set_aside"] = []

    @property
    def averages(self) -> int:
        """How many weights the mean is taken of; 0 where there is none."""
        return self._average

    @property
    def best(self) -> dict[str, Any] | None:
        """`{"step", "metric", "value"}` of the best validation; None without `best`."""
        return self._state["best"]

    @property
    def validated(self) -> int:
        """The last step that was validated."""
        return self._state["validated"]

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self._patience is not None and self._state["since_best"] >= self._patience

    @property
    def steps(self) -> list[int]:
        """The steps whose weights are kept."""
        return [file["step"] for file in self._state["files"]]

    def set_aside(self) -> dict[int, Path]:
        """The files of the last validated weights by their steps, the oldest first.

        Raises:
            DamagedFileError: One is not what was written.
        """
        files = self._state.get("set_aside", ())
        for file in files:
            self._read(file)
        return {file["step"]: self._folder / file["name"] for file in files}

    def see(self, step: int, metrics: Mapping[str, float], weights: Mapping[str, Any]) -> None:
        """Takes note of a validation, and puts the weights aside where they count."""
        self._state["validated"] = step
        write = cache(lambda: self._write(step, weights))
        if self._set_aside:
            last = [*self._state.get("set_aside", ()), write()]
            self._state["set_aside"] = last[-self._set_aside :]
        if self._metric:
            if self._metric not in metrics:
                raise UserError(
                    f"keep: best: {self._metric}: the validation has no such metric; it has "
                    f"{', '.join(metrics) or 'none'}"
                )
            value, best = metrics[self._metric], self._state["best"]
            if best is not None and not self._better(value, best["value"]):
                self._state["since_best"] += 1
                return
            self._state["best"] = {"step": step, "metric": self._metric, "value": value}
            self._state["since_best"] = 0
            self._state["files"] = [write()]
        elif self._average:
            files = [*self._state["files"], write()]
            self._state["files"] = files[-self._average :]

    def _better(self, value: float, best: float) -> bool:
        if best != best:
            return value == value
        return value > best if higher_is_better(self._metric) else value < best

    def _write(self, step: int, weights: Mapping[str, Any]) -> dict[str, Any]:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"step-{step:09d}.safetensors"
        return {"step": step, "name": name, "sha256": write_tensors(self._folder / name, weights)}

    def chosen(self) -> dict[str, np.ndarray] | None:
        """The weights to end with; None for those that the training has now.

        A mean is summed up in float64.
        """
        files = self._state["files"]
        if not files:
            return None
        if len(files) == 1:
            return self._read(files[0])
        return mean_weights(self._read(file) for file in files)

    def _read(self, file: Mapping[str, Any]) -> dict[str, np.ndarray]:
        return read_tensors(self._folder / file["name"], file["sha256"])

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return self._state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from a checkpoint."""
        self._state = dict(state)

    def verify(self, state: Mapping[str, Any]) -> None:
        """Raises `DamagedFileError` where a file that a checkpoint names is not whole."""
        for file in _files(state):
            self._read(file)

    def remove_unused(self, states: list[Mapping[str, Any]]) -> None:
        """Removes the files that none of these states, nor the present one, names."""
        used = {file["name"] for state in [*states, self._state] for file in _files(state)}
        for path in self._folder.glob("step-*.safetensors"):
            if path.name not in used:
                path.unlink(missing_ok=True)


def _files(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All files that a state names, some of them twice."""
    return [*state["files"], *state.get("set_aside", ())]


__all__ = ["DamagedFileError", "Keeper"]
