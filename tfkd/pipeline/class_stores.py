"""A classifier's distributions: how they are scored, and how a student finds them."""

from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.objectives.prediction import predictor
from tfkd.pipeline.class_stages import classes_of
from tfkd.pipeline.classification import HEAD
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import part_of, views_of
from tfkd.pipeline.progress import told_progress
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.validation import measured_view
from tfkd.spec.metrics import TEACHER_FORCED
from tfkd.targets import Header, PartStores, SoftTargetStore, StoreWriter
from tfkd.targets.class_scoring import score_classes


def run_class_scores(
    model: Any, node: Node, folder: StageFolder, context: Context
) -> dict[str, Any]:
    """Scores each corpus of a scoring stage into `store-I/`, every class of every row."""
    options, teacher = node.options, node.inputs["model"]
    classes = classes_of(teacher, context)
    (view,) = views_of(teacher, {measured_view(teacher)}, context).values()
    predict = predictor(model, classes.size, head=HEAD)
    totals, rows = [], 0
    for index, part in enumerate(options.data):
        examples = ExampleSet([part_of(node, f"data.{index}", part.of, context)])
        header = Header(
            corpus=node.corpora[index].fingerprint,
            vocabulary=classes.fingerprint(),
            vocabulary_size=classes.size,
            top_k=classes.size,
            examples=len(examples),
            details={"read": "classes", "stage": node.key},
        )
        store = score_classes(
            predict,
            examples,
            view,
            StoreWriter(folder.path / f"store-{index}", header),
            batch_tokens=options.batch_tokens,
            progress=told_progress(f"{node.label}: {part.of}", context),
        )
        totals.append(store.metrics)
        rows += store.rows
    return _summary(totals, rows, classes.size)


def _summary(totals: list[dict[str, float]], rows: int, classes: int) -> dict[str, Any]:
    positions = sum(one["positions"] for one in totals)
    means = {
        name: sum(one.get(name, 0.0) * one["positions"] for one in totals) / max(1, positions)
        for name in ("accuracy", "loss", "entropy")
    }
    brief = f"{rows:,} rows, {classes:,} classes each"
    if positions:
        share = 100 * means["accuracy"]
        brief += f"; the teacher is right at {share:.1f} % of {positions:,} labelled ones"
    else:
        brief += "; none of them has a label"
    return {TEACHER_FORCED: {"positions": positions, **means}, "tokens": rows, "brief": brief}


class RowStores:
    """The stores of an example set's parts with one row an example, as what a batcher calls."""

    def __init__(self, stores: list[SoftTargetStore | None]):
        self._parts = PartStores(stores)
        self.stores = self._parts.stores

    def __call__(
        self, example_set: ExampleSet, examples: np.ndarray, width: int
    ) -> dict[str, np.ndarray]:
        """As `PartStores`, of width 1."""
        return self._parts(example_set, examples, 1)
