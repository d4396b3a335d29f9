"""Safetensors files: their tensors, or no more than their names and shapes."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, safe_open

from tfkd.data.files import write_atomically
from tfkd.data.strict_json import parse_json
from tfkd.outside.regular_files import NOTHING, other_than_file
from tfkd.spec.errors import UserError

# What NumPy has no type of its own for: the upper half of a float32.
BFLOAT16 = "BF16"
_BYTES = {"F32": 4, BFLOAT16: 2}
_TYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    BFLOAT16: np.dtype(ml_dtypes.bfloat16),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
# Numbers that are read at once.
_BLOCK = 1 << 20


def read_tensors(path: str | PathLike) -> dict[str, np.ndarray]:
    """Reads a safetensors file.

    Raises:
        UserError: the file is not there, or is no safetensors file.
    """
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def read_tensor(path: str | PathLike, name: str, dtype: str = "float32") -> np.ndarray:
    """Reads one tensor of a safetensors file.

    Args:
        path: The file.
        name: The tensor's name.
        dtype: What its numbers become: `float32` or `bfloat16`.

    Raises:
        UserError: As `read_tensors`.
    """
    _, _, shape = _place_of(path, name)
    value, start = np.empty(shape, dtype), 0
    into = value if shape else value[None]
    for block in tensor_blocks(path, name):
        into[start : start + len(block)] = block
        start += len(block)
    return value


def tensor_blocks(path: str | PathLike, name: str) -> Iterator[np.ndarray]:
    """Reads one tensor of a safetensors file some rows at a time, of the type that it is stored in.

    The blocks of two tensors of one shape have the same rows. A tensor without axes is one row.

    Raises:
        UserError: As `read_tensors`, or it is of a type that is not known here.
    """
    start, kind, shape = _place_of(path, name)
    _, *row = shape or (1,)
    with open(path, "rb") as raw:
        raw.seek(start)
        for first, last in row_blocks(shape):
            count = (last - first) * math.prod(row)
            yield np.fromfile(raw, kind, count).reshape(last - first, *row)


def row_blocks(shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Where each block of a tensor's rows begins and ends, so that each has some MB at most, or
    one row; a tensor without axes is one row."""
    count, *row = shape or (1,)
    most = max(_BLOCK // max(math.prod(row), 1), 1)
    for first in range(0, count, most):
        yield first, min(first + most, count)


def _place_of(path: str | PathLike, name: str) -> tuple[int, np.dtype, tuple[int, ...]]:
    """Where a tensor begins in its file, of what type it is there, and its shape."""
    with _opened(path) as file:  # which holds the places against the file's size
        kind = str(file.get_slice(name).get_dtype())
    if kind not in _TYPES:
        raise UserError(f"{path}: {name} is of type {kind}; known are {', '.join(_TYPES)}.")
    with open(path, "rb") as raw:
        size = int.from_bytes(raw.read(8), "little")
        said = parse_json(raw.read(size))[name]
    return 8 + size + said["data_offsets"][0], _TYPES[kind], tuple(said["shape"])


class Tensor(NamedTuple):
    """A tensor that is yet to be written.

    Attributes:
        type: `F32` or `BF16`.
        shape: Its shape.
        blocks: Gives its numbers, of that type, in order, when it is its turn: some rows at a time,
            or all at once.
    """

    type: str
    shape: tuple[int, ...]
    blocks: Callable[[], Iterable[np.ndarray]]


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
            for block in tensors[name].blocks():
                file.write(np.ascontiguousarray(block).reshape(-1).view(np.uint8).data)

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
