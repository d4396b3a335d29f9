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
from tfkd.data.strict_json import read_json
from tfkd.models import load_weights
from tfkd.models.safetensors_files import read_tensors, saved_names
from tfkd.models.weights import LoadReport, variables_by_path
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.text_stages import place
from tfkd.spec.errors import UserError

WEIGHTS = "weights.safetensors"
SHARED = "shared_weights.json"
# The last validated weights of a training, `step-N.safetensors`, without those that stay frozen.
SET_ASIDE = "set_aside"

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


def write_shared(folder: StageFolder, shared: Shared, node: Node, context: Context) -> None:
    """Notes which weights are another stage's, and what its bytes were; nothing where none are."""
    if not any(shared.values()):
        return
    noted = {
        role: {"sha256": _digest(node.inputs[role], context), "names": names}
        for role, names in shared.items()
        if names
    }
    write_atomically(folder.path / SHARED, json.dumps(noted, indent=1, sort_keys=True))


def _digest(node: Node, context: Context) -> str:
    """Of a stage's own weights, as its manifest has it."""
    return place(node, context).manifest()["files"][WEIGHTS]["sha256"]


def shared_names(shared: Shared) -> set[str]:
    """The paths of the weights in this model."""
    return {name for names in shared.values() for name in names}


def _shared(node: Node, context: Context) -> Shared:
    """The names of the weights that other stages keep.

    Raises:
        UserError: Such a stage was made anew since, and its weights came out otherwise: on a
            machine with other cores, for one. These weights were not trained beside those.
    """
    folder = place(node, context)
    path = folder.path / SHARED
    if not path.exists():
        return {}
    noted = read_json(path)
    for role, entry in noted.items():
        origin = node.inputs[role]
        if entry["sha256"] != _digest(origin, context):
            raise UserError(
                f"{path}: {place(origin, context).path} ({origin.label}) was made anew since "
                f"{node.label} was trained beside its weights, and has others now. Remove the "
                f"folder {folder.path} and run the same command: the stage is made anew."
            )
    return {role: entry["names"] for role, entry in noted.items()}


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
    """Loads the weights of a finished stage into a model, or into parts of it; `parts` and options
    as of `tfkd.models.load_weights`."""
    path = place(node, context).path / WEIGHTS
    return load_weights(model, path, parts, more=shared_tensors(node, context), **options)
