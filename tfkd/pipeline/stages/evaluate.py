"""Evaluation stages: a model's outputs on a corpus, and how it predicts the reference."""

from typing import Any

from tfkd.evaluation.metrics import CLASSES, OUTPUTS, TEACHER_FORCED, WORDS
from tfkd.pipeline.graph import Node
from tfkd.pipeline.identity import between_newlines, decode_identity, read_in_windows
from tfkd.pipeline.products import CONTINUED, MASKED, product
from tfkd.pipeline.stage import Stage
from tfkd.spec import Spec
from tfkd.spec.errors import UserError

# K of an evaluation's coverage, unless the teacher that it is compared with stored another.
TOP_K = 8


class EvaluateStage(Stage):
    """What the metrics of one model on one corpus are computed from."""

    kind = "evaluate"

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
    ) -> Node:
        """A model's outputs and teacher-forced metrics (coverage by `top_k`) on a corpus; with
        `tuned` it is decoded with the setting that was chosen there."""
        trained, inputs = read_by(graph, spec, reference, corpus)
        if "classes" in trained.trained.inputs:
            return self._of_classes(graph, spec, trained, corpus, inputs)
        model, options_of = trained.model, trained.trained.options
        wanted = tuple(sorted({*map(product, metrics)}))
        identity: dict[str, Any] = {"products": wanted, **between_newlines(model, options_of)}
        if {OUTPUTS, CONTINUED} & set(wanted):
            identity |= decoded(inputs, decode, tuned)
        if {TEACHER_FORCED, MASKED} & set(wanted) and top_k != TOP_K:
            identity["top_k"] = top_k
        if WORDS in wanted:
            identity |= read_in_windows(model, options_of)
            identity |= {} if context is None else {"context": context}
        options = {
            "corpus": corpus,
            "products": wanted,
            "decode": decode,
            "top_k": top_k,
            "context": context,
        }
        label = f"{trained.label} on {corpus}"
        return Node(self.kind, label, spec, options, inputs, identity)

    def _of_classes(
        self, graph: Any, spec: Spec, trained: Node, corpus: str, inputs: dict[str, Node]
    ) -> Node:
        """A classifier's predictions on a corpus."""
        if "data.ids.label" not in inputs:
            raise UserError(
                f"data.{corpus}: the predictions of {trained.label} are held against labels; this "
                f"corpus has {', '.join(graph.fields(spec, corpus))}"
            )
        options = {"corpus": corpus, "products": (CLASSES,), "decode": None}
        label = f"{trained.label} on {corpus}"
        return Node(self.kind, label, spec, options, inputs, {"products": [CLASSES]})

    def run(self, node: Node, folder: Any, context: Any) -> dict[str, Any]:
        from tfkd.pipeline.evaluate_stage import run_evaluate

        return run_evaluate(node, folder, context)


def read_by(graph: Any, spec: Spec, reference: str, corpus: str) -> tuple[Node, dict[str, Node]]:
    """The stage of a model, and the inputs of what is measured of it on a corpus."""
    trained = graph.stage(spec, reference)
    inputs = {"model": trained, "text": graph.corpus(spec, corpus)}
    classes = trained.trained.inputs.get("classes")
    return trained, inputs | graph.part(spec, "data", corpus, trained.model, False, classes)


def decoded(inputs: dict[str, Node], decode: Any, tuned: Node | None) -> dict[str, Any]:
    """What an identity says of a decoding: nothing of one that is chosen, which is among the inputs
    then, with all that was tried."""
    if tuned is None:
        return decode_identity(decode)
    inputs["tuned"] = tuned
    return {}


STAGE = EvaluateStage
