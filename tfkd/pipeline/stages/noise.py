"""Noise stages: an evaluation's metrics while the model's parameters have noise on them."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.files import write_atomically
from tfkd.data.strict_json import read_json
from tfkd.evaluation import NamedTensor, OverDraws, RowSums, WordSums, perturbed
from tfkd.evaluation.metrics import CLASSES, OUTPUTS, TEACHER_FORCED, WORDS
from tfkd.evaluation.results import renamed
from tfkd.pipeline.class_stages import classes_of
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.identity import between_newlines, own_identity, plain, read_in_windows
from tfkd.pipeline.metrics import measured, metrics_of
from tfkd.pipeline.output_shards import shard
from tfkd.pipeline.products import product
from tfkd.pipeline.stage import Stage
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.stages.evaluate import decoded, read_by
from tfkd.pipeline.text_stages import open_text
from tfkd.pipeline.tuned_decode import decode_of
from tfkd.spec import Spec
from tfkd.spec.metrics import about
from tfkd.spec.metrics import measured as names_measured

_FILE = "noise.json"
_Values = dict[str, float | None]


class NoiseStage(Stage):
    """Metrics of one model on one corpus by strength of the noise."""

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
        of_one_class = any(about(metric).of_one_class for metric in metrics)
        if of_one_class and entry.positive is not None:
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

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Writes `noise.json`: `{METRIC: [{"sigma", "mean", "std", "values"}]}`, sigma 0 first.

        Each draw of each sigma is kept as soon as it is made: a killed stage goes on with the next.
        """
        from tfkd.models.named_tensors import blocks_by_path
        from tfkd.models.weights import variables_by_path
        from tfkd.pipeline.evaluate_stage import view_of
        from tfkd.pipeline.fresh_start import fresh_start
        from tfkd.pipeline.inputs import part_of
        from tfkd.pipeline.models import check_lengths, trained_model

        fresh_start()
        trained, options = node.inputs["model"], node.options
        model = trained_model(trained, context)
        examples = ExampleSet([part_of(node, "data", options["corpus"], context)])
        view = view_of(trained, context)
        check_lengths(trained.model, trained.trained.options.train, examples, view, node.label)
        measure = _measure(node, model, examples, view, context)
        blocks = blocks_by_path(model)
        tensors = {
            name: NamedTensor(variable, blocks[name])
            for name, variable in variables_by_path(model).items()
        }
        seed, draws = options["seed"], options["draws"]

        def drawn(sigma: float, draw: int) -> _Values:
            context.deadline.check()
            with perturbed(tensors, sigma, seed=seed, draw=draw):
                return measure()

        found: dict[str, list[dict[str, Any]]] = {
            name: [] for name in names_measured(options["metrics"])
        }
        for place, sigma in enumerate([0.0, *options["sigma"]]):
            several = [
                shard(
                    folder,
                    f"noise-{place:03d}-{draw:04d}.json",
                    lambda sigma=sigma, draw=draw: drawn(sigma, draw),
                )
                for draw in range(draws if sigma else 1)
            ]
            for metric, points in found.items():
                points.append({"sigma": sigma, **_over_draws([one[metric] for one in several])})
        write_atomically(folder.path / _FILE, json.dumps(found, indent=1))
        return {"rows": len(examples), "brief": f"{draws} draws of {len(options['sigma'])} sigmas"}


def read_noise(node: Node, context: Context) -> dict[str, Any]:
    """What a noise stage wrote, with its seed and number of draws: the form of results.json."""
    return {
        "seed": node.options["seed"],
        "draws": node.options["draws"],
        # Earlier versions called `std` otherwise.
        "metrics": renamed(read_json(context.stages / node.key / _FILE), {"spread": "std"}),
    }


def _measure(
    node: Node, model: Any, examples: ExampleSet, view: Any, context: Context
) -> Callable[[], _Values]:
    """The callable that measures the model as its weights are; graphs are traced once."""
    from tfkd.pipeline.classification import Classified, positive_place
    from tfkd.pipeline.text_likelihood import TextLikelihood, words_of
    from tfkd.pipeline.validation import TeacherForced

    options = SimpleNamespace(**node.options)
    metrics = metrics_of(options)
    text = open_text(node.inputs["text"], context)
    classes = classes_of(node.inputs["model"], context)
    asked = {CLASSES} if classes is not None else {*map(product, options.metrics)}
    references = sources = None
    products: dict[str, Callable[[], Any]] = {}
    if classes is not None:
        # No class is told of before work is done.
        positive = positive_place(classes, getattr(options, "positive", None), "evaluate")
        classified = Classified(model, examples, view)
        products[CLASSES] = lambda: _classes(classified.rows(), classes.size, positive)
    if TEACHER_FORCED in asked:
        forced = TeacherForced(model, examples, view)
        products[TEACHER_FORCED] = lambda: _sums(forced.rows())
    if OUTPUTS in asked:
        products[OUTPUTS] = _outputs(node, model, examples, view, context)
        references, sources = list(text.lines("target")), list(text.lines("source"))
    if WORDS in asked:
        likelihood, counted = TextLikelihood(node, model, context), words_of(node, context)
        products[WORDS] = lambda: WordSums(likelihood.rows(), **counted)

    def measure() -> _Values:
        found = measured(metrics, products, references, sources)
        return {name: _finite(value) for name, value in found.items()}

    return measure


def _sums(sums: Mapping[str, np.ndarray]) -> RowSums | None:
    """A model's sums by row; None where its outputs are no numbers any more."""
    if not np.isfinite(sums["nll"]).all():
        return None
    return RowSums(sums["nll"], sums["correct"], sums["positions"])


def _classes(rows: Mapping[str, np.ndarray], size: int, positive: int | None) -> Any:
    """A classifier's guesses; None where their probabilities are no numbers any more."""
    from tfkd.pipeline.classification import predicted

    return predicted(rows, size, positive) if np.isfinite(rows["probability"]).all() else None


def _outputs(
    node: Node, model: Any, examples: ExampleSet, view: Any, context: Context
) -> Callable[[], list[str]]:
    from tfkd.decoding import Decoder, build_search
    from tfkd.pipeline.inputs import side_tokenizers

    tokenizers = side_tokenizers(node.inputs["model"], context)
    target = tokenizers["target"]
    search = build_search(decode_of(node, context))
    decoder = Decoder(model, search, tokenizers["source"], target)
    sources = examples.take("source", view.source, np.arange(len(examples)))
    return lambda: target.decode_batch(decoder.decode(sources).outputs)


def _over_draws(values: Sequence[float | None]) -> dict[str, Any]:
    """Mean and std of the draws; neither where one of them is no number any more."""
    if None in values:
        return {"mean": None, "std": None, "values": list(values)}
    found = OverDraws.of(values)
    return {"mean": found.mean, "std": found.std, "values": found.values}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


STAGE = NoiseStage
