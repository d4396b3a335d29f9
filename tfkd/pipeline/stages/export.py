"""Export stages: a model's SavedModel."""

from typing import Any

from tfkd.pipeline.graph import Node
from tfkd.pipeline.identity import between_newlines
from tfkd.pipeline.letter_case import lower_cased
from tfkd.pipeline.stage import Stage
from tfkd.pipeline.stages.evaluate import decoded
from tfkd.spec import Spec


class ExportStage(Stage):
    """A SavedModel that answers lines of text as the model does."""

    kind = "export"

    def node(
        self, graph: Any, spec: Spec, reference: str, decode: Any, tuned: Node | None = None
    ) -> Node:
        """With `tuned` it decodes with the setting that was chosen there."""
        trained = graph.stage(spec, reference)
        learnt = trained.trained
        corpus = learnt.inputs.get("validate", learnt.inputs["data.0.corpus"])
        inputs = {"model": trained, "text": corpus}
        identity = {} if "classes" in learnt.inputs else decoded(inputs, decode, tuned)
        identity |= between_newlines(learnt.model, learnt.options)
        if lower_cased(trained):
            identity["lower_case"] = True
        return Node(self.kind, trained.label, spec, {"decode": decode}, inputs, identity)

    def run(self, node: Node, folder: Any, context: Any) -> dict[str, Any]:
        from tfkd.pipeline.export_stage import run_export

        return run_export(node, folder, context)


STAGE = ExportStage
