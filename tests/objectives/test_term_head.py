"""Terms of classes read heads over classes, terms of words those over words."""

import numpy as np
import pytest

from tfkd.data.views.classify import read_at
from tfkd.models import Bert
from tfkd.objectives import (
    CrossEntropy,
    MaskedLM,
    OnlineTeacher,
    SoftTargets,
    objective_forward,
    term_counts,
)

HEADS = {"masked_lm": {}, "classifier": {"classes": 3}}
IDS = np.full((2, 5), 7, np.int32)
STREAM = {"ids": IDS, "types": np.zeros_like(IDS), "valid": np.ones(IDS.shape, bool)}
OF_CLASSES = read_at(STREAM, np.zeros(2, int), np.array([2, 0]), np.ones(2, bool), 3)
OF_WORDS = {**STREAM, "labels": IDS, "selected": STREAM["valid"]}


def bert(*heads):
    return Bert(
        20, layers=1, width=8, heads=2, max_length=8, dropout=0.0,
        output_heads={name: HEADS[name] for name in heads},
    )  # fmt: skip


def loss(model, term, record, teachers=None):
    term.attach(model, teachers or {})
    batch = {"examples": np.arange(2), "plain": record}
    return float(objective_forward(model, [term], batch, term_counts([term], batch), False).loss)


@pytest.mark.parametrize("heads", [("masked_lm",), ("masked_lm", "classifier")])
def test_classes_are_not_read_by_a_head_over_words(heads):
    """The loss would be that of as many classes as there are words."""
    with pytest.raises(ValueError, match=r"plain are classes, .*over 20 words.*'classifier'"):
        loss(bert(*heads), CrossEntropy(), OF_CLASSES)


def test_words_are_not_read_by_a_head_over_classes():
    with pytest.raises(ValueError, match=r"plain are words, .*over 3 classes.*'masked_lm'"):
        loss(bert("classifier"), MaskedLM(), OF_WORDS)
    with pytest.raises(ValueError, match=r"masked_lm reads the head 'classifier'. Expected one of"):
        loss(bert("masked_lm"), MaskedLM(head="classifier"), OF_WORDS)


def test_a_teacher_of_words_teaches_no_classes():
    online = OnlineTeacher(bert("masked_lm"), start_id=2, end_id=3)
    with pytest.raises(ValueError, match=r"the head of the teacher 'big' .*over 20 words"):
        loss(bert("classifier"), SoftTargets(teacher="big"), OF_CLASSES, {"big": online})


def test_each_reads_its_own_where_a_model_has_both():
    model = bert("masked_lm", "classifier")
    assert loss(model, CrossEntropy(head="classifier"), OF_CLASSES) == pytest.approx(
        np.log(3), rel=0.1
    )
    assert loss(model, MaskedLM(), OF_WORDS) == pytest.approx(np.log(20), rel=0.1)
