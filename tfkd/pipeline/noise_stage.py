"""Noise stages: a model's figures on a corpus while its parameters have noise on them."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.files import write_atomically
from tfkd.data.strict_json import read_json
from tfkd.decoding import Decoder, build_search
from tfkd.evaluation import NamedTensor, RowSums, Spread, WordSums, perturbed
from tfkd.evaluation.metrics import CLASSES, FIGURES, OUTPUTS, WORDS
from tfkd.models.named_tensors import blocks_by_path
from tfkd.models.weights import variables_by_path
from tfkd.pipeline.class_stages import classes_of
from tfkd.pipeline.classification import Classified, positive_place, predicted
from tfkd.pipeline.context import Context
from tfkd.pipeline.evaluate_stage import view_of
from tfkd.pipeline.fresh_start import fresh_start
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import model_options, part_of, side_tokenizers
from tfkd.pipeline.metrics import measured, metrics_of
from tfkd.pipeline.models import check_lengths, trained_model
from tfkd.pipeline.output_shards import shard
from tfkd.pipeline.products import product
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.text_likelihood import TextLikelihood, words_of
from tfkd.pipeline.text_stages import open_text
from tfkd.pipeline.tuned_decode import decode_of
from tfkd.pipeline.validation import TeacherForced
from tfkd.spec.metrics import measured as figures_of

NOISE = "noise.json"
Figures = dict[str, float | None]


def run_noise(node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
    """Writes `noise.json`: `{METRIC: [{"sigma", "mean", "spread", "values"}]}`, sigma 0 first.

    Each draw of each sigma is kept as soon as it is made: a killed stage goes on with the next.
    """
    fresh_start()
    trained, options = node.inputs["model"], node.options
    model = trained_model(trained, context)
    examples = ExampleSet([part_of(node, "data", options["corpus"], context)])
    view = view_of(trained, context)
    check_lengths(model_options(trained), trained.trained.options.train, examples, view, node.label)
    measure = _measure(node, model, examples, view, context)
    blocks = blocks_by_path(model)
    tensors = {
        name: NamedTensor(variable, blocks[name])
        for name, variable in variables_by_path(model).items()
    }
    seed, draws = options["seed"], options["draws"]

    def drawn(sigma: float, draw: int) -> Figures:
        context.deadline.check()
        with perturbed(tensors, sigma, seed=seed, draw=draw):
            return measure()

    found: dict[str, list[dict[str, Any]]] = {name: [] for name in figures_of(options["metrics"])}
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
            points.append({"sigma": sigma, **_spread([one[metric] for one in several])})
    write_atomically(folder.path / NOISE, json.dumps(found, indent=1))
    return {"rows": len(examples), "brief": f"{draws} draws of {len(options['sigma'])} sigmas"}


def read_noise(node: Node, context: Context) -> dict[str, Any]:
    """What a noise stage wrote, with its seed and number of draws: the form of results.json."""
    return {
        "seed": node.options["seed"],
        "draws": node.options["draws"],
        "metrics": read_json(context.stages / node.key / NOISE),
    }


def _measure(
    node: Node, model: Any, examples: ExampleSet, view: Any, context: Context
) -> Callable[[], Figures]:
    """The callable that measures the model as its weights are; graphs are traced once."""
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
    if FIGURES in asked:
        forced = TeacherForced(model, examples, view)
        products[FIGURES] = lambda: _sums(forced.rows())
    if OUTPUTS in asked:
        products[OUTPUTS] = _outputs(node, model, examples, view, context)
        references, sources = list(text.lines("target")), list(text.lines("source"))
    if WORDS in asked:
        likelihood, counted = TextLikelihood(node, model, context), words_of(node, context)
        products[WORDS] = lambda: WordSums(likelihood.rows(), **counted)

    def measure() -> Figures:
        found = measured(metrics, products, references, sources)
        return {name: _finite(value) for name, value in found.items()}

    return measure


def _sums(sums: Mapping[str, np.ndarray]) -> RowSums | None:
    """A model's figures; None where its outputs are no numbers any more."""
    if not np.isfinite(sums["nll"]).all():
        return None
    return RowSums(sums["nll"], sums["correct"], sums["positions"])


def _classes(rows: Mapping[str, np.ndarray], size: int, positive: int | None) -> Any:
    """A classifier's guesses; None where their probabilities are no numbers any more."""
    return predicted(rows, size, positive) if np.isfinite(rows["probability"]).all() else None


def _outputs(
    node: Node, model: Any, examples: ExampleSet, view: Any, context: Context
) -> Callable[[], list[str]]:
    tokenizers = side_tokenizers(node.inputs["model"], context)
    target = tokenizers["target"]
    search = build_search(decode_of(node, context))
    decoder = Decoder(model, search, tokenizers["source"], target)
    sources = examples.take("source", view.source, np.arange(len(examples)))
    return lambda: target.decode_batch(decoder.decode(sources).outputs)


def _spread(values: Sequence[float | None]) -> dict[str, Any]:
    """Mean and spread of the draws; neither where one of them is no number any more."""
    if None in values:
        return {"mean": None, "spread": None, "values": list(values)}
    found = Spread.of(values)
    return {"mean": found.mean, "spread": found.spread, "values": found.values}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
