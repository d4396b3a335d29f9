"""Files of named arrays in the safetensors layout, written in one stream."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import keras
import numpy as np
import tensorflow as tf
from ml_dtypes import bfloat16

from tfkd.data.files import write_atomically
from tfkd.data.strict_json import parse_json

_NAMES = {
    np.dtype(np.float64): "F64",
    np.dtype(np.float32): "F32",
    np.dtype(np.float16): "F16",
    np.dtype(bfloat16): "BF16",
    np.dtype(np.int64): "I64",
    np.dtype(np.int32): "I32",
    np.dtype(np.uint32): "U32",
    np.dtype(np.uint8): "U8",
    np.dtype(np.bool_): "BOOL",
}
_TYPES = {name: dtype for dtype, name in _NAMES.items()}


class DamagedFileError(Exception):
    """A file is missing, cut short or changed; the message names it."""


def array_of(variable: Any) -> np.ndarray:
    """A variable's value; of a mirrored one, the first replica's."""
    value = variable.value if isinstance(variable, keras.Variable) else variable
    return np.asarray(value.numpy() if isinstance(value, tf.Variable) else value)


def _bytes_of(array: np.ndarray) -> np.ndarray:
    """An array's bytes, without a copy where they lie in order already."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def write_tensors(path: Path, tensors: Mapping[str, Any]) -> str:
    """Writes arrays or variables whole or not at all, without a second copy of them in memory.

    Returns:
        The SHA-256 of the file, in hexadecimal digits.
    """
    digest = hashlib.sha256()
    header, offset = {}, 0
    for name, value in tensors.items():
        # TensorFlow and NumPy agree on the type of each array; the shape is known without a copy.
        dtype = np.dtype(getattr(value.dtype, "as_numpy_dtype", value.dtype))
        size = int(np.prod(tuple(value.shape), dtype=np.int64)) * dtype.itemsize
        header[name] = {
            "dtype": _NAMES[dtype],
            "shape": list(value.shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size

    def write(file: BinaryIO) -> None:
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        for part in (len(text).to_bytes(8, "little"), text):
            file.write(part)
            digest.update(part)
        for value in tensors.values():
            data = _bytes_of(array_of(value))
            file.write(data)
            digest.update(data)

    write_atomically(path, write)
    return digest.hexdigest()


def read_tensors(path: Path, sha256: str) -> dict[str, np.ndarray]:
    """Reads a file that must have this SHA-256.

    Raises:
        DamagedFileError: It is missing, or its bytes are others.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DamagedFileError(f"{path} cannot be read ({error.strerror})") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DamagedFileError(f"{path} is damaged: its bytes are not those that were written")
    length = int.from_bytes(data[:8], "little")
    header = parse_json(data[8 : 8 + length])
    body = memoryview(data)[8 + length :]
    return {
        name: np.frombuffer(body[slice(*entry["data_offsets"])], _TYPES[entry["dtype"]]).reshape(
            entry["shape"]
        )
        for name, entry in header.items()
    }


def digest_of(tensors: Mapping[str, Any]) -> str:
    """SHA-256 of names, shapes and bytes of arrays or variables."""
    digest = hashlib.sha256()
    for name, value in tensors.items():
        array = array_of(value)
        digest.update(f"{name}{array.dtype}{array.shape}".encode())
        digest.update(_bytes_of(array))
    return digest.hexdigest()
