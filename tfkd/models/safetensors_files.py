"""Safetensors files: their tensors, or no more than their names."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from tfkd.outside.regular_files import NOTHING, other_than_file
from tfkd.spec.errors import UserError


def read_tensors(path: str | PathLike) -> dict[str, np.ndarray]:
    """Reads a safetensors file.

    Raises:
        UserError: the file is not there, or is no safetensors file.
    """
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def saved_names(path: str | PathLike) -> set[str]:
    """The names of a safetensors file's tensors, which are not read.

    Raises:
        UserError: As `read_tensors`.
    """
    with _opened(path) as file:
        return set(file.keys())


@contextmanager
def _opened(path: str | PathLike) -> Iterator[Any]:
    if (what := other_than_file(path)) is not None:
        lying = "there is no such file" if what == NOTHING else f"it is {what}, no file"
        raise UserError(f"{path}: {lying} of weights.")
    try:
        with safe_open(path, framework="np") as file:
            yield file
    except (SafetensorError, TypeError, OSError) as error:
        raise UserError(f"{path}: not a safetensors file that can be read ({error}).") from None
