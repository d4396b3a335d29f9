"""Which weights of a model train."""

from collections.abc import Iterable
from dataclasses import dataclass

import keras

from tfkd.layers.dropout import Dropout
from tfkd.models.language_model import relative_path
from tfkd.models.weights import variables_by_path
from tfkd.spec.errors import UserError


@dataclass(frozen=True)
class Trained:
    """Numbers of parameters."""

    trained: int
    total: int


def freeze(
    model: keras.Model, trainable: str | Iterable[str] = "all", *, dropout: bool = True
) -> Trained:
    """Lets the named weights train and freezes all others.

    Keras forgets these flags when a `.keras` file is loaded: call this again afterwards.

    Args:
        model: A built model.
        trainable: "all", or names: parts (`model.parts`), longer path beginnings
            (`encoder/layer_3`), or `adapters`: what adapters have, wherever they are.
        dropout: Whether frozen layers keep their dropout in training, as AB-Net's BERTs do. An
            adapter's own dropout stays with the adapter.

    Returns:
        How many parameters train, and of how many.

    Raises:
        UserError: a name that matches no weight.
    """
    variables = variables_by_path(model)
    names = None if trainable == "all" else _as_list(trainable)
    for name in names or ():
        if not any(names_weight(name, path) for path in variables):
            known = [*model.parts, *(["adapters"] if _any_adapters(variables) else [])]
            raise UserError(
                f"trainable: model {model.name!r} has no weights named {name!r}. "
                f"Its parts are: {', '.join(known)}."
            )
    for path, variable in variables.items():
        variable.trainable = names is None or any(names_weight(name, path) for name in names)
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, Dropout):
            owned = _owned(relative_path(model, layer.path), variables)
            frozen = bool(owned) and not any(variable.trainable for variable in owned)
            layer.enabled = dropout or not frozen
    sizes = {path: int(variable.value.shape.num_elements()) for path, variable in variables.items()}
    return Trained(
        trained=sum(sizes[path] for path, variable in variables.items() if variable.trainable),
        total=sum(sizes.values()),
    )


def frozen_parts(parts: Iterable[str], trainable: str | Iterable[str]) -> tuple[str, ...]:
    """Of a model's parts, those of which no weight trains, adapters aside; see `freeze`."""
    if trainable == "all":
        return ()
    begun = {name.partition("/")[0] for name in _as_list(trainable)}
    return tuple(part for part in parts if part not in begun)


def _as_list(names: str | Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def in_adapter(path: str) -> bool:
    """Whether a weight, by its path, is an adapter's."""
    return any(name.startswith("adapter_") for name in path.split("/"))


def _any_adapters(paths: Iterable[str]) -> bool:
    return any(in_adapter(path) for path in paths)


def names_weight(name: str, path: str) -> bool:
    """Whether a name of `freeze` stands for the weight at a path."""
    if name == "adapters":
        return in_adapter(path)
    return path == name or path.startswith(f"{name}/")


def _owned(dropout: str, variables: dict[str, keras.Variable]) -> list[keras.Variable]:
    """Returns the weights beside a dropout layer; adapters' only for an adapter's own dropout."""
    owner = dropout.rpartition("/")[0]
    return [
        variable
        for path, variable in variables.items()
        if (not owner or path.startswith(f"{owner}/"))
        and (in_adapter(owner) or not in_adapter(path))
    ]
