"""Stages that average weights: of several trainings of one model, or of one's last validations."""

from pathlib import Path
from typing import Any

import numpy as np

from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.identity import model_identity
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.spec import Spec
from tfkd.spec.checks.mean_checks import LISTS, listed
from tfkd.spec.errors import UserError
from tfkd.spec.stages.average import (
    FACTORS,
    AverageOptions,
    factors_of,
    factors_way_out,
    not_set_aside,
)


class AverageStage(Stage):
    """Writes the mean of weights, w = Σ_k share_k · w_k, as a training stage writes its.

    Of stages: trainings from one start, with other seeds, data or settings, often lie in one basin;
    their mean does about as well as their ensemble then, and costs one model to serve. From several
    starts it is no model at all. Of one stage: its last validated weights, each as much, which
    `validate: {set_aside: N}` has it leave.

    Reference: Wortsman et al., 2022, Model soups; Vaswani et al., 2017, section 6.1 (the last 5 and
    the last 20 checkpoints).
    """

    Options = AverageOptions

    def node(self, graph: Any, spec: Spec, name: str, options: Any) -> Node:
        """Refuses what the checks of one spec do not know of another's."""
        node = super().node(graph, spec, name, options)
        where, (first, *others) = f"stages.{node.label}.average", node.inputs.values()
        for other in others:
            if _model_of(other) != _model_of(first):
                raise UserError(
                    f"{where}: {other.label} has another model, other heads "
                    f"or other pieces than {first.label}. Expected stages of one model"
                )
        for one in node.inputs.values() if others else ():
            if one.kind == LISTS:
                what, way_out = listed(one.label, one.inputs[LISTS].label)
                raise UserError(f"{where}: {what}. Expected {way_out}")
        if kind := factors_of(first.model):
            labels = [one.label for one in node.inputs.values()]
            raise UserError(
                f"{where}: adapters of kind {kind} {FACTORS}. Expected {factors_way_out(labels)}"
            )
        if not isinstance(options.average, list):
            if "trained" not in first.gives:
                raise UserError(f"{where}: {first.label} validates nothing. Expected a train stage")
            for what, way_out in not_set_aside(first.label, first.options, options.average.last):
                raise UserError(f"{where}: {what}. Expected {way_out}")
        return node

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """The mean of the weights, in float64 until it is written in float32."""
        from tfkd.models import save_weights
        from tfkd.pipeline.inputs.stage_weights import WEIGHTS

        several = isinstance(node.options.average, list)
        model, found = (_of_stages if several else _of_the_last)(node, context)
        save_weights(model, folder.path / WEIGHTS)
        return {"parameters": model.count_params(), **found}


def _of_stages(node: Node, context: Context) -> tuple[Any, dict[str, Any]]:
    """A model with the mean of stages' weights, and what is said of it."""
    from tfkd.models.weights import variables_by_path
    from tfkd.pipeline.inputs.models import trained_model

    stages = list(node.inputs.values())
    shares = np.array(node.options.weights or [1.0] * len(stages))
    shares /= shares.sum()
    sums: dict[str, np.ndarray] = {}
    for share, stage in zip(shares, stages, strict=True):
        context.deadline.check()
        model = trained_model(stage, context)
        for name, one in variables_by_path(model).items():
            sums[name] = sums.get(name, 0.0) + share * np.asarray(one, np.float64)
    for name, one in variables_by_path(model).items():
        one.assign(sums[name])
    return model, {
        "averaged": dict(zip([stage.label for stage in stages], shares.tolist(), strict=True)),
        "brief": f"the mean of {len(stages)}",
    }


def _of_the_last(node: Node, context: Context) -> tuple[Any, dict[str, Any]]:
    """A training's model with the mean of its last validated weights, and what is said of it; what
    stayed frozen is as the training has it."""
    from tfkd.models.safetensors_files import read_tensors
    from tfkd.pipeline.inputs.models import trained_model
    from tfkd.pipeline.inputs.stage_weights import SET_ASIDE
    from tfkd.pipeline.inputs.text_stages import place
    from tfkd.training.optimization.parameters import all_variables
    from tfkd.training.state.mean_weights import mean_weights
    from tfkd.training.state.training_state import assign

    (training,) = node.inputs.values()
    path = place(training, context).path / SET_ASIDE
    last, files = node.options.average.last, sorted(path.glob("step-*.safetensors"))
    files = files[-(last or len(files)) :]
    if not files:
        raise UserError(
            f"stages.{node.label}.average: {path} has no weights. Remove the folder {path.parent} "
            "and run the same command: the stage is made anew"
        )
    model = trained_model(training, context)
    mean = mean_weights(read_tensors(file) for file in files)
    variables = all_variables(model)
    assign({name: variables[name] for name in mean}, mean)
    steps = [_step(file) for file in files]
    said = f"the mean of the last {len(steps)} validations of {training.label}"
    found: dict[str, Any] = {
        "averaged": {f"{training.label} at step {step}": 1 / len(steps) for step in steps},
        "brief": f"{said}, steps {', '.join(map(str, steps))}",
    }
    if last is not None and len(steps) < last:
        found["warnings"] = [
            f"{node.label}: {said}, and {last} were asked for: the training has no more of them"
        ]
    return model, found


def _step(file: Path) -> int:
    return int(file.stem.partition("-")[2])


def _model_of(stage: Node) -> tuple[Any, ...]:
    """What a stage's model is, the heads that its terms need, and the pieces that its rows are
    of."""
    trained = stage.trained
    pieces = {side: one.key for side, one in trained.inputs_of(Role.TOKENIZER).items()}
    classes = trained.inputs.get(Role.CLASSES)
    heads = trained.model.heads_needed(trained.options, trained.spec.views)
    return model_identity(stage.model), heads, pieces, None if classes is None else classes.key
