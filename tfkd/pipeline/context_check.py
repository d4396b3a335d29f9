"""What a teacher that students ask in their steps knows of words from their context."""

from collections import Counter
from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.views.blind import Blind, BlindEncoder
from tfkd.data.views.last_token import last_tokens
from tfkd.objectives.prediction import predictor
from tfkd.objectives.prediction_sums import row_sums, teacher_forced_metrics
from tfkd.objectives.term import predicted_side
from tfkd.pipeline.measured_batches import batches_of
from tfkd.pipeline.validation import TeacherForced
from tfkd.spec.metrics import TEACHER_FORCED


def beside_itself(
    options: Any, model: Any, examples: ExampleSet, view: Any, top_k: int
) -> dict[str, Any]:
    """A teacher's metrics at the words that it predicts, and how many are right without context.

    A BERT without context has all words hidden; the encoder of one that writes segments (MASS)
    reads none, and its decoder goes on as before; a language model sees the last token alone.

    Args:
        options: The model's options.
        model: The model.
        examples: The rows.
        view: What it is measured in.
        top_k: K of its coverage.

    Returns:
        `TEACHER_FORCED`; `blind`, the same without context; `most_frequent`, the accuracy of the
        one word that is right most often; and, of others than BERTs, `words` and `beside`, what the
        predicted words and the teacher without context are called.
    """
    found = {
        TEACHER_FORCED: teacher_forced_metrics(TeacherForced(model, examples, view, top_k).rows())
    }
    if options.is_causal:
        found["blind"] = _after_one_token(model, examples, view)
        names = {"words": "next words", "beside": "the teacher that sees the last word alone"}
    elif options.encoder_decoder:
        found["blind"] = teacher_forced_metrics(
            TeacherForced(model, examples, BlindEncoder(view)).rows()
        )
        names = {"words": "hidden words", "beside": "the teacher that reads no text around"}
    else:
        found["blind"] = teacher_forced_metrics(TeacherForced(model, examples, Blind(view)).rows())
        names = {}
    counts: Counter[int] = Counter()
    for batch in batches_of(examples, view):
        side = predicted_side(batch[view.name])
        counts.update(side["labels"][side["selected"]].tolist())
    most = max(counts.values(), default=0) / max(1, sum(counts.values()))
    return {**found, "most_frequent": most, **names}


def _after_one_token(model: Any, examples: ExampleSet, view: Any) -> dict[str, float]:
    predict = predictor(model)
    totals: dict[str, float] = {}
    for batch in batches_of(examples, view):
        record = last_tokens(batch[view.name], view.specials.pad_id)
        for name, values in row_sums(predict(record), record["selected"]).items():
            totals[name] = totals.get(name, 0.0) + float(np.sum(values))
    return teacher_forced_metrics(totals)
