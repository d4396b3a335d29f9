"""What the graph has for what comes of models: evaluations, noise and exports."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tfkd.pipeline.class_nodes import said_setting
from tfkd.pipeline.graph import Node
from tfkd.pipeline.identity import between_newlines, decode_identity, plain, read_in_windows
from tfkd.pipeline.letter_case import lower_cased
from tfkd.pipeline.products import CONTINUED, MASKED, PRODUCT
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.options import reads_pairs

# Options of an evaluation that a metric counts by.
_COUNTED_BY = {
    "bleu": ("tokenize", "lower_case"),
    "chrf": ("lower_case",),
    "tokenized_bleu": ("lower_case", "tokenized"),
}
# K of an evaluation's coverage, unless the teacher that it is compared with stored another.
TOP_K = 8


class EvaluationNodes:
    """The part of `GraphBuilder` that knows what is made of a stage's model."""

    corpus: Callable[[Spec, str], Node]
    stage: Callable[[Spec, str], Node]
    _class_evaluation: Callable[[Spec, Node, str, dict[str, Node]], Node]
    _part: Callable[..., dict[str, Node]]

    def evaluation(
        self,
        spec: Spec,
        reference: str,
        corpus: str,
        metrics: tuple[str, ...],
        decode: Any,
        top_k: int = TOP_K,
        context: int | None = None,
        tuned: Node | None = None,
    ) -> Node:
        """A model's outputs and teacher-forced figures (coverage by `top_k`) on a corpus; with
        `tuned` it is decoded with the setting that was chosen there."""
        trained = self.stage(spec, reference)
        model = trained.spec.models[trained.options.train]
        inputs = {"model": trained, "text": self.corpus(spec, corpus)}
        classes = trained.inputs.get("classes")
        inputs |= self._part(spec, "data", corpus, model, False, classes)
        if classes is not None:
            return self._class_evaluation(spec, trained, corpus, inputs)
        wanted = tuple(sorted({PRODUCT[metric] for metric in metrics}))
        identity: dict[str, Any] = {"products": wanted, **between_newlines(model, trained.options)}
        if {"outputs", CONTINUED} & set(wanted):
            identity |= _decoded(inputs, decode, tuned)
        if {"figures", MASKED} & set(wanted) and top_k != TOP_K:
            identity["top_k"] = top_k
        if "words" in wanted:
            identity |= read_in_windows(model, trained.options)
            identity |= {} if context is None else {"context": context}
        options = {
            "corpus": corpus,
            "products": wanted,
            "decode": decode,
            "top_k": top_k,
            "context": context,
        }
        label = f"{trained.label} on {corpus}"
        return Node("evaluate", label, spec, options, inputs, identity)

    def tune(self, spec: Spec, reference: str, entry: Any) -> Node:
        """The choice of a model's decoding by an evaluation's `choose`: of each setting an
        evaluation on the validation corpus is an input.

        Raises:
            UserError: The model, one of another spec, writes no outputs.
        """
        trained = self.stage(spec, reference)
        choose = entry.choose
        if not reads_pairs(trained.spec.models[trained.options.train]):
            raise UserError(
                f"evaluate: {trained.label} writes no outputs that choose could judge by "
                f"{choose.by}; take choose out, or evaluate an encoder-decoder"
            )
        inputs = {}
        for place, (setting, decode) in enumerate(choose.trials):
            one = self.evaluation(spec, reference, choose.corpus, (choose.metric,), decode)
            label = f"{one.label} [{said_setting(setting)}]"
            inputs[f"trial.{place}"] = replace(one, label=label)
        counted = _COUNTED_BY.get(choose.metric, ("rouge",))
        identity = {
            "metric": choose.metric,
            "settings": [setting for setting, _ in choose.trials],
            **plain(entry, without=type(entry).model_fields.keys() - {*counted}),
        }
        return Node("tune", trained.label, spec, entry, inputs, identity)

    def noise(
        self,
        spec: Spec,
        reference: str,
        corpus: str,
        entry: Any,
        decode: Any,
        tuned: Node | None = None,
    ) -> Node:
        """An evaluation's figures on a corpus while the model's parameters have noise on them.

        Args:
            spec: The spec.
            reference: The model's stage.
            corpus: The corpus.
            entry: The evaluation's options.
            decode: How outputs are made, for metrics that need them.
            tuned: Where that was chosen, if it was.
        """
        trained = self.stage(spec, reference)
        model = trained.spec.models[trained.options.train]
        inputs = {"model": trained, "text": self.corpus(spec, corpus)}
        classes = trained.inputs.get("classes")
        inputs |= self._part(spec, "data", corpus, model, False, classes)
        metrics = entry.noise.measured(entry.metrics)
        identity: dict[str, Any] = {
            "sigma": sorted({*entry.noise.sigma} - {0.0}),
            "draws": entry.noise.draws,
            "seed": entry.noise.seed,
            "metrics": list(metrics),
        }
        if "f1" in metrics and entry.positive is not None:
            identity["positive"] = entry.positive
        if "word_perplexity" in metrics:
            identity |= read_in_windows(model, trained.options)
            identity |= {} if entry.context is None else {"context": entry.context}
        options = {"corpus": corpus, "decode": decode, "context": entry.context, **identity}
        texts = {"tokenize": entry.tokenize, "lower_case": entry.lower_case}
        counted = {"tokenized": entry.tokenized, "rouge": entry.rouge}
        if "outputs" in {PRODUCT[metric] for metric in metrics}:
            identity |= _decoded(inputs, decode, tuned) | texts
            identity |= {name: chosen for name, one in counted.items() if (chosen := plain(one))}
        identity |= between_newlines(model, trained.options)
        label = f"{trained.label} on {corpus}"
        return Node("noise", label, spec, options | texts | counted, inputs, identity)

    def export(self, spec: Spec, reference: str, decode: Any, tuned: Node | None = None) -> Node:
        """A model's SavedModel; with `tuned` it decodes with the setting that was chosen there."""
        trained = self.stage(spec, reference)
        corpus = trained.inputs.get("validate", trained.inputs["data.0.corpus"])
        inputs = {"model": trained, "text": corpus}
        identity = {} if "classes" in trained.inputs else _decoded(inputs, decode, tuned)
        identity |= between_newlines(trained.spec.models[trained.options.train], trained.options)
        if lower_cased(trained):
            identity["lower_case"] = True
        return Node("export", trained.label, spec, {"decode": decode}, inputs, identity)


def _decoded(inputs: dict[str, Node], decode: Any, tuned: Node | None) -> dict[str, Any]:
    """What an identity says of a decoding: nothing of one that is chosen, which is among the inputs
    then, with all that was tried."""
    if tuned is None:
        return decode_identity(decode)
    inputs["tuned"] = tuned
    return {}
