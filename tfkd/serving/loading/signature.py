"""A signature of a loaded SavedModel as a function of arrays, whoever runs it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Signature:
    """A function of arrays; strings are bytes in arrays of objects.

    Attributes:
        takes: The inputs' types by name.
        gives: The outputs' names.
        call: From inputs to outputs, by name.
    """

    takes: Mapping[str, np.dtype]
    gives: Collection[str]
    call: Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]

    def __call__(self, **given: Any) -> dict[str, np.ndarray]:
        """The outputs of inputs that are arrays, or lists of strings as bytes, or numbers."""
        return self.call({name: np.asarray(given[name], kind) for name, kind in self.takes.items()})


def tensorflow_signatures(folder: Path) -> dict[str, Signature]:
    """A SavedModel's signatures, by name, run by TensorFlow's Python."""
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  (registers the tokenizers' ops)

    loaded = tf.saved_model.load(str(folder))

    def signature(name: str, function: Any) -> Signature:
        specs = function.structured_input_signature[1]

        def call(given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            # By way of the object: it owns the variables that its functions use.
            ask = loaded.signatures[name]
            said = ask(**{key: tf.constant(x, specs[key].dtype) for key, x in given.items()})
            return {key: value.numpy() for key, value in said.items()}

        takes = {key: np.dtype(spec.dtype.as_numpy_dtype) for key, spec in specs.items()}
        return Signature(takes, frozenset(function.structured_outputs), call)

    return {name: signature(name, one) for name, one in loaded.signatures.items()}
