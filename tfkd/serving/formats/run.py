"""A file of an engine as a function, and what engines are opened with."""

import os
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from tfkd.spec.errors import UserError


class Run:
    """A file of an engine as a function: arrays by name in, arrays by name out.

    Attributes:
        takes: The names of its inputs; what else is given is left out.
    """

    def __init__(
        self,
        takes: Iterable[str],
        call: Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]],
    ):
        self.takes, self._call = tuple(takes), call

    def __call__(self, **given: np.ndarray) -> Mapping[str, np.ndarray]:
        return self._call({name: given[name] for name in self.takes})


def threads() -> int:
    """How many threads an engine computes with: as OMP_NUM_THREADS says, else the cores that this
    process may use, as a container or a scheduler has it."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def refused(converter: str, piece: str, error: Exception) -> UserError:
    """What is said where a converter cannot write a piece of a model."""
    line = str(error).strip().split("\n")[0][:200] or type(error).__name__
    return UserError(
        f"{converter} cannot write {piece} ({line}). Export it in another format, like {{of: "
        "STAGE, format: saved_model}"
    )


def missing(package: str, extra: str, error: Exception) -> UserError:
    """What is said where an engine's package cannot be imported."""
    return UserError(
        f"{package} cannot be imported ({error}); expected it beside tfkd: pip install "
        f"'tfkd[{extra}]'"
    )
