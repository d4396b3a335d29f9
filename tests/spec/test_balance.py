"""`balance:` of a training stage."""

import pytest
from spec_files import faults, loaded, replaced

from tfkd.objectives import balanced_weights
from tfkd.spec.balance import outweighed
from tfkd.spec.needed import needed_stages

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
            '  - {of: targets, on: valid, metrics: teacher_gate, against: "student#baseline"}\n', ""
        ),
    )
    needed = {name for _, name in needed_stages(spec)}
    assert ("targets" in needed) == ("soft_targets" in terms)


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
