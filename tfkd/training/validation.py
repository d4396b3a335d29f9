"""Validations of a training, each made once."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tfkd.data.checksummed import read_checksummed, write_checksummed
from tfkd.training.state.tensor_file import digest_of

Validate = Callable[[Any], Mapping[str, float]]


class Validation:
    """Calls a validation, and remembers its results across kills.

    A training that was killed after a validation comes by the same step again, with the same
    weights bit for bit: the result is read, not computed anew.

    Args:
        validate: Given the model, returns its metrics; None: there are none.
        path: The file of results, keyed by the training, the step and the weights' SHA-256. One
            that is damaged is as good as none: its validations are made anew.
        of: What is trained, in a word: the same weights may be validated otherwise elsewhere.

    Attributes:
        seconds: How long the last one took.
    """

    def __init__(self, validate: Validate | None, path: Path, of: str = ""):
        self._validate = validate
        self._of = of
        self._path = path
        self.seconds = 0.0
        try:
            self._known = read_checksummed(path, finite=False)
        except (OSError, ValueError):
            self._known = {}

    def __call__(self, step: int, model: Any, weights: Mapping[str, Any]) -> dict[str, float]:
        """The metrics of a model at a step.

        Args:
            step: Steps that were made.
            model: Handed to the validation.
            weights: The model's weights by name.
        """
        if self._validate is None:
            return {}
        key = f"{self._of}/{step}/{digest_of(weights)}"
        if key not in self._known:
            begun = time.monotonic()
            metrics = self._validate(model)
            self.seconds = time.monotonic() - begun
            self._known[key] = {name: float(value) for name, value in metrics.items()}
            write_checksummed(self._path, self._known, finite=False)
        return dict(self._known[key])
