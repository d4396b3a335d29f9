"""Evaluation stages: what the metrics of a model on a corpus are computed from."""

from typing import Any

from tfkd.data.examples import ExampleSet
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.output_shards import Shards
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.parts import folds_of
from tfkd.pipeline.scoring.products import CONTINUED
from tfkd.pipeline.tasks.task import Measured
from tfkd.pipeline.tasks.words import TOP_K
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import OUTPUTS
from tfkd.spec.names import SEVERAL


class EvaluateStage(Stage):
    """What its task makes of one model on one corpus; see `Task.evaluate`."""

    kind = "evaluate"
    of_folds = True
    unit = "rows"

    def node(
        self,
        graph: Any,
        spec: Spec,
        reference: str,
        corpus: str,
        metrics: tuple[str, ...],
        decode: Any,
        top_k: int = TOP_K,
        context: int | None = None,
        tuned: Node | None = None,
        export: Node | None = None,
    ) -> Node:
        """A model's outputs and teacher-forced figures (coverage by `top_k`) on a corpus; with
        `tuned` it is decoded with the setting that was chosen there. With `export` the outputs are
        that one's."""
        trained, inputs = read_by(graph, spec, reference, corpus)
        if export is not None:
            inputs[Role.EXPORT] = export
        products = trained.task.products(metrics)
        if folds_of(trained) and {OUTPUTS, CONTINUED} & {*products}:  # of another spec
            raise UserError(
                f"evaluate: {trained.label} {SEVERAL}, whose mean writes no text. Expected metrics "
                "of its distribution, like loss and accuracy"
            )
        options = {
            "corpus": corpus,
            "products": products,
            "decode": decode,
            "top_k": top_k,
            "context": context,
        }
        identity = trained.task.identity(graph, spec, inputs, options, tuned)
        of = f"{trained.label} as {export.options['export'].name}" if export else trained.label
        label = f"{of} on {corpus}"
        return Node(self.kind, label, spec, options, inputs, identity)

    def shards(self, node: Node, folder: StageFolder, context: Context) -> Shards | None:
        """What its task makes in shards."""
        if Role.EXPORT in node.inputs:
            return None
        return node.task.shards(measured_on(node, context), lambda: _model(node, context), folder)

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        from tfkd.pipeline.engine.fresh_start import fresh_start

        fresh_start()
        if Role.EXPORT in node.inputs:
            return _of_export(node, folder, context)
        model, on = measured(node, context)
        return {"rows": len(on.examples), **node.task.evaluate(on, model, folder)}


def _of_export(node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
    """The products of an export's answers to a corpus."""
    from tfkd.pipeline.stages.export import open_export

    engine = open_export(node.inputs[Role.EXPORT], context)
    return node.task.evaluate_export(node, engine, folder, context)


def read_by(graph: Any, spec: Spec, reference: str, corpus: str) -> tuple[Node, dict[str, Node]]:
    """The stage of a model, and the inputs of what is measured of it on a corpus."""
    trained = graph.stage(spec, reference)
    inputs = {Role.MODEL: trained, Role.TEXT: graph.corpus(spec, corpus)}
    return trained, inputs | graph.part(spec, Role.DATA, corpus, trained.model, own=trained)


def measured(node: Node, context: Context) -> tuple[Any, Measured]:
    """The model that a stage measures, and on what.

    Raises:
        UserError: The model has no positions for a row.
    """
    on = measured_on(node, context)
    return _model(node, context), on


def _model(node: Node, context: Context) -> Any:
    from tfkd.pipeline.inputs.models import trained_model

    return trained_model(node.inputs[Role.MODEL], context)


def measured_on(node: Node, context: Context) -> Measured:
    """What a stage measures a model on.

    Raises:
        UserError: The model has no positions for a row.
    """
    from tfkd.pipeline.inputs.made import part_of
    from tfkd.pipeline.inputs.models import check_lengths

    trained = node.inputs[Role.MODEL]
    examples = ExampleSet([part_of(node, Role.DATA, node.options["corpus"], context)])
    view = node.task.view(trained, context)
    check_lengths(trained.model, trained.trained.options.train, examples, view, node.label)
    return Measured(node, examples, view, context)


STAGE = EvaluateStage
