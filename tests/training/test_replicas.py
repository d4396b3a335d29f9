"""One device, replicas, micro-batches, calls of several steps and XLA come to the same weights.

Fifty steps without dropout, of every kind of term: see `replica_scenarios.MODELS`.
"""

import distilled_twice
import filled_in
import mask_task
import numpy as np
import opposed
import pytest
import real_models
import sequence_models
from replica_scenarios import WAYS

from tfkd.objectives.term import DIVISORS
from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins

# What is compared with "one_device" of the same model: in the short ring a way or two of some, in
# the long one all others.
SHORT = {"fake": ["two_replicas_accumulated"], "opposed": ["two_replicas"]}
ALL = [way for way in WAYS if way not in ("one_device", "two_micro_batches")]
LONG = {
    model: [way for way in ALL if way not in SHORT[model]] for model in SHORT if model != "opposed"
}
LONG |= dict.fromkeys(
    ("gated", "sequences", "pairs", "taught", "next_words", "classes", "filled", "segments"), ALL
)
LONG["own_pairs"] = ["accumulated", "two_replicas_accumulated", "all_on_one_cpu"]
LONG["own_pairs"] += ["three_replicas", "two_replicas_xla"]
LONG["own_texts"] = ["two_replicas_accumulated", "all_on_one_cpu"]
LONG["quantized"] = ["two_replicas_accumulated"]
LONG["factored"] = ["two_replicas_accumulated"]
# What is compared with something else.
OTHERS = ["dropout-two_micro_batches", "dropout-two_replicas"]


def processes():
    """The scenarios by process: those of the short ring, whose replicas are two at most; those of
    the long one by model and number of replicas.

    What XLA has compiled stays in memory until its process ends.
    """
    made = {}
    for ring, table in (("short", SHORT), ("long", LONG)):
        names = [f"{model}-{way}" for model, ways in table.items() for way in ways]
        names += [f"{model}-one_device" for model in table if ring == "short" or model not in SHORT]
        names += OTHERS if ring == "long" else []
        for name in names:
            model, _, way = name.partition("-")
            alone = model if ring == "long" else None
            two = ring == "long" and WAYS[way].get("replicas") == 2
            made.setdefault((ring, alone, two), []).append(name)
    return list(made.values())


@pytest.fixture(scope="module")
def scenario(run_scenarios):
    """What a scenario left, by its name; its process is run when it is first asked for."""
    found = {}

    def of(name):
        if name not in found:
            names = next(names for names in processes() if name in names)
            found.update(run_scenarios("replica_scenarios.py", *names, timeout=1800))
        return found[name]

    return of


def largest_difference(one, other):
    assert one.keys() == other.keys()
    return max(np.abs(one[name] - other[name]).max() for name in one)


def cases(table, *marks):
    return [
        pytest.param(model, way, marks=marks, id=f"{model}-{way}")
        for model, ways in table.items()
        for way in ways
    ]


@pytest.mark.parametrize(("model", "way"), [*cases(SHORT), *cases(LONG, pytest.mark.long)])
def test_weights_slots_and_history_are_those_of_one_device(scenario, model, way):
    # Another order of additions moves values at the edge between two integers to the other one.
    tolerance = 5e-3 if model == "quantized" else 1e-5
    found = largest_difference(scenario(f"{model}-one_device"), scenario(f"{model}-{way}"))
    assert found < tolerance


@pytest.mark.long
def test_two_replicas_drop_what_two_micro_batches_drop(scenario):
    one, two = scenario("dropout-two_micro_batches"), scenario("dropout-two_replicas")
    assert largest_difference(one, two) < 1e-5
    assert largest_difference(one, scenario("fake-one_device")) > 1e-3


@pytest.mark.long
def test_a_gate_changes_the_weights(scenario):
    summed, gated = scenario("fake-one_device"), scenario("gated-one_device")
    weights = {name: gated[name] for name in summed}
    assert gated.keys() - summed.keys() == {"open"}
    assert largest_difference(summed, weights) > 1e-3


def test_replicas_of_opposite_signs_take_the_whole_steps_decision(scenario):
    """Each replica alone would decide otherwise; see `opposed`."""
    one, two = scenario("opposed-one_device"), scenario("opposed-two_replicas")
    for module, gated in opposed.GATED.items():
        assert one[f"gated/{module}"] == two[f"gated/{module}"] == gated


def test_every_term_divisor_and_view_is_trained():
    models = (real_models.more_terms, sequence_models.terms, mask_task.terms, filled_in.terms)
    terms = [term for of_model in models for term in of_model()]
    assert {term.divide_by for term in terms} == set(DIVISORS)
    # Attention is guided by links that a run has made: tests/pipeline/test_shortlist_run.py.
    assert {term.kind for term in terms} >= builtin("objective") - {"guided_attention"}
    sequences = {kind for kind, _ in sequence_models.VIEWS.values()}
    # Noise is made of texts, before a training's batches.
    trained = sequences | filled_in.VIEWS | distilled_twice.VIEWS
    assert trained == builtin("view") - {"noise"}


def builtin(group):
    """The names of the package's own classes in the registry."""
    register_builtins()
    entries = (registry.lookup(group, name) for name in registry.names(group))
    return {entry.name for entry in entries if entry.target.startswith("tfkd.")}


def test_batches_leave_some_replica_without_a_word():
    pairs, sequences = real_models.PairBatcher(uneven=True), sequence_models.batcher()
    assert (pairs.batch(4)["examples"] >= 0).sum() == 1
    rows = [sequences.batch(number)["examples"] for number in range(sequences.batches_per_epoch)]
    assert {len(examples) % replicas for examples in rows for replicas in (2, 3)} == {1}
    assert any(examples[-1] == -1 for examples in rows)
