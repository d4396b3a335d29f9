"""Noise stages: an evaluation's metrics while the model's parameters have noise on them."""

import json
import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from tfkd.data.files import write_atomically
from tfkd.data.strict_json import read_json
from tfkd.evaluation import NamedTensor, OverDraws, perturbed
from tfkd.evaluation.asked_metrics import measured, metrics_of
from tfkd.evaluation.metrics import OUTPUTS, WORDS
from tfkd.evaluation.results.form import renamed
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.identity import between_newlines, own_identity, plain, read_in_windows
from tfkd.pipeline.engine.output_shards import shard
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.pipeline.inputs.tuned_decode import decode_of
from tfkd.pipeline.stages.evaluate import measured as measured_by
from tfkd.pipeline.stages.evaluate import read_by
from tfkd.pipeline.tasks.task import Measured
from tfkd.pipeline.tasks.words import decoded
from tfkd.spec import Spec
from tfkd.spec.metrics import about
from tfkd.spec.metrics import measured as names_measured

_FILE = "noise.json"
_Values = dict[str, float | None]


class NoiseStage(Stage):
    """Metrics of one model on one corpus by strength of the noise."""

    kind = "noise"
    unit = "rows"

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
        metrics = entry.noise.measured(entry.metrics, trained.task.Options.products)
        identity: dict[str, Any] = {
            "sigma": sorted({*entry.noise.sigma} - {0.0}),
            "draws": entry.noise.draws,
            "seed": entry.noise.seed,
            "metrics": list(metrics),
        }
        of_one_class = any(about(metric).of_one_class for metric in metrics)
        if of_one_class and entry.positive is not None:
            identity["positive"] = entry.positive
        made = {*trained.task.products(metrics)}
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
        from tfkd.pipeline.engine.fresh_start import fresh_start

        fresh_start()
        options = node.options
        model, on = measured_by(node, context)
        measure = _measure(on, model)
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
        return {
            "rows": len(on.examples),
            "brief": f"{draws} draws of {len(options['sigma'])} sigmas",
        }


def read_noise(node: Node, context: Context) -> dict[str, Any]:
    """What a noise stage wrote, with its seed and number of draws: the form of results.json."""
    return {
        "seed": node.options["seed"],
        "draws": node.options["draws"],
        # Earlier versions called `std` otherwise.
        "metrics": renamed(read_json(context.stages / node.key / _FILE), {"spread": "std"}),
    }


def _measure(on: Measured, model: Any) -> Callable[[], _Values]:
    """The callable that measures the model as its weights are; graphs are traced once."""
    node, context = on.node, on.context
    options = SimpleNamespace(**node.options)
    metrics, products = metrics_of(options), {*node.task.products(options.metrics)}
    asked: dict[str, Any] = {"positive": getattr(options, "positive", None)}
    references = sources = None
    if OUTPUTS in products:
        text = open_text(node.inputs[Role.TEXT], context)
        references, sources = list(text.lines("target")), list(text.lines("source"))
        asked["decode"] = decode_of(node, context)
    made = node.task.made(on, products, **asked)(model)
    finite = {kind: lambda make=make: _of_numbers(make()) for kind, make in made.items()}

    def measure() -> _Values:
        found = measured(metrics, finite, references, sources)
        return {name: _finite(value) for name, value in found.items()}

    return measure


def _of_numbers(product: Any) -> Any:
    """What a model makes; None where its likelihoods are no numbers any more."""
    nll = getattr(product, "nll", None)
    return product if nll is None or np.isfinite(nll).all() else None


def _over_draws(values: Sequence[float | None]) -> dict[str, Any]:
    """Mean and std of the draws; neither where one of them is no number any more."""
    if None in values:
        return {"mean": None, "std": None, "values": list(values)}
    found = OverDraws.of(values)
    return {"mean": found.mean, "std": found.std, "values": found.values}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


STAGE = NoiseStage
