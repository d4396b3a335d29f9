"""Weights on disk: safetensors files keyed by the paths of variables in their model."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike

import keras
import numpy as np

from tfkd.models.language_model import relative_path
from tfkd.models.safetensors_files import (
    BFLOAT16,
    Tensor,
    read_tensor,
    row_blocks,
    saved_shapes,
    write_tensors,
)
from tfkd.spec.errors import UserError

_LAYER = re.compile(r"\blayer_(\d+)\b")
_SHOWN = 6


@dataclass(frozen=True)
class LoadReport:
    """What a load did, by path in the model (`unused`: by path in the file).

    `sources` has the path in the file of each weight that was loaded.
    """

    loaded: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    misshapen: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)


def variables_by_path(model: keras.Model) -> dict[str, keras.Variable]:
    """Returns a model's weights by path: `encoder/layer_1/feed_forward/inner/kernel`, sorted.

    The first name of a path is the part that the weight belongs to (`model.parts`).
    """
    paths = {relative_path(model, variable.path): variable for variable in model.weights}
    return dict(sorted(paths.items()))


def save_weights(
    model: keras.Model,
    path: str | PathLike,
    without: Iterable[str] = (),
    *,
    narrow: bool = False,
) -> None:
    """Writes the weights of a model, whole or not at all, one after the other.

    Args:
        model: The model.
        path: The safetensors file.
        without: Paths of weights that are kept elsewhere: a frozen BERT's, beside its adapters.
        narrow: Whether bfloat16 stays as it is; else all are float32.
    """
    left = set(without)
    tensors = {
        name: _written(variable, narrow)
        for name, variable in variables_by_path(model).items()
        if name not in left
    }
    write_tensors(path, tensors, {"tfkd": type(model).__name__})


def _written(variable: keras.Variable, narrow: bool) -> Tensor:
    """A weight as it is written: a block of rows at a time, so that no second copy of it stands."""
    shape = tuple(variable.shape)
    narrow = narrow and variable.dtype == "bfloat16"

    def blocks() -> Iterator[np.ndarray]:
        value = variable.value
        for first, last in row_blocks(shape):
            block = (value[first:last] if shape else value).numpy()
            yield block.view(np.uint16) if narrow else block.astype(np.float32, copy=False)

    return Tensor(BFLOAT16 if narrow else "F32", shape, blocks)


def load_weights(
    model: keras.Model,
    path: str | PathLike,
    parts: Iterable[str] | Mapping[str, str] | None = None,
    *,
    layers: Mapping[int, int] | None = None,
    without: Iterable[str] = (),
    more: Mapping[str, np.ndarray] | None = None,
    strict: bool = True,
) -> LoadReport:
    """Loads a file written by `save_weights`, whole or in parts.

    Args:
        model: A built model.
        path: The safetensors file.
        parts: None: everything. Names of parts or longer path beginnings (`["embedding",
            "encoder/layer_1"]`): these alone. A mapping gives beginnings in the model and what
            stands for them in the file: `{"encoder": ""}` reads a whole BERT into a part.
        layers: Model layer number to file layer number (`{1: 2, 2: 4}`: every second layer). None:
            the same numbers, so that a shallower model reads the lower layers.
        without: Beginnings of weights that stay as they are in the model, and that the file may
            have or lack.
        more: Tensors that count as the file's, which it need not have: see `without` of
            `save_weights`.
        strict: Every weight of the parts must be in the file with its shape, and, where all parts
            are loaded, every weight of the file in the model. Otherwise what fits is loaded and the
            report tells the rest.

    Raises:
        UserError: the file cannot be read, or `strict` and something does not fit; nothing is
            loaded then.
        ValueError: a part that the model does not have.
    """
    beside, saved = dict(more or {}), saved_shapes(path)
    shapes = {name: one.shape for name, one in beside.items()}
    shapes |= {name: shape for name, (shape, _) in saved.items()}
    without = tuple(without)
    found = _sources(model, parts, layers)
    left = [name for name in found if any(under(name, one) for one in without)]
    sources = {name: found[name] for name in found if name not in left}
    report = LoadReport()
    chosen = {}
    for name, (variable, source) in sources.items():
        if source not in shapes:
            report.missing.append(name)
        elif shapes[source] != tuple(variable.shape):
            report.misshapen.append(
                f"{name} is {tuple(variable.shape)}, in the file {shapes[source]}"
            )
        else:
            chosen[name] = (variable, source)
    used = {source for _, source in found.values()}
    used |= {name for name in shapes if any(under(name, one) for one in without)}
    report.unused.extend(sorted(set(shapes) - used))
    report.loaded.extend(chosen)
    report.sources.update((name, sources[name][1]) for name in chosen)
    if strict:
        _refuse(path, model, report, whole=parts is None and layers is None)
    # One at a time: of a large model there is one copy of the weights.
    for variable, source in chosen.values():
        dtype = "bfloat16" if variable.dtype == "bfloat16" else "float32"
        variable.assign(read_tensor(path, source, dtype) if source in saved else beside[source])
    return report


def _sources(
    model: keras.Model,
    parts: Iterable[str] | Mapping[str, str] | None,
    layers: Mapping[int, int] | None,
) -> dict[str, tuple[keras.Variable, str]]:
    """Says for each weight that is to be loaded what it is called in the file."""
    variables = variables_by_path(model)
    if parts is None:
        beginnings = {"": ""}
    elif isinstance(parts, Mapping):
        beginnings = dict(parts)
    else:
        beginnings = {part: part for part in parts}
    sources = {}
    for beginning, there in beginnings.items():
        inside = [name for name in variables if not beginning or under(name, beginning)]
        if not inside:
            raise ValueError(
                f"Invalid value for argument `parts`. Expected parts of the model "
                f"({', '.join(model.parts)}) or longer paths. Received: {beginning!r}"
            )
        for name in inside:
            rest = name[len(beginning) :].lstrip("/")
            source = _renumber(f"{there}/{rest}" if there else rest, layers)
            if source is not None:
                sources[name] = (variables[name], source)
    return sources


def under(name: str, beginning: str) -> bool:
    """Whether a weight's path is, or goes on from, a beginning of whole names."""
    return name == beginning or name.startswith(f"{beginning}/")


def _renumber(name: str, layers: Mapping[int, int] | None) -> str | None:
    """Replaces the layer's number; None for a layer that the mapping leaves out."""
    found = _LAYER.search(name)
    if layers is None or found is None:
        return name
    number = layers.get(int(found.group(1)))
    return None if number is None else _LAYER.sub(f"layer_{number}", name, count=1)


def _refuse(path: str | PathLike, model: keras.Model, report: LoadReport, whole: bool) -> None:
    complaints = []
    if report.missing:
        complaints.append(f"the file lacks {_some(report.missing)}")
    if report.misshapen:
        complaints.append(f"sizes differ: {_some(report.misshapen)}")
    if whole and report.unused:
        complaints.append(f"the model has no {_some(report.unused)}")
    if complaints:
        raise UserError(
            f"{path}: these weights are not those of model {model.name!r}: {'; '.join(complaints)}."
            " Use the options that the weights were trained with, or name the parts to load."
        )


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
