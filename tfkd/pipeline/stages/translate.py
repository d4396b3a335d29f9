"""Translate stages: a model's outputs for whole corpora, as a corpus."""

from typing import Any

from tfkd.pipeline.default_decode import default_decode
from tfkd.pipeline.graph import Node, seed_of
from tfkd.pipeline.identity import decode_identity, plain
from tfkd.pipeline.planned import Planned
from tfkd.pipeline.stage import Stage
from tfkd.spec import Spec
from tfkd.spec.stages.translate import TranslateOptions


class TranslateStage(Stage):
    """A corpus of what a model wrote."""

    Options = TranslateOptions

    def node(self, graph: Any, spec: Spec, name: str, options: Any) -> Node:
        trained = graph.stage(spec, options.translate)
        inputs, fields = {"model": trained}, []
        for i, part in enumerate(options.data):
            inputs[f"data.{i}.corpus"] = graph.corpus(spec, part.of)
            fields.append(options.read_field(graph.fields(spec, part.of), part.swap))
        identity = plain(options, without={"translate", "data", "decode", "on_failed_check"})
        decode = options.decode or default_decode(trained.model)
        identity |= {"fields": fields, **decode_identity(decode)}
        if spec.change is not None:  # --smoke
            identity["filled"] = True
        label = graph.label(spec, name, seed_of(inputs))
        return Node(self.kind, label, spec, options, inputs, identity)

    def plan(self, node: Node, planned: Planned) -> dict[str, str]:
        """The rows that a translate stage reads; its tokens are known once it has written them."""
        rows = 0
        for child in node.inputs.values():
            if "corpus" in child.gives:
                folder = planned.folder(child)
                if not folder.done:
                    planned.note(
                        f"{node.label}: rows and tokens are known once {child.label} is made."
                    )
                    return {}
                rows += folder.manifest()["summary"]["report"]["kept"]
        return {"tokens": f"{rows:,} rows"}

    def run(self, node: Node, folder: Any, context: Any) -> dict[str, Any]:
        from tfkd.pipeline.translate_stage import run_translate

        return run_translate(node, folder, context)
