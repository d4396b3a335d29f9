"""A stage of one's own: a model whose smallest weights are zero.

Of each matrix the share of weights of the smallest size is cut off (Han et al., 2015, "Learning
both Weights and Connections for Efficient Neural Networks"). Joined by `--plugin prune_stage`, a
spec has a stage more:

    pruned: {prune: learn, share: 0.3}
"""

from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.stage import Stage
from tfkd.spec.options.base import ModelReference, Rate
from tfkd.spec.registry import register
from tfkd.spec.stage import StageOptions


class PruneOptions(StageOptions):
    """A model without the smallest weights of its matrices."""

    kind: ClassVar[str] = "prune"
    gives: ClassVar[frozenset[str]] = frozenset({"model"})
    prune: ModelReference = Field(description="The stage whose model it is.")
    share: Rate = Field(
        0.5,
        description="The weights of each matrix that are set to zero.",
        json_schema_extra={"unit": "share, 0 to 1"},
    )


class Prune(Stage):
    """Writes `weights.safetensors`, as a training stage does."""

    Options = PruneOptions

    def run(self, node: Node, folder: Any, context: Any) -> dict[str, Any]:
        """The weights of the stage, the smallest of each matrix set to zero."""
        from tfkd.models import save_weights
        from tfkd.models.weights import variables_by_path
        from tfkd.pipeline.inputs.models import trained_model
        from tfkd.pipeline.inputs.stage_weights import WEIGHTS

        (stage,) = node.inputs.values()
        model, zeros = trained_model(stage, context), 0
        for one in variables_by_path(model).values():
            if len(one.shape) < 2:
                continue
            values = np.array(one)
            number = int(node.options.share * values.size)
            values.flat[np.argsort(abs(values), axis=None, kind="stable")[:number]] = 0.0
            one.assign(values)
            zeros += number
        save_weights(model, folder.path / WEIGHTS)
        return {"parameters": model.count_params(), "brief": f"{zeros:,} weights are zero"}


register(
    "stage", "prune", options=PruneOptions, target=f"{__name__}:Prune",
    summary="A model without the smallest weights of its matrices",
)  # fmt: skip
