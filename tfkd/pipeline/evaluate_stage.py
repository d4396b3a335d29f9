"""Evaluation stages: a model's outputs on a corpus, and how it predicts the reference."""

import json
from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.files import write_atomically
from tfkd.data.views import build_view
from tfkd.decoding import Decoder, MaskPredict, build_search
from tfkd.evaluation.metrics import CLASSES, TEACHER_FORCED
from tfkd.objectives.prediction_sums import teacher_forced_metrics
from tfkd.pipeline.class_stages import classes_of
from tfkd.pipeline.classification import evaluate_classes
from tfkd.pipeline.context import Context
from tfkd.pipeline.context_check import beside_itself
from tfkd.pipeline.continuations import write_continuations
from tfkd.pipeline.fresh_start import fresh_start
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import (
    model_options,
    named_tokenizers,
    part_of,
    plain_view,
    side_tokenizers,
    views_of,
)
from tfkd.pipeline.models import check_lengths, trained_model
from tfkd.pipeline.output_shards import shard
from tfkd.pipeline.products import CONTINUED, MASKED
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.text_likelihood import TextLikelihood, words_of
from tfkd.pipeline.text_stages import open_text
from tfkd.pipeline.tuned_decode import decode_of
from tfkd.pipeline.validation import TeacherForced, measured_view
from tfkd.spec.options import MlmOptions

_SHARD_ROWS = 256
TRACE = "trace.json"
WORDS = "words.npz"
_TRACED = 3


def run_evaluate(node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
    """Writes what the metrics are computed from: `rows.npz` (sums by row), `hypotheses.txt` and
    `round_trip.txt`, `words.npz`, `continuations.json`."""
    fresh_start()
    trained = node.inputs["model"]
    model = trained_model(trained, context)
    examples = ExampleSet([part_of(node, "data", node.options["corpus"], context)])
    view = view_of(trained, context)
    check_lengths(model_options(trained), trained.trained.options.train, examples, view, node.label)
    summary: dict[str, Any] = {"rows": len(examples)}
    if TEACHER_FORCED in node.options["products"]:
        sums = TeacherForced(model, examples, view, node.options["top_k"]).rows()
        write_atomically(
            folder.path / "rows.npz",
            lambda file: np.savez(
                file, nll=sums["nll"], correct=sums["correct"], tokens=sums["positions"]
            ),
        )
        summary[TEACHER_FORCED] = teacher_forced_metrics(sums)
        context.deadline.check()
    if CLASSES in node.options["products"]:
        classes = classes_of(trained, context)
        summary |= evaluate_classes(model, examples, view, classes, folder.path)
    if "words" in node.options["products"]:
        _words(node, model, folder, context)
    if MASKED in node.options["products"]:
        summary |= beside_itself(
            model_options(trained), model, examples, view, node.options["top_k"]
        )
    if CONTINUED in node.options["products"]:
        write_continuations(node, model, folder, context)
    if "outputs" in node.options["products"]:
        _outputs(node, model, examples, view, folder, context)
    return summary


def _words(node: Node, model: Any, folder: StageFolder, context: Context) -> None:
    """Writes the text's negative log-likelihood by row, with the words and ends of lines of its
    tokenized original."""
    nll = TextLikelihood(node, model, context).rows()
    counted = words_of(node, context)
    write_atomically(folder.path / WORDS, lambda file: np.savez(file, nll=nll, **counted))


def view_of(trained: Node, context: Context) -> Any:
    """What a model is measured in; a checkpoint, in BERT's own masks, or as GPT-2 reads text."""
    trained = trained.trained
    if trained.kind != "load":
        return next(iter(views_of(trained, {measured_view(trained)}, context).values()))
    model, tokenizers = model_options(trained), named_tokenizers(trained, context)
    if model.is_causal:
        return plain_view(model, tokenizers)
    longest = min(MlmOptions().max_length, model.max_length)
    return build_view("mlm", model.tokenizers, tokenizers, name="masked", max_length=longest)


def _outputs(
    node: Node, model: Any, examples: ExampleSet, view: Any, folder: StageFolder, context: Context
) -> None:
    """Decodes in shards, each written whole: a killed evaluation goes on with the next."""
    tokenizers = side_tokenizers(node.inputs["model"], context)
    search = build_search(decode_of(node, context))
    decoder = Decoder(model, search, tokenizers["source"], tokenizers["target"])

    def decoded(rows: np.ndarray) -> dict[str, list[str]]:
        context.deadline.check()
        outputs = decoder.decode(examples.take("source", view.source, rows)).outputs
        return {"lines": tokenizers["target"].decode_batch(outputs)}

    hypotheses: list[str] = []
    for start in range(0, len(examples), _SHARD_ROWS):
        rows = np.arange(start, min(start + _SHARD_ROWS, len(examples)))
        name = f"outputs-{start:08d}.json"
        hypotheses += shard(folder, name, lambda rows=rows: decoded(rows))["lines"]
    text = open_text(node.inputs["text"], context)
    references = list(text.lines("target"))
    if isinstance(search, MaskPredict):
        _trace(decoder, examples, view, text, folder)
    target = tokenizers["target"]
    round_trip = target.decode_batch(target.encode(references))
    for name, lines in (("hypotheses", hypotheses), ("round_trip", round_trip)):
        one_line = [line.replace("\n", " ") for line in lines]
        write_atomically(folder.path / f"{name}.txt", "\n".join(one_line) + "\n")


def _trace(
    decoder: Decoder, examples: ExampleSet, view: Any, text: Any, folder: StageFolder
) -> None:
    """Writes how a few outputs came about, pass by pass."""
    rows = np.linspace(0, len(examples) - 1, min(_TRACED, len(examples))).astype(int)
    found = [
        {"source": text.line("source", int(row)), "passes": passes}
        for row, passes in zip(
            rows, decoder.trace(examples.take("source", view.source, rows)), strict=True
        )
    ]
    write_atomically(folder.path / TRACE, json.dumps(found, ensure_ascii=False, indent=1))
