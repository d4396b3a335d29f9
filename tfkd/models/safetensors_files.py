"""Safetensors files: their tensors, or no more than their names and shapes."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from tfkd.data.strict_json import parse_json
from tfkd.outside.regular_files import NOTHING, other_than_file
from tfkd.spec.errors import UserError

# What NumPy has no type for: the upper half of a float32.
BFLOAT16 = "BF16"


def read_tensors(path: str | PathLike) -> dict[str, np.ndarray]:
    """Reads a safetensors file.

    Raises:
        UserError: the file is not there, or is no safetensors file.
    """
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def read_tensor(path: str | PathLike, name: str) -> np.ndarray:
    """Reads one tensor of a safetensors file, bfloat16 as float32.

    Raises:
        UserError: As `read_tensors`.
    """
    with _opened(path) as file:
        if file.get_slice(name).get_dtype() != BFLOAT16:
            return file.get_tensor(name)
        shape = file.get_slice(name).get_shape()
    with open(path, "rb") as raw:
        size = int.from_bytes(raw.read(8), "little")
        start, end = parse_json(raw.read(size))[name]["data_offsets"]
        raw.seek(8 + size + start)
        halves = np.frombuffer(raw.read(end - start), "<u2").astype(np.uint32)
    return (halves << 16).view(np.float32).reshape(shape)


def saved_names(path: str | PathLike) -> set[str]:
    """The names of a safetensors file's tensors, which are not read.

    Raises:
        UserError: As `read_tensors`.
    """
    with _opened(path) as file:
        return set(file.keys())


def saved_shapes(path: str | PathLike) -> dict[str, tuple[tuple[int, ...], str]]:
    """The shape and the type (`F32`, `BF16`, ...) of a file's tensors by name; none is read.

    Raises:
        UserError: As `read_tensors`.
    """
    with _opened(path) as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        return {
            name: (tuple(one.get_shape()), str(one.get_dtype())) for name, one in slices.items()
        }


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
