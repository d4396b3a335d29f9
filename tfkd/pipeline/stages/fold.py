"""One of the models of a stage with folds, by itself."""

from typing import Any

from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.inputs.parts import folds_of
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.stages.fold import FoldOptions


class FoldStage(Stage):
    """Nothing that is made: another name of one of the trainings."""

    Options = FoldOptions

    def node(self, graph: Any, spec: Spec, name: str, options: Any) -> Node:
        """The training's own.

        Raises:
            UserError: A stage of another spec, which the checks of this one do not know, has not so
                many folds, or none.
        """
        folds = folds_of(graph.stage(spec, options.of))
        if options.fold > len(folds):
            has = f"{len(folds)} folds" if folds else "no folds"
            expected = f"1 to {len(folds)}" if folds else "a stage with folds, or its own name"
            raise UserError(
                f"stages.{name}.fold: {options.fold}, and {options.of} has {has}. "
                f"Expected {expected}"
            )
        return folds[options.fold - 1]
