"""What a training stage leaves: weights, history, and its summary."""

import shutil
from collections.abc import Sequence
from typing import Any

from tfkd.data.files import write_atomically
from tfkd.data.text.copies import copy_file, copy_folder
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.stage_weights import SET_ASIDE, WEIGHTS, Shared, write_shared
from tfkd.spec.options.stages import mixtures_of
from tfkd.training import waiting_share
from tfkd.training.state.history import read_history


def leave_result(
    model: Any,
    batcher: Any,
    result: Any,
    shared: Shared,
    node: Node,
    folder: StageFolder,
    context: Context,
) -> dict[str, Any]:
    """Writes what a training has made into the stage's folder, and sums it up; of several hosts
    the chief's.

    Args:
        model: What was trained.
        batcher: On what.
        result: From `tfkd.training.train`.
        shared: The frozen weights that another stage's folder has.
        node: The stage.
        folder: Its folder.
        context: The run's surroundings.
    """
    if not context.hosts.chief:
        return {}
    for name in ("history.jsonl", WEIGHTS):
        write_atomically(folder.path / name, (folder.scratch / name).read_bytes())
    write_shared(folder, shared, node, context)
    _leave_set_aside(result, folder)
    events = folder.scratch / "tensorboard"
    if events.exists():
        copy_folder(events, folder.path / "tensorboard")
    return _summary(model, batcher, result, node, folder)


def _leave_set_aside(result: Any, folder: StageFolder) -> None:
    """Puts the last validated weights beside the result; hard links where the file system has
    them."""
    place = folder.path / SET_ASIDE
    shutil.rmtree(place, ignore_errors=True)  # of a killed run
    for path in result.set_aside.values():
        place.mkdir(exist_ok=True)
        copy_file(path, place / path.name, link=True)


def _summary(
    model: Any, batcher: Any, result: Any, node: Node, folder: StageFolder
) -> dict[str, Any]:
    logged = [line for line in read_history(folder.path / "history.jsonl") if "loss" in line]
    summary = {
        "steps": result.steps,
        "best": result.best,
        "parameters": _numbers(model.weights),
        "trained_parameters": _numbers(model.trainable_weights),
        "batches_per_epoch": batcher.batches_per_epoch,
        "epochs": round(batcher.epochs_in(result.steps), 2),
        "rows_left_out": batcher.excluded,
        "seconds_of_steps": round(result.seconds, 1),
    }
    if len(mixtures_of(node.options.data, node.options.steps)) > 1:
        passes = batcher.passes(result.steps)
        summary["passes"] = {name: round(times, 2) for name, times in passes.items()}
    if logged:
        share = waiting_share(logged)
        summary["waiting_share"] = None if share is None else round(share, 4)
        summary["loss"] = logged[-1]["loss"]
        summary["brief"] = f"{result.steps} steps, loss {logged[-1]['loss']:.4f}"
        if skipped := logged[-1].get("skipped_steps"):
            summary["skipped_steps"] = skipped
            summary["brief"] += f", {skipped} of them skipped for overflow"
        if result.best:
            best = result.best
            summary["brief"] += (
                f", best {best['metric']} {best['value']:.4f} at step {best['step']}"
            )
        if kind := node.options.fake_quantize:
            summary["fake_quantize"] = kind
            summary["brief"] += f", products rounded to {kind}"
    return summary


def _numbers(weights: Sequence[Any]) -> int:
    return sum(int(weight.value.shape.num_elements()) for weight in weights)
