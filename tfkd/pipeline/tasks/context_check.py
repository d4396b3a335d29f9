"""What a teacher that students ask in their steps knows of words from their context."""

from collections import Counter
from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.views.last_token import last_tokens
from tfkd.objectives.prediction import predictor
from tfkd.objectives.prediction_sums import row_sums, teacher_forced_metrics
from tfkd.objectives.term import predicted_side
from tfkd.pipeline.inputs.measured_batches import batches_of
from tfkd.pipeline.tasks.teacher_forced import TeacherForced
from tfkd.spec.metrics import TEACHER_FORCED


def beside_itself(
    model: Any, examples: ExampleSet, view: Any, top_k: int, blind: Any
) -> dict[str, Any]:
    """A teacher's metrics at the words that it predicts, and how many are right without context.

    Args:
        model: The model.
        examples: The rows.
        view: What it is measured in.
        top_k: K of its coverage.
        blind: The same view without context; None: the last token alone is seen.

    Returns:
        `TEACHER_FORCED`; `blind`, the same without context; and `most_frequent`, the accuracy of
        the one word that is right most often.
    """

    def read_in(view: Any, top_k: int = 0) -> dict[str, float]:
        return teacher_forced_metrics(TeacherForced(model, examples, view, top_k).rows())

    found = {TEACHER_FORCED: read_in(view, top_k)}
    found["blind"] = read_in(blind) if blind else _after_one_token(model, examples, view)
    counts: Counter[int] = Counter()
    for batch in batches_of(examples, view):
        side = predicted_side(batch[view.name])
        counts.update(side["labels"][side["selected"]].tolist())
    most = max(counts.values(), default=0) / max(1, sum(counts.values()))
    return {**found, "most_frequent": most}


def _after_one_token(model: Any, examples: ExampleSet, view: Any) -> dict[str, float]:
    predict = predictor(model)
    totals: dict[str, float] = {}
    for batch in batches_of(examples, view):
        record = last_tokens(batch[view.name], view.specials.pad_id)
        for name, values in row_sums(predict(record), record["selected"]).items():
            totals[name] = totals.get(name, 0.0) + float(np.sum(values))
    return teacher_forced_metrics(totals)
