"""Noise stages: a model's figures on a corpus while its parameters have noise on them."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfkd.data.classes import Classes
from tfkd.data.examples import ExampleSet
from tfkd.data.files import write_atomically
from tfkd.data.strict_json import read_json
from tfkd.decoding import Decoder, build_search
from tfkd.evaluation import (
    TEXT_SCORES,
    WITH_LINE_ENDS,
    NamedTensor,
    Spread,
    accuracy,
    loss,
    perplexity,
    perturbed,
    word_perplexity,
)
from tfkd.models.named_tensors import blocks_by_path
from tfkd.models.weights import variables_by_path
from tfkd.pipeline.class_stages import classes_of
from tfkd.pipeline.classification import Classified, measured, positive_place
from tfkd.pipeline.context import Context
from tfkd.pipeline.evaluate_stage import view_of
from tfkd.pipeline.fresh_start import fresh_start
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import model_options, part_of, side_tokenizers
from tfkd.pipeline.models import check_lengths, trained_model
from tfkd.pipeline.output_shards import shard
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.text_likelihood import TextLikelihood, words_of
from tfkd.pipeline.text_metrics import is_text, text_settings
from tfkd.pipeline.text_stages import open_text
from tfkd.pipeline.tuned_decode import decode_of
from tfkd.pipeline.validation import TeacherForced

NOISE = "noise.json"
_RATIO = {
    "loss": (loss, "nll"),
    "perplexity": (perplexity, "nll"),
    "accuracy": (accuracy, "correct"),
}
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

    found: dict[str, list[dict[str, Any]]] = {name: [] for name in _names(options["metrics"])}
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
    metrics: Sequence[str] = node.options["metrics"]
    classes = classes_of(node.inputs["model"], context)
    if classes is not None:
        return _class_measure(node, Classified(model, examples, view), classes)
    ratios = [metric for metric in metrics if metric in _RATIO]
    texts = [metric for metric in metrics if is_text(metric)]
    forced = TeacherForced(model, examples, view) if ratios else None
    outputs = _outputs(node, model, examples, view, context) if texts else None
    references = list(open_text(node.inputs["text"], context).lines("target")) if texts else []
    words = _word_perplexities(node, model, context) if "word_perplexity" in metrics else None

    def measure() -> Figures:
        found: dict[str, float] = {} if words is None else dict(words())
        if forced is not None:
            sums = forced.rows()
            for metric in ratios:
                figure, name = _RATIO[metric]
                with np.errstate(over="ignore", invalid="ignore"):
                    found[metric] = figure(sums[name], sums["positions"], samples=1).value
            if not np.isfinite(sums["nll"]).all():
                found |= dict.fromkeys(ratios, math.nan)
        if outputs is not None:
            lines = outputs()
            for metric in texts:
                settings = _text_settings(node.options, metric)
                score = TEXT_SCORES[metric](lines, references, samples=1, **settings)
                found[metric] = score.value
        return {name: _finite(found[name]) for name in _names(metrics)}

    return measure


def _names(metrics: Sequence[str]) -> list[str]:
    """The figures of some metrics: word perplexities come in two."""
    more = [WITH_LINE_ENDS] if "word_perplexity" in metrics else []
    return [*metrics, *more]


def _word_perplexities(
    node: Node, model: Any, context: Context
) -> Callable[[], Mapping[str, float]]:
    """Both word perplexities of a text, which is opened once."""
    text, counted = TextLikelihood(node, model, context), words_of(node, context)

    def measure() -> Mapping[str, float]:
        nll, words = text.rows(), counted["words"]
        both = {False: words, True: words + counted["line_ends"]}
        with np.errstate(over="ignore", invalid="ignore"):
            scores = [
                word_perplexity(nll, counts, line_ends=line_ends, samples=1)
                for line_ends, counts in both.items()
            ]
        return {score.name: score.value for score in scores}

    return measure


def _class_measure(node: Node, classified: Classified, classes: Classes) -> Callable[[], Figures]:
    """The same of a classifier."""
    metrics, positive = node.options["metrics"], node.options.get("positive")
    positive_place(classes, positive, "evaluate")  # no class is told of before work is done

    def measure() -> Figures:
        with np.errstate(over="ignore", invalid="ignore"):
            rows = classified.rows()
            found = measured(rows, classes, metrics, positive, "evaluate")
        if not np.isfinite(rows["probability"]).all():
            return dict.fromkeys(metrics)
        return {metric: _finite(found[metric]) for metric in metrics}

    return measure


def _outputs(
    node: Node, model: Any, examples: ExampleSet, view: Any, context: Context
) -> Callable[[], list[str]]:
    tokenizers = side_tokenizers(node.inputs["model"], context)
    target = tokenizers["target"]
    search = build_search(decode_of(node, context))
    decoder = Decoder(model, search, tokenizers["source"], target)
    sources = examples.take("source", view.source, np.arange(len(examples)))
    return lambda: target.decode_batch(decoder.decode(sources).outputs)


def _text_settings(options: Mapping[str, Any], metric: str) -> dict[str, Any]:
    given = {name: options[name] for name in ("tokenize", "lower_case", "tokenized", "rouge")}
    return text_settings(metric, **given)


def _spread(values: Sequence[float | None]) -> dict[str, Any]:
    """Mean and spread of the draws; neither where one of them is no number any more."""
    if None in values:
        return {"mean": None, "spread": None, "values": list(values)}
    found = Spread.of(values)
    return {"mean": found.mean, "spread": found.spread, "values": found.values}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
