"""How likely a model finds rows of text, in nats a token."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet, Part
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.inputs.letter_case import all_lower, lower_cased

_Rows = Sequence[dict[str, str]]


def scorer(node: Node, number: int, trained: Node, context: Context) -> Callable[[_Rows], Any]:
    """A function from rows to float32 `[rows]`, -log p / tokens; infinite of a row that the model
    has no positions for.

    Args:
        node: The filter stage.
        number: The rule's.
        trained: The model's stage.
        context: The run's surroundings.
    """
    from tfkd.data.tokenizers.lower_casing import LowerCasing
    from tfkd.objectives.prediction import predictor
    from tfkd.pipeline.engine.fresh_start import fresh_start
    from tfkd.pipeline.inputs.made import side_tokenizers, text_tokenizer, views_of
    from tfkd.pipeline.inputs.models import PAD_TO, trained_model
    from tfkd.pipeline.tasks.teacher_forced import TeacherForced

    fresh_start()
    rule, options = node.options.rules[number], trained.model
    # One predictor for all shards: each of its own would be traced again.
    asked = cache(partial(predictor, trained_model(trained, context)))
    model = SimpleNamespace(predictor=asked)
    (view,) = views_of(trained, {None}, context).values()
    read = {"source": "source", "target": "target"}
    if rule.swap:
        read = {"source": "target", "target": "source"}
    if not options.encoder_decoder:
        read = {"text": rule.on or "text"}
        tokenizers: dict[str, Any] = {"text": text_tokenizer(trained, context)}
        limits = {"joint": options.max_length}
    else:
        tokenizers = side_tokenizers(trained, context)
        limits = options.side_limits(PAD_TO)
    lower = {next(iter(read)): lower_cased(trained)}
    lower["target"] = options.encoder_decoder and all_lower(trained.trained, "target", "source")
    for side in (side for side, is_so in lower.items() if is_so):
        tokenizers[side] = LowerCasing(tokenizers[side])

    def scores(rows: _Rows) -> np.ndarray:
        context.deadline.check()
        fields = {
            (side, options.tokenizers[side]): tokenizers[side].encode([row[field] for row in rows])
            for side, field in read.items()
        }
        whole = ExampleSet([Part(node.options.filter, fields, len(rows))])
        lengths = view.lengths(whole)
        fits = np.all([lengths[side] <= limit for side, limit in limits.items()] or [True], 0)
        chosen = np.flatnonzero(np.broadcast_to(fits, len(rows)))
        found = np.full(len(rows), np.inf, np.float32)
        if not len(chosen):
            return found
        cut = {key: ids.take(chosen) for key, ids in fields.items()}
        examples = ExampleSet([Part(node.options.filter, cut, len(chosen))])
        sums = TeacherForced(model, examples, view).rows()
        found[chosen] = sums["nll"] / np.maximum(sums["positions"], 1)
        return found

    return scores
