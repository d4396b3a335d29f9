"""Stages that average weights: one model of several trainings of it."""

from typing import Any

import numpy as np

from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.identity import model_identity
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.stages.average import AverageOptions


class AverageStage(Stage):
    """Writes the mean of stages' weights, w = Σ_k share_k · w_k, as a training stage writes its.

    Trainings from one start, with other seeds, data or settings, often lie in one basin; their mean
    does about as well as their ensemble then, and costs one model to serve. From several starts it
    is no model at all.

    Reference: Wortsman et al., 2022, Model soups.
    """

    Options = AverageOptions

    def node(self, graph: Any, spec: Spec, name: str, options: Any) -> Node:
        """Refuses what the checks of one spec do not know of another's."""
        node = super().node(graph, spec, name, options)
        first, *others = node.inputs.values()
        for other in others:
            if _model_of(other) != _model_of(first):
                raise UserError(
                    f"stages.{node.label}.average: {other.label} has another model, other heads "
                    f"or other pieces than {first.label}. Expected stages of one model"
                )
        return node

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """The mean of the stages' weights, in float64 until it is written in float32."""
        from tfkd.models import save_weights
        from tfkd.models.weights import variables_by_path
        from tfkd.pipeline.inputs.models import trained_model
        from tfkd.pipeline.inputs.stage_weights import WEIGHTS

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
        save_weights(model, folder.path / WEIGHTS)
        return {
            "parameters": model.count_params(),
            "averaged": dict(zip([stage.label for stage in stages], shares.tolist(), strict=True)),
            "brief": f"the mean of {len(stages)}",
        }


def _model_of(stage: Node) -> tuple[Any, ...]:
    """What a stage's model is, the heads that its terms need, and the pieces that its rows are
    of."""
    trained = stage.trained
    pieces = {side: one.key for side, one in trained.inputs_of(Role.TOKENIZER).items()}
    classes = trained.inputs.get(Role.CLASSES)
    heads = trained.model.heads_needed(trained.options, trained.spec.views)
    return model_identity(stage.model), heads, pieces, None if classes is None else classes.key
