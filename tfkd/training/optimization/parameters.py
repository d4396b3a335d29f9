"""The trained weights, with the names that they keep from program to program."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

# The names of weights that weight decay leaves alone, besides all of rank 0 and 1: biases, and what
# normalizations have.
_NOT_DECAYED = ("bias", "beta", "gamma", "scale")


@dataclass(frozen=True)
class Parameter:
    """A trained weight.

    Attributes:
        path: Its place below the student, like `encoder/layer_1/attention/kernel`, or below the
            terms: `terms/NAME/...`. The same in every program that builds the same model.
        variable: The Keras variable.
        owner: "student", or "term": the terms' own weights are saved with the training, are never
            exported and never gated.
    """

    path: str
    variable: Any
    owner: str = "student"

    @property
    def value(self) -> tf.Variable:
        """The TensorFlow variable (the mirrored one, where there are replicas)."""
        return self.variable.value

    @property
    def decayed(self) -> bool:
        """Whether weight decay applies: to matrices, not to biases and normalizations."""
        name = self.path.rsplit("/", 1)[-1]
        return len(self.variable.shape) > 1 and not any(part in name for part in _NOT_DECAYED)


def relative_paths(variables: Iterable[Any], root: str = "") -> list[str]:
    """Each variable's path without its model's own, made unique by `#2`, `#3`, ...

    Args:
        variables: Keras variables of one model.
        root: The model's path; variables below another one keep their whole path.
    """
    seen: dict[str, int] = {}
    paths = []
    for variable in variables:
        path = variable.path.removeprefix(f"{root}/")
        seen[path] = seen.get(path, 0) + 1
        paths.append(path if seen[path] == 1 else f"{path}#{seen[path]}")
    return paths


def named_parameters(student: Any, terms: Iterable[Any] = ()) -> list[Parameter]:
    """The trained weights of a student and of its terms.

    Raises:
        ValueError: One of them is not float32: weights are kept whole, whatever the products' type.
    """
    found = [
        Parameter(path, variable)
        for path, variable in all_variables(student).items()
        if variable.trainable
    ]
    for term in terms:
        variables = list(getattr(term, "trainable_variables", ()))
        root = getattr(term, "path", None) or term.name
        found += [
            Parameter(f"terms/{term.name}/{path}", variable, owner="term")
            for path, variable in zip(relative_paths(variables, root), variables, strict=True)
        ]
    for parameter in found:
        if parameter.value.dtype != tf.float32:
            raise ValueError(
                "Invalid value for argument `student`. Expected trained weights in float32 (build "
                "it with the policy `float32`, `mixed_bfloat16` or `mixed_float16`). Received: "
                f"{parameter.path} in {parameter.value.dtype.name}"
            )
    return found


def all_variables(model: Any) -> dict[str, Any]:
    """All variables of a model by path: trained, frozen, and state such as running means."""
    variables = list(model.variables)
    return dict(zip(relative_paths(variables, model.path), variables, strict=True))


def frozen_variables(model: Any) -> dict[str, Any]:
    """The weights that were made to be trained and are frozen, by path: what no step changes.

    State, such as running means, was never to be trained: steps may change it.
    """
    # Keras sorts a layer's variables by what they were made as; `trainable` is what they are now.
    frozen = {
        id(variable)
        for layer in model._flatten_layers()
        for variable in layer._trainable_variables
        if not variable.trainable
    }
    return {path: v for path, v in all_variables(model).items() if id(v) in frozen}
