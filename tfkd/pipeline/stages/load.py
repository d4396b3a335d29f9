"""Load stages: a published checkpoint's weights, in the form that other stages start from."""

from typing import Any

from tfkd.pipeline.graph import Node, seed_of
from tfkd.pipeline.identity import model_identity
from tfkd.pipeline.stage import Stage
from tfkd.spec import Spec
from tfkd.spec.stages.load import LoadOptions


class LoadStage(Stage):
    """The model of a published checkpoint; under `--smoke`, a random one of its kind."""

    Options = LoadOptions

    def node(self, graph: Any, spec: Spec, name: str, options: Any) -> Node:
        model = spec.models[options.train]
        inputs = {
            f"tokenizer.{side}": graph.tokenizer(spec, tokenizer)
            for side, tokenizer in model.tokenizers.items()
        }
        # 2 compares more than sizes; the head is the checkpoint's, whatever the model's is.
        identity: dict[str, Any] = {"model": model_identity(model), "load_revision": 2}
        identity["model"].pop("head", None)
        if options.head != "published":
            identity["head"] = options.head
        if spec.change is not None:  # --smoke: a tiny model has no published weights
            identity["random"] = True
        else:
            identity["files"] = graph.files.checkpoint(spec, name, graph.data_dir)
        label = graph.label(spec, name, seed_of(inputs))
        return Node(self.kind, label, spec, options, inputs, identity)

    def run(self, node: Node, folder: Any, context: Any) -> dict[str, Any]:
        from tfkd.pipeline.load_stage import run_load

        return run_load(node, folder, context)
