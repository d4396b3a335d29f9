"""Scoring stages: a teacher's top K for every target word, one store for each corpus."""

from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.objectives.prediction import Predict, predictor
from tfkd.pipeline.class_stores import run_class_scores
from tfkd.pipeline.context import Context
from tfkd.pipeline.fresh_start import fresh_start
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import label_map, part_of, side_tokenizers, views_of
from tfkd.pipeline.models import trained_model
from tfkd.pipeline.progress import told_progress
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.text_stages import place
from tfkd.spec.errors import UserError
from tfkd.targets import Header, SoftTargetStore, StoreWriter, score_masked, score_previous


def run_score(node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
    """Scores each corpus into `store-I/`; goes on after the last whole shard."""
    fresh_start()
    options, teacher = node.options, node.inputs["model"]
    model = trained_model(
        teacher, context, precision=getattr(teacher.trained.options, "precision", "float32")
    )
    if "classes" in teacher.trained.inputs:
        return run_class_scores(model, node, folder, context)
    tokenizers = side_tokenizers(teacher, context)
    tokenizer = tokenizers.get("head", tokenizers["text"])
    (view,) = views_of(teacher, {None}, context).values()
    predict = _predicting(predictor(model, options.top_k), label_map(teacher, context))
    settings: dict[str, Any] = {
        "max_length": min(options.max_length, model_limit(teacher)),
        "batch_tokens": options.batch_tokens,
    }
    if options.read == "masked":
        settings["passes"] = options.passes
    score = score_masked if options.read == "masked" else score_previous
    figures, rows = [], 0
    for index, part in enumerate(options.data):
        examples = ExampleSet([part_of(node, f"data.{index}", part.of, context)])
        header = Header(
            corpus=node.corpora[index].fingerprint,
            vocabulary=tokenizer.fingerprint(),
            vocabulary_size=tokenizer.size,
            top_k=options.top_k,
            examples=len(examples),
            details={"read": options.read, "passes": options.passes, "stage": node.key},
        )
        store = score(
            predict,
            examples,
            view,
            StoreWriter(folder.path / f"store-{index}", header),
            progress=told_progress(f"{node.label}: {part.of}", context),
            **settings,
        )
        figures.append(store.figures)
        rows += store.rows
    joined = _joined(figures, node.label, settings["max_length"])
    summary: dict[str, Any] = {"figures": joined, "tokens": rows}
    found = summary["figures"]
    summary["brief"] = (
        f"{rows:,} tokens; the teacher is right at {100 * found['accuracy']:.1f} %, the right word "
        f"is in its top {options.top_k} at {100 * found['coverage']:.1f} %"
    )
    return summary


def _predicting(predict: Predict, table: np.ndarray | None) -> Predict:
    """The predictor, asked for the right words in the vocabulary that the head predicts."""
    if table is None:
        return predict
    return lambda record: predict({**record, "labels": table[record["labels"]]})


def model_limit(teacher: Node) -> int:
    """The most tokens that a teacher reads."""
    return teacher.model.max_length


def open_store(node: Node, index: int, vocabulary: str, context: Context) -> SoftTargetStore:
    """The store of a scoring stage's corpus number `index`.

    Raises:
        UserError: It is of another corpus, or its ids are not the student's.
    """
    folder = place(node, context).path / f"store-{index}"
    corpus = node.corpora[index].fingerprint
    return SoftTargetStore(folder, corpus=corpus, vocabulary=vocabulary, verify=False)


def _joined(figures: list[dict[str, float]], label: str, limit: int) -> dict[str, float]:
    """Means over the positions of all corpora."""
    figures = [one for one in figures if one["positions"]]
    positions = sum(one["positions"] for one in figures)
    if not positions:
        raise UserError(
            f"{label}: nothing was scored: every pair is longer than {limit} tokens; raise "
            "max_length of the stage and of its teacher, or shorten the corpus"
        )
    joined = {
        name: sum(one[name] * one["positions"] for one in figures) / positions
        for name in figures[0]
        if name != "positions"
    }
    return {"positions": positions, **joined}
