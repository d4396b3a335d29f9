"""What a training stage measures on its validation corpus."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.side_by_side import side_by_side
from tfkd.decoding import Decoder, build_search
from tfkd.evaluation import RowSums
from tfkd.evaluation.metrics import CLASSES, OUTPUTS, TEACHER_FORCED
from tfkd.objectives.prediction import predictor
from tfkd.objectives.prediction_sums import row_sums
from tfkd.objectives.term import predicted_side
from tfkd.pipeline.class_stages import classes_of
from tfkd.pipeline.classification import Classified, positive_place, predicted
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import model_options, part_of, side_tokenizers, views_of
from tfkd.pipeline.measured_batches import batches_of
from tfkd.pipeline.metrics import measured, metrics_of
from tfkd.pipeline.text_stages import open_text
from tfkd.spec.metrics import product_of
from tfkd.spec.options import reads_classes, segment_view


class TeacherForced:
    """A model's predictions of the words that its view selects, summed by row.

    Args:
        model: A language model.
        examples: The rows.
        view: Which words are hidden and predicted; the same ones at each call.
        top_k: Also how often the right word is among the first K.
    """

    def __init__(self, model: Any, examples: ExampleSet, view: Any, top_k: int = 0):
        self._predict = predictor(model, top_k)
        self._batches = batches_of(examples, view)
        self._rows, self._name = len(examples), view.name

    def rows(self) -> dict[str, np.ndarray]:
        """Sums over each row, float64 `[rows]`; see `objectives.prediction_sums.row_sums`."""
        totals: dict[str, np.ndarray] = {}

        def predict(batch: Any) -> dict[str, np.ndarray]:
            return self._predict(batch[self._name])

        for batch, predictions in side_by_side(predict, self._batches):
            record = batch[self._name]
            for name, values in row_sums(predictions, predicted_side(record)["selected"]).items():
                into = totals.setdefault(name, np.zeros(self._rows))
                into[batch["examples"]] = values
        return totals


def measured_view(trained: Node) -> str | None:
    """The view to measure a model in: none for one that writes from left to right, unless it
    learnt to write segments alone; else its first term's; of one that fills words in, the first
    term's that predicts words; of a classifier, the first term's that predicts classes."""
    trained = trained.trained
    model = model_options(trained)
    if "classes" in trained.inputs:
        views = (term.view for term in trained.options.objective.values())
        return next(view for view in views if reads_classes(model, trained.spec.views.get(view)))
    if model.encoder_decoder and not model.fills_in:
        return segment_view(trained.options.objective, trained.spec.views)
    terms = list(trained.options.objective.values())
    return next((term.view for term in terms if term.kind != "length"), terms[0].view)


def predicts_whole_targets(trained: Node) -> bool:
    """Whether a model's loss is measured on whole targets, each word given those before it."""
    trained = trained.trained
    model = model_options(trained)
    learnt = "trained" in trained.gives and "classes" not in trained.inputs
    writes = learnt and model.encoder_decoder
    return writes and not model.fills_in and measured_view(trained) is None


def default_search(trained: Node) -> Any:
    """How a training validates outputs unless it says so: greedily, or by Mask-Predict."""
    return {"kind": "mask_predict" if model_options(trained).fills_in else "greedy"}


def validation(node: Node, context: Context) -> Callable[[Any], dict[str, float]]:
    """The callable that a training stage validates by: model in, metrics out.

    What is predicted is that of a BERT's first term's view, the segments that MASS hides, or the
    whole target, with the same masks each time; what is written, the outputs of `decode`. The time
    limit ends it at once: the training that called it has its own state to save, and nothing of
    the validation's.
    """
    options = node.options.validate_
    corpus = options.on
    examples = ExampleSet([part_of(node, "validate", corpus, context)])
    (view,) = views_of(node, {measured_view(node)}, context).values()
    tokenizers, classes = side_tokenizers(node, context), classes_of(node, context)
    metrics, references, sources = metrics_of(options), None, None
    makes = (CLASSES,) if classes is not None else (TEACHER_FORCED, OUTPUTS)
    writes = any(product_of(metric, makes) == OUTPUTS for metric in metrics)
    if classes is not None:
        place = positive_place(classes, options.positive, f"stages.{node.label}.validate")
    if writes:
        text = open_text(node.inputs["validate"], context)
        references, sources = list(text.lines("target")), list(text.lines("source"))

    def products_of(model: Any) -> dict[str, Callable[[], Any]]:
        if classes is not None:
            classified = Classified(model, examples, view)
            return {CLASSES: lambda: predicted(classified.rows(), classes.size, place)}
        forced = TeacherForced(model, examples, view)
        found: dict[str, Callable[[], Any]] = {TEACHER_FORCED: lambda: _row_sums(forced.rows())}
        if writes:
            search = build_search(options.decode or default_search(node))
            decoder = Decoder(model, search, tokenizers["source"], tokenizers["target"])

            def outputs() -> list[str]:
                read = examples.take("source", view.source, np.arange(len(examples)))
                return tokenizers["target"].decode_batch(decoder.decode(read).outputs)

            found[OUTPUTS] = outputs
        return found

    made: dict[str, Any] = {}

    def measure(model: Any) -> dict[str, float]:
        # Graphs are traced once for the model, not once a validation.
        if made.get("model") is not model:
            made.update(model=model, products=products_of(model))
        return measured(metrics, made["products"], references, sources)

    def within_the_limit(model: Any) -> dict[str, float]:
        with context.deadline.ending(), context.deadline.holding(False):
            return measure(model)

    return within_the_limit


def _row_sums(sums: dict[str, np.ndarray]) -> RowSums:
    return RowSums(sums["nll"], sums["correct"], sums["positions"])
