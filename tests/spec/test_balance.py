"""`balance:` of a training stage."""

import pytest
from spec_files import faults, loaded, replaced, rests_on

from tfkd.objectives import balanced_weights
from tfkd.spec.checks.balance import outweighed, untried

PLACE = "    schedule: {kind: triangular, rate: 5e-4}\n"
TERMS = "      soft_targets: {weight: 0.5, teacher: targets}\n"


def balanced(text):
    return replaced(PLACE, f"    balance: {text}\n{PLACE}")


@pytest.mark.parametrize(
    ("balance", "terms", "left"),
    [
        ("{soft_targets: 0.7}", {"cross_entropy", "soft_targets"}, {"soft_targets": 0.7}),
        ("{soft_targets: 1}", {"soft_targets"}, {"soft_targets": 1}),
        ("{soft_targets: 0}", {"cross_entropy"}, None),
        ("{cross_entropy: 0.0, soft_targets: 0.4}", {"soft_targets"}, {"soft_targets": 0.4}),
        ("null", {"cross_entropy", "soft_targets"}, None),
    ],
)
def test_a_term_without_weight_leaves_the_graph_with_its_teacher(tmp_path, balance, terms, left):
    spec = loaded(tmp_path, balanced(balance).replace(', against: "student#baseline"', ""))
    stage = spec.stages["student"]
    assert stage.objective.keys() == terms
    assert stage.balance == left
    spec = loaded(
        tmp_path,
        balanced(balance).replace(
            '  - {of: targets, on: valid, metrics: teacher_check, against: "student#baseline"}\n',
            "",
        ),
    )
    assert ("targets" in rests_on(spec, "student")) == ("soft_targets" in terms)


@pytest.mark.parametrize("balance", [{"a": 0.7}, {"a": 1.0}, {"a": 0.0}, {"a": 0.5, "b": 0.5}, {}])
def test_what_leaves_is_what_has_weight_0(balance):
    weights = balanced_weights({"a": 1.0, "b": 1.0, "c": 0.1}, balance)
    assert outweighed(weights, balance) == {name for name in weights if weights[name] == 0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{soft: 0.5}",
            "balance.soft: there is no term soft; expected one of cross_entropy, soft_targets",
        ),
        ("{soft_targets: 0.7, cross_entropy: 0.5}", "balance: shares that add up to 1.2"),
        ("{soft_targets: -0.1}", "balance.soft_targets: "),
        ("{soft_targets: 1.5}", "balance"),
        ("0.5", "balance: "),
        ("{cross_entropy: 0, soft_targets: 0}", "balance: every term has weight 0"),
    ],
)
def test_a_wrong_balance_is_a_fault_with_its_line(tmp_path, text, message):
    found = faults(tmp_path, balanced(text))
    assert any(message in line for line in found), found


def test_a_share_of_a_term_without_weight_is_a_fault(tmp_path):
    text = balanced("{soft_targets: 0.5}").replace("{weight: 0.5, teacher", "{weight: 0, teacher")
    found = faults(tmp_path, text)
    assert any(
        "0.5, and soft_targets has weight: 0; expected one of the two" in line for line in found
    )


@pytest.mark.parametrize(
    ("balance", "choose", "left"),
    [
        ({"a": 1.0, "b": 0}, {}, {"a": 1.0, "b": 0}),
        ({"a": 1.0, "b": 0}, {"balance.a": [0.3], "by": "valid.f1"}, {"b": 0}),
        ({"a": 1.0}, {"balance.b": [0.3]}, {"a": 1.0}),
        ({"a": 1.0}, {"balance": [{"a": 0.3}, {"a": 0.5}]}, None),
        ({"a": 1.0}, None, {"a": 1.0}),
        ("wrong", {"balance.a": [0.3]}, "wrong"),
        (None, {"balance.a": [0.3]}, None),
    ],
)
def test_shares_that_are_tried_take_no_term_out(balance, choose, left):
    assert untried(balance, choose) == left


@pytest.mark.parametrize(
    ("balance", "choose", "trials"),
    [
        # As it stands, `soft_targets` would leave, and with it the store that it reads.
        ("{soft_targets: 0}", "balance.soft_targets: [0.3, 1.0, 0]", [{"cross_entropy",
         "soft_targets"}, {"soft_targets"}, {"cross_entropy"}]),
        # As it stands, all others would.
        ("{soft_targets: 1}", "balance.soft_targets: [0.3, 0]", [{"cross_entropy",
         "soft_targets"}, {"cross_entropy"}]),
        ("{cross_entropy: 1}", "balance: [{soft_targets: 1}, {cross_entropy: 1}]",
         [{"soft_targets"}, {"cross_entropy"}]),
        # A share that is not tried takes out what it always does.
        ("{soft_targets: 0}", "steps: [5, 6]", [{"cross_entropy"}, {"cross_entropy"}]),
    ],
)  # fmt: skip
def test_each_setting_has_the_terms_that_its_own_shares_leave(tmp_path, balance, choose, trials):
    tried = f"{balance}\n    choose: {{{choose}, by: valid.bleu}}"
    text = balanced(tried).replace(
        '  - {of: targets, on: valid, metrics: teacher_check, against: "student#baseline"}\n', ""
    )
    spec = loaded(tmp_path, text)
    found = [trial.objective.keys() for _, trial in spec.stages["student"].choose.trials]
    assert found == trials
    # A teacher that any of the settings asks is made.
    assert ("targets" in rests_on(spec, "student")) == any(
        "soft_targets" in terms for terms in trials
    )


def test_a_setting_whose_shares_are_too_much_is_a_fault(tmp_path):
    tried = "{soft_targets: 0.5}\n    choose: {balance.soft_targets: [0.3, 1.5], by: valid.bleu}"
    assert any("add up to 1.5" in line for line in faults(tmp_path, balanced(tried)))
