"""The weights that a stage left: its own file, and what it shares with stages before it.

A training that leaves a BERT frozen does not write it once more: ten tasks' adapters stand beside
one BERT on the disk.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

from tfkd.data.files import write_atomically
from tfkd.models import load_weights
from tfkd.models.weights import LoadReport, read_tensors, saved_names, variables_by_path
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.text_stages import place

WEIGHTS = "weights.safetensors"
SHARED = "shared_weights.json"

# By the role of the stage that a training started from (`from.PART`): the path of each weight in
# this model, and what it is called there.
Shared = dict[str, dict[str, str]]


def frozen_of(model: keras.Model, origins: Shared) -> Shared:
    """Of the weights that a training starts from, those that it leaves as they are."""
    frozen = {name for name, one in variables_by_path(model).items() if not one.trainable}
    return {
        role: {ours: there for ours, there in names.items() if ours in frozen}
        for role, names in origins.items()
    }


def write_shared(folder: StageFolder, shared: Shared) -> None:
    """Notes which weights are another stage's; nothing where none are."""
    if any(shared.values()):
        write_atomically(folder.path / SHARED, json.dumps(shared, indent=1, sort_keys=True))


def shared_names(shared: Shared) -> set[str]:
    """The paths of the weights in this model."""
    return {name for names in shared.values() for name in names}


def _shared(node: Node, context: Context) -> Shared:
    path = place(node, context).path / SHARED
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def shared_tensors(node: Node, context: Context) -> dict[str, np.ndarray]:
    """The weights of a stage that other stages keep, by their paths in its model."""
    found = {}
    for role, names in _shared(node, context).items():
        origin = node.inputs[role]
        theirs = shared_tensors(origin, context)
        theirs |= read_tensors(place(origin, context).path / WEIGHTS)
        found |= {ours: theirs[there] for ours, there in names.items()}
    return found


def weight_names(node: Node, context: Context) -> set[str]:
    """The paths of all weights of a stage's model."""
    path = place(node, context).path / WEIGHTS
    return saved_names(path) | shared_names(_shared(node, context))


def load_stage(
    model: keras.Model,
    node: Node,
    context: Context,
    parts: Iterable[str] | Mapping[str, str] | None = None,
    **options: Any,
) -> LoadReport:
    """Loads the weights of a finished stage into a model, or into parts of it.

    Args:
        model: The model.
        node: The stage.
        context: The run's surroundings.
        parts, options: As in `tfkd.models.load_weights`.
    """
    path = place(node, context).path / WEIGHTS
    return load_weights(model, path, parts, more=shared_tensors(node, context), **options)
