"""A stage of one's own: the weights averaged over several trainings of one model.

Stages of one start that were trained with other seeds, data or settings often lie in one basin;
their mean then does at least as well as each, and costs one model to serve (Wortsman et al., 2022,
"Model soups", arXiv 2203.05482). Joined by `--plugin average_stage`, a spec has a stage more:

    averaged: {average: [first, second], weights: [0.7, 0.3]}
"""

from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.stage import Stage
from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, found_stage
from tfkd.spec.options.base import ModelReference, Positive
from tfkd.spec.registry import register
from tfkd.spec.stage import StageOptions


class AverageOptions(StageOptions):
    """The mean of the weights of several trainings of one model."""

    kind: ClassVar[str] = "average"
    gives: ClassVar[frozenset[str]] = frozenset({"model"})
    average: Annotated[list[ModelReference], Field(min_length=2)] = Field(
        description="The stages whose weights are averaged; the model is that of the first."
    )
    weights: list[Positive] | None = Field(
        None, description="How much each counts, like [0.7, 0.3]; default: all the same."
    )

    @classmethod
    def check(cls, stage: Any, parts: Parts, faults: Faults, path: tuple[str, ...]) -> None:
        """The stages are there, and train one model; each has a weight, or none has."""
        super().check(stage, parts, faults, path)
        if not isinstance(stage, cls):
            return  # a stand-in for options that have faults of their own
        found = [found_stage(parts, name) for name in stage.average]
        models = [one.model for one in found if one is not None and one.model is not None]
        if any(model != models[0] for model in models):
            faults.add((*path, "average"), "stages of different models", "stages of one model")
        if stage.weights is not None and len(stage.weights) != len(stage.average):
            faults.add(
                (*path, "weights"), f"{len(stage.weights)} weights of {len(stage.average)} stages",
                "one a stage, or none",
            )  # fmt: skip


class Average(Stage):
    """Writes `weights.safetensors`, as a training stage does."""

    Options = AverageOptions

    def run(self, node: Node, folder: Any, context: Any) -> dict[str, Any]:
        """The mean of the stages' weights, in float64 until it is written."""
        from tfkd.models import save_weights
        from tfkd.models.weights import variables_by_path
        from tfkd.pipeline.inputs.models import trained_model
        from tfkd.pipeline.inputs.stage_weights import WEIGHTS

        stages = [child for role, child in node.inputs.items() if role.startswith("average.")]
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


register(
    "stage", "average", options=AverageOptions, target=f"{__name__}:Average",
    summary="The mean of the weights of several trainings",
)  # fmt: skip
