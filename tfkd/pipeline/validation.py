"""What a training stage measures on its validation corpus."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.side_by_side import side_by_side
from tfkd.decoding import Decoder, build_search
from tfkd.evaluation import TEXT_SCORES
from tfkd.objectives.prediction import predictor
from tfkd.objectives.prediction_sums import figures, row_sums
from tfkd.objectives.term import predicted_side
from tfkd.pipeline.class_stages import classes_of
from tfkd.pipeline.classification import Classified, measured, positive_place
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import model_options, part_of, side_tokenizers, views_of
from tfkd.pipeline.measured_batches import batches_of
from tfkd.pipeline.text_metrics import is_text, settings_of
from tfkd.pipeline.text_stages import open_text
from tfkd.spec.options import reads_classes, segment_view

# Which of a figure's names a metric has.
_FIGURES = ("loss", "accuracy", "perplexity")


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

    loss and accuracy are of a BERT's first term's view, of the segments that MASS hides, or of the
    whole target, in plain negative log-likelihood, with the same masks each time; bleu, chrf and
    ROUGE of the outputs. The time limit ends it at once: the training that called it has its own
    state to save, and nothing of the validation's.
    """
    options = node.options.validate_
    corpus = options.on
    examples = ExampleSet([part_of(node, "validate", corpus, context)])
    (view,) = views_of(node, {measured_view(node)}, context).values()
    tokenizers, classes = side_tokenizers(node, context), classes_of(node, context)
    if classes is not None:
        positive_place(classes, options.positive, f"stages.{node.label}.validate")
    wanted = [metric for metric in options.metrics if is_text(metric)]
    references = list(open_text(node.inputs["validate"], context).lines("target")) if wanted else []
    made: dict[str, Any] = {}

    def measure(model: Any) -> dict[str, float]:
        # Graphs are traced once for the model, not once a validation.
        if made.get("model") is not model:
            made["model"] = model
            if classes is None:
                made["forced"] = TeacherForced(model, examples, view)
            else:
                made["classified"] = Classified(model, examples, view)
            if wanted:
                search = build_search(options.decode or default_search(node))
                made["decoder"] = Decoder(model, search, tokenizers["source"], tokenizers["target"])
        found: dict[str, float] = {}
        if classes is not None:
            rows, where = made["classified"].rows(), f"stages.{node.label}.validate"
            return measured(rows, classes, options.metrics, options.positive, where)
        if any(metric in _FIGURES for metric in options.metrics):
            values = figures(made["forced"].rows())
            values["perplexity"] = float(np.exp(values["loss"]))
            found |= {name: values[name] for name in options.metrics if name in _FIGURES}
        if wanted:
            sources = examples.take("source", view.source, np.arange(len(examples)))
            outputs = made["decoder"].decode(sources).outputs
            hypotheses = tokenizers["target"].decode_batch(outputs)
            for metric in wanted:
                measure, settings = TEXT_SCORES[metric], settings_of(metric, options)
                found[metric] = measure(hypotheses, references, samples=1, **settings).value
        return found

    def within_the_limit(model: Any) -> dict[str, float]:
        with context.deadline.ending(), context.deadline.holding(False):
            return measure(model)

    return within_the_limit
