"""The form of saved_model.pb, taken from TensorFlow's package without importing it."""

import ast
import functools
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_SAVED_MODEL = "tensorflow/core/protobuf/saved_model.proto"


@functools.cache
def saved_model_class() -> Any:
    """The message class SavedModel.

    `import tensorflow` takes seconds; its modules of protocol buffers hold their descriptors as
    bytes, which make the same class in a pool of its own. Where TensorFlow is imported already, or
    its modules have another form, the class is TensorFlow's own.
    """
    if "tensorflow" not in sys.modules:
        try:
            return _from_descriptors(_SAVED_MODEL, "tensorflow.SavedModel")
        except (OSError, SyntaxError, StopIteration, TypeError, KeyError):
            pass
    from tensorflow.core.protobuf import saved_model_pb2

    return saved_model_pb2.SavedModel


def _from_descriptors(file: str, message: str) -> Any:
    from google.protobuf import descriptor_pb2, message_factory
    from google.protobuf.descriptor_pool import DescriptorPool

    pool, done = DescriptorPool(), set()

    def add(name: str) -> None:
        done.add(name)
        form = descriptor_pb2.FileDescriptorProto.FromString(_descriptor(name))
        for other in form.dependency:
            if other not in done:
                add(other)
        pool.Add(form)

    add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(message))


def _descriptor(name: str) -> bytes:
    """The bytes that the module of a .proto gives to `AddSerializedFile`."""
    package, _, rest = name.partition("/")
    places = find_spec(package).submodule_search_locations
    module = rest.removesuffix(".proto") + "_pb2.py"
    text = next(path for place in places if (path := Path(place, module)).is_file()).read_text()
    return next(
        ast.literal_eval(node.args[0])
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "AddSerializedFile"
    )
