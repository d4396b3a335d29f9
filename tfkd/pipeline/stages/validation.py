"""What a training stage measures on its validation corpus."""

from collections.abc import Callable
from typing import Any

from tfkd.data.examples import ExampleSet
from tfkd.evaluation.asked_metrics import measured, metrics_of
from tfkd.evaluation.metrics import OUTPUTS, WORDS
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.inputs.made import part_of
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.pipeline.tasks.task import Measured
from tfkd.spec.metrics import product_of


def validation(node: Node, context: Context) -> Callable[[Any], dict[str, float]]:
    """The callable that a training stage validates by: model in, metrics out.

    What is predicted is that of a BERT's first term's view, the segments that MASS hides, or the
    whole target, with the same masks each time; what is written, the outputs of `decode`. The time
    limit ends it at once: the training that called it has its own state to save, and nothing of
    the validation's.
    """
    options, task = node.options.validate_, node.task
    examples = ExampleSet([part_of(node, Role.VALIDATE, options.on, context)])
    on = Measured(node, examples, task.view(node, context), context)
    metrics, references, sources = metrics_of(options), None, None
    # A whole text is read for a test set alone.
    kinds = [one for one in task.Options.products if one != WORDS]
    products = {product_of(metric, kinds) for metric in metrics}
    if OUTPUTS in products:
        text = open_text(node.inputs[Role.VALIDATE], context)
        references, sources = list(text.lines("target")), list(text.lines("source"))
    asked = {"decode": options.decode, "positive": options.positive}
    asked["where"] = f"stages.{node.label}.validate"
    products_of = task.made(on, products, **asked)
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
