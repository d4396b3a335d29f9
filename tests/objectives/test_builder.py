import pytest

from tfkd.objectives import CrossEntropy, MaskedLM, SoftTargets, balanced_weights, build_terms
from tfkd.spec.errors import UserError


def test_terms_have_the_keys_as_names_and_default_kinds():
    terms = build_terms(
        {
            "cross_entropy": {"weight": 0.5, "label_smoothing": 0.1},
            "soft": {"kind": "soft_targets", "teacher": "targets", "temperature": 10},
            "words": {"kind": "masked_lm", "view": "mlm"},
        },
        padding_id=3,
    )
    assert [type(t) for t in terms] == [CrossEntropy, SoftTargets, MaskedLM]
    assert [t.name for t in terms] == ["cross_entropy", "soft", "words"]
    assert [t.kind for t in terms] == ["cross_entropy", "soft_targets", "masked_lm"]
    assert [t.view for t in terms] == ["plain", "plain", "mlm"]
    assert terms[0].weight == 0.5
    assert terms[0].padding_id == 3


def test_a_term_of_weight_0_leaves_with_its_teacher():
    objective = {"cross_entropy": {}, "soft_targets": {"teacher": "t", "weight": 0.0}}
    assert [t.name for t in build_terms(objective)] == ["cross_entropy"]
    soft = {"cross_entropy": {}, "soft_targets": {"teacher": "t"}}
    terms = build_terms(soft, balance={"soft_targets": 1.0})
    assert [t.name for t in terms] == ["soft_targets"]
    with pytest.raises(UserError, match="weight 0"):
        build_terms({"cross_entropy": {"weight": 0.0}})


def test_balance_gives_a_share_to_one_term_and_the_rest_to_the_others():
    weights = balanced_weights({"soft": 1.0, "words": 1.0, "length": 0.1}, {"soft": 0.75})
    assert weights == pytest.approx({"soft": 0.75, "words": 0.25, "length": 0.025})
    assert balanced_weights({"a": 0.3}, None) == {"a": 0.3}
    with pytest.raises(UserError, match="no term sof"):
        balanced_weights({"soft": 1.0}, {"sof": 0.5})
    with pytest.raises(UserError, match="at most 1"):
        balanced_weights({"soft": 1.0, "words": 1.0}, {"soft": 0.7, "words": 0.4})


def test_a_term_on_the_encoder_leaves_out_the_sources_padding():
    """Label smoothing leaves out the padding of the vocabulary that a term predicts."""
    terms = build_terms(
        {"words": {"kind": "cross_entropy"}, "mask": {"kind": "masked_lm", "view": "masked"}},
        padding_id=40,
        source_padding_id=2,
        modules={"mask": "encoder"},
        auxiliary=["mask"],
    )
    assert [term.padding_id for term in terms] == [40, 2]
    assert [term.group for term in terms] == ["main", "auxiliary"]
    assert [term.module for term in terms] == [None, "encoder"]
