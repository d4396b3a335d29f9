"""One device, several replicas and micro-batches come to the same weights."""

import numpy as np
import pytest

PROCESSES = [
    [
        "one",
        "accumulated",
        "two",
        "two_accumulated",
        "gated",
        "gated_two",
        "dropout_accumulated",
        "dropout_two",
        "real",
        "real_two",
    ],
    ["three"],
]


@pytest.fixture(scope="module")
def scenarios(run_script, tmp_path_factory):
    path = tmp_path_factory.mktemp("replicas") / "weights.npz"
    found = {}
    for names in PROCESSES:
        done = run_script("replica_scenarios.py", path, *names)
        assert done.returncode == 0, done.stderr[-3000:]
        with np.load(path) as arrays:
            for key in arrays.files:
                name, _, weight = key.partition(":")
                found.setdefault(name, {})[weight] = arrays[key]
    return found


def largest_difference(one, other):
    assert one.keys() == other.keys()
    return max(np.abs(one[name] - other[name]).max() for name in one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("one", "accumulated"),
        ("one", "two"),
        ("one", "two_accumulated"),
        ("one", "three"),
        ("gated", "gated_two"),
        ("real", "real_two"),
        ("dropout_accumulated", "dropout_two"),
    ],
)
def test_weights_slots_and_history_agree(scenarios, one, other):
    assert largest_difference(scenarios[one], scenarios[other]) < 1e-5


def test_scenarios_that_should_differ_do(scenarios):
    assert largest_difference(scenarios["one"], scenarios["gated"]) > 1e-3
    assert largest_difference(scenarios["one"], scenarios["dropout_two"]) > 1e-3
