"""TensorFlow's C API: runs graphs without TensorFlow's Python, whose import takes longer than most
answers. See `tensorflow/c/c_api.h` of the package; its functions are stable."""

import ctypes
import functools
import math
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.quiet import standard_error_aside

_POINTER, _INT, _SIZE, _TEXT = ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t, ctypes.c_char_p
_STRING, _BYTES_OF_STRING = 7, 24  # DT_STRING; a TF_TString
# By the numbers that `tensorflow.DataType` has.
TYPES = {1: np.float32, 2: np.float64, 3: np.int32, _STRING: np.object_, 9: np.int64, 10: np.bool_}
_NUMBERS = {np.dtype(kind): number for number, kind in TYPES.items()}


class Output(ctypes.Structure):
    """TF_Output: one output of a graph's node."""

    _fields_ = (("node", _POINTER), ("index", _INT))


# What each function gives and takes; of TF_Status one is made for each call.
_FUNCTIONS = {
    "TF_NewStatus": (_POINTER,),
    "TF_DeleteStatus": (None, _POINTER),
    "TF_GetCode": (_INT, _POINTER),
    "TF_Message": (_TEXT, _POINTER),
    "TF_LoadLibrary": (_POINTER, _TEXT, _POINTER),
    "TF_NewGraph": (_POINTER,),
    "TF_DeleteGraph": (None, _POINTER),
    "TF_NewSessionOptions": (_POINTER,),
    "TF_DeleteSessionOptions": (None, _POINTER),
    "TF_LoadSessionFromSavedModel": (
        _POINTER, _POINTER, _POINTER, _TEXT, ctypes.POINTER(_TEXT), _INT, _POINTER, _POINTER,
        _POINTER,
    ),
    "TF_DeleteSession": (None, _POINTER, _POINTER),
    "TF_GraphOperationByName": (_POINTER, _POINTER, _TEXT),
    "TF_SessionRun": (
        None, _POINTER, _POINTER, ctypes.POINTER(Output), ctypes.POINTER(_POINTER), _INT,
        ctypes.POINTER(Output), ctypes.POINTER(_POINTER), _INT, _POINTER, _INT, _POINTER, _POINTER,
    ),
    "TF_AllocateTensor": (_POINTER, _INT, ctypes.POINTER(ctypes.c_int64), _INT, _SIZE),
    "TF_DeleteTensor": (None, _POINTER),
    "TF_TensorData": (_POINTER, _POINTER),
    "TF_TensorType": (_INT, _POINTER),
    "TF_NumDims": (_INT, _POINTER),
    "TF_Dim": (ctypes.c_int64, _POINTER, _INT),
    "TF_StringInit": (None, _POINTER),
    "TF_StringCopy": (None, _POINTER, _TEXT, _SIZE),
    "TF_StringDealloc": (None, _POINTER),
    "TF_StringGetDataPointer": (_POINTER, _POINTER),
    "TF_StringGetSize": (_SIZE, _POINTER),
}  # fmt: skip


class TensorFlowError(RuntimeError):
    """What TensorFlow said."""


@functools.cache
def functions() -> dict[str, Any]:
    """The functions by name.

    Raises:
        OSError: The libraries are not where TensorFlow's package for Linux has them.
    """
    place = _package("tensorflow")
    with standard_error_aside():  # a graphics card that is not there is no news
        libraries = [
            ctypes.CDLL(str(place / f"libtensorflow_{name}.so.2"), ctypes.RTLD_GLOBAL)
            for name in ("framework", "cc")
        ]
    found = {}
    for name, (gives, *takes) in _FUNCTIONS.items():
        library = next((one for one in libraries if hasattr(one, name)), None)
        if library is None:
            raise OSError(f"{place} has no {name}")
        function = getattr(library, name)
        function.restype, function.argtypes = gives, takes
        found[name] = function
    return found


@functools.cache
def load_text_ops() -> None:
    """Makes the operations of tensorflow_text known.

    Raises:
        OSError: They are not where its package has them.
        TensorFlowError: They are of another version.
    """
    places = sorted(_package("tensorflow_text").glob("python/ops/_*.so"))
    if not places:
        raise OSError("tensorflow_text has no operations")
    for place in places:
        checked("TF_LoadLibrary", str(place).encode())


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise OSError(f"{name} is not installed")
    return Path(spec.submodule_search_locations[0])


def checked(name: str, *arguments: Any) -> Any:
    """Calls a function whose last argument is a status.

    Raises:
        TensorFlowError: It failed.
    """
    call = functions()
    status = call["TF_NewStatus"]()
    try:
        found = call[name](*arguments, status)
        if call["TF_GetCode"](status):
            raise TensorFlowError(call["TF_Message"](status).decode("utf-8", "replace"))
    finally:
        call["TF_DeleteStatus"](status)
    return found


def tensor(values: np.ndarray) -> int:
    """A TF_Tensor of an array's values, strings as bytes; `delete` frees it."""
    call, number = functions(), _NUMBERS[values.dtype]
    size = values.size * _BYTES_OF_STRING if number == _STRING else values.nbytes
    shape = (ctypes.c_int64 * values.ndim)(*values.shape)
    held = np.ascontiguousarray(values)  # a name of its own: an address alone keeps no array
    made = call["TF_AllocateTensor"](number, shape, values.ndim, size)
    data = call["TF_TensorData"](made)
    if number != _STRING:
        ctypes.memmove(data, held.ctypes.data, size)
        return made
    for place, value in zip(_places(data, values.size), values.flat, strict=True):
        call["TF_StringInit"](place)
        call["TF_StringCopy"](place, value, len(value))
    return made


def array(made: int) -> np.ndarray:
    """The values of a TF_Tensor, strings as bytes, copied."""
    call = functions()
    number, data = call["TF_TensorType"](made), call["TF_TensorData"](made)
    shape = [call["TF_Dim"](made, axis) for axis in range(call["TF_NumDims"](made))]
    size = math.prod(shape)
    if number != _STRING:
        kind = np.dtype(TYPES[number])
        held = ctypes.string_at(data, size * kind.itemsize) if size else b""
        return np.frombuffer(held, kind).reshape(shape)
    read, length = call["TF_StringGetDataPointer"], call["TF_StringGetSize"]
    found = np.empty(size, object)
    found[:] = [ctypes.string_at(read(one), length(one)) for one in _places(data, size)]
    return found.reshape(shape)


def delete(made: int, strings: bool = False) -> None:
    """Frees a TF_Tensor; with `strings` what `tensor` copied into it, too."""
    call = functions()
    if strings:
        size = math.prod(call["TF_Dim"](made, axis) for axis in range(call["TF_NumDims"](made)))
        for place in _places(call["TF_TensorData"](made), size):
            call["TF_StringDealloc"](place)
    call["TF_DeleteTensor"](made)


def _places(data: int, count: int) -> Sequence[int]:
    return range(data or 0, (data or 0) + count * _BYTES_OF_STRING, _BYTES_OF_STRING)
