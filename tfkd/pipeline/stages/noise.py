"""Noise stages: an evaluation's figures while the model's parameters have noise on them."""

from typing import Any

from tfkd.evaluation.metrics import CLASSES, OUTPUTS, WORDS
from tfkd.pipeline.graph import Node
from tfkd.pipeline.identity import between_newlines, own_identity, plain, read_in_windows
from tfkd.pipeline.products import product
from tfkd.pipeline.stage import Stage
from tfkd.pipeline.stages.evaluate import decoded, read_by
from tfkd.spec import Spec


class NoiseStage(Stage):
    """Figures of one model on one corpus by strength of the noise."""

    kind = "noise"

    def node(
        self,
        graph: Any,
        spec: Spec,
        reference: str,
        corpus: str,
        entry: Any,
        decode: Any,
        tuned: Node | None = None,
    ) -> Node:
        """Args:
        graph: The graph's builder.
        spec: The spec.
        reference: The model's stage.
        corpus: The corpus.
        entry: The evaluation's options.
        decode: How outputs are made, for metrics that need them.
        tuned: Where that was chosen, if it was.
        """
        trained, inputs = read_by(graph, spec, reference, corpus)
        model, options_of = trained.model, trained.trained.options
        classes = "classes" in trained.trained.inputs
        metrics = entry.noise.measured(entry.metrics, classes)
        identity: dict[str, Any] = {
            "sigma": sorted({*entry.noise.sigma} - {0.0}),
            "draws": entry.noise.draws,
            "seed": entry.noise.seed,
            "metrics": list(metrics),
        }
        if "f1" in metrics and entry.positive is not None:
            identity["positive"] = entry.positive
        made = {CLASSES} if classes else {*map(product, metrics)}
        if WORDS in made:
            identity |= read_in_windows(model, options_of)
            identity |= {} if entry.context is None else {"context": entry.context}
        options = {"corpus": corpus, "decode": decode, "context": entry.context, **identity}
        texts = {"tokenize": entry.tokenize, "lower_case": entry.lower_case}
        counted = {"tokenized": entry.tokenized, "rouge": entry.rouge}
        own = {"metric_options": entry.metric_options}
        if OUTPUTS in made:
            identity |= decoded(inputs, decode, tuned) | texts
            identity |= {name: chosen for name, one in counted.items() if (chosen := plain(one))}
        identity |= between_newlines(model, options_of) | own_identity(entry, metrics)
        label = f"{trained.label} on {corpus}"
        return Node(self.kind, label, spec, options | texts | counted | own, inputs, identity)

    def run(self, node: Node, folder: Any, context: Any) -> dict[str, Any]:
        from tfkd.pipeline.noise_stage import run_noise

        return run_noise(node, folder, context)


STAGE = NoiseStage
