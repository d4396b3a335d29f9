"""Translate stages: a model's outputs for whole corpora, as a corpus."""

from typing import Any

from tfkd.pipeline.default_decode import default_decode
from tfkd.pipeline.graph import Node, seed_of
from tfkd.pipeline.identity import decode_identity, plain
from tfkd.pipeline.stage import Stage
from tfkd.spec import Spec


class TranslateStage(Stage):
    """A corpus of what a model wrote."""

    kind = "translate"
    gives = frozenset({"corpus"})
    shown = True

    def node(self, graph: Any, spec: Spec, name: str, options: Any) -> Node:
        trained = graph.stage(spec, options.translate)
        inputs, fields = {"model": trained}, []
        for i, part in enumerate(options.data):
            inputs[f"data.{i}.corpus"] = graph.corpus(spec, part.of)
            fields.append(options.read_field(graph.fields(spec, part.of), part.swap))
        identity = plain(options, without={"translate", "data", "decode", "on_failed_check"})
        model = trained.spec.models[trained.options.train]
        decode = options.decode or default_decode(model)
        identity |= {"fields": fields, **decode_identity(decode)}
        if spec.change is not None:  # --smoke
            identity["filled"] = True
        label = graph.label(spec, name, seed_of(inputs))
        return Node(self.kind, label, spec, options, inputs, identity)

    def run(self, node: Node, folder: Any, context: Any) -> dict[str, Any]:
        from tfkd.pipeline.translate_stage import run_translate

        return run_translate(node, folder, context)
