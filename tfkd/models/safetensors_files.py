"""Safetensors files: their tensors, or no more than their names and shapes."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open

from tfkd.data.files import write_atomically
from tfkd.data.strict_json import parse_json
from tfkd.outside.regular_files import NOTHING, other_than_file
from tfkd.spec.errors import UserError

# What NumPy has no type for: the upper half of a float32.
BFLOAT16 = "BF16"
_BYTES = {"F32": 4, BFLOAT16: 2}


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
    halves = read_halves(path, name)
    wide = halves.astype(np.uint32)
    wide <<= 16
    return wide.view(np.float32)


def read_halves(path: str | PathLike, name: str) -> np.ndarray:
    """Reads a bfloat16 tensor of a safetensors file as it is: uint16 of its shape."""
    with open(path, "rb") as raw:
        size = int.from_bytes(raw.read(8), "little")
        said = parse_json(raw.read(size))[name]
        start, end = said["data_offsets"]
        raw.seek(8 + size + start)
        return np.fromfile(raw, "<u2", (end - start) // 2).reshape(said["shape"])


class Tensor(NamedTuple):
    """A tensor that is yet to be written.

    Attributes:
        type: `F32` or `BF16`.
        shape: Its shape.
        value: Gives its numbers, of that type, when it is its turn.
    """

    type: str
    shape: tuple[int, ...]
    value: Callable[[], np.ndarray]


def write_tensors(
    path: str | PathLike, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> None:
    """Writes a safetensors file one tensor after the other, whole or not at all.

    Of float32 alone its bytes are those that the package `safetensors` writes.
    """
    order = sorted(tensors, key=lambda name: (-_BYTES[tensors[name].type], name))
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name in order:
        kind, shape, _ = tensors[name]
        start, end = end, end + _BYTES[kind] * math.prod(shape)
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [start, end]}
    said = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    said += b" " * (-len(said) % 8)

    def write(file: Any) -> None:
        file.write(len(said).to_bytes(8, "little") + said)
        for name in order:
            value = np.ascontiguousarray(tensors[name].value())
            file.write(value.reshape(-1).view(np.uint8).data)

    write_atomically(path, write)


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
