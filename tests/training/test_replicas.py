"""One device, several replicas and micro-batches come to the same weights."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

# One process for each number of replicas, see the script; two at a time.
PROCESSES = [
    ["two", "two_accumulated", "gated_two", "dropout_two", "real_two", "called_two", "half_two"],
    ["one", "accumulated", "gated", "dropout_accumulated", "real", "three", "called", "half"],
    ["real_called", "real_xla"],
]


@pytest.fixture(scope="module")
def scenarios(run_script, tmp_path_factory):
    folder = tmp_path_factory.mktemp("replicas")
    paths = [folder / f"{names[0]}.npz" for names in PROCESSES]
    with ThreadPoolExecutor() as threads:
        runs = threads.map(
            lambda path, names: run_script("replica_scenarios.py", path, *names), paths, PROCESSES
        )
        for done in runs:
            assert done.returncode == 0, done.stderr[-3000:]
    found = {}
    for path in paths:
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
        ("real", "real_called"),
        ("real", "real_xla"),
        ("one", "called"),
        ("one", "called_two"),
        ("dropout_accumulated", "dropout_two"),
    ],
)
def test_weights_slots_and_history_agree(scenarios, one, other):
    assert largest_difference(scenarios[one], scenarios[other]) < 1e-5


def test_float16_replicas_come_nearly_to_the_same_weights(scenarios):
    one, two = scenarios["half"], scenarios["half_two"]
    assert largest_difference(one, two) < 0.05
    assert largest_difference(one, scenarios["real"]) > 0


def test_scenarios_that_should_differ_do(scenarios):
    assert largest_difference(scenarios["one"], scenarios["gated"]) > 1e-3
    assert largest_difference(scenarios["one"], scenarios["dropout_two"]) > 1e-3
