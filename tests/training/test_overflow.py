"""A float16 step that overflows on one replica only is skipped on all, and training goes on."""

import numpy as np
import pytest
from overflow_scenarios import SPIKED, STEPS, WAYS

pytestmark = pytest.mark.long

# One device alone is for `test_loss_scale`. A few ways are made at once, all others apart.
ALL = [way for way in WAYS if way not in ("one_device", "first_half")]
FEW = ["one_device", "first_half", "two_replicas_accumulated"]
MADE = [number for number in range(1, STEPS + 1) if number not in SPIKED]


@pytest.fixture(scope="module")
def found(run_scenarios):
    """What the steps of a way left; those of a process are made when the first is asked for."""
    made = {}

    def of(way):
        if way not in made:
            ways = FEW if way in FEW else [way for way in ALL if way not in FEW]
            made.update(run_scenarios("overflow_scenarios.py", *ways))
        return made[way]

    return of


def test_the_other_replica_alone_would_not_skip(found):
    assert not found("first_half")["skipped"].any()


@pytest.mark.parametrize("way", ["one_device", *ALL])
def test_the_steps_that_overflow_are_skipped(found, way):
    assert [number + 1 for number in np.flatnonzero(found(way)["skipped"])] == list(SPIKED)
    failed, skipped, good, scale = found(way)["state"]
    assert (failed, skipped, good, scale) == (0, 2, STEPS - SPIKED[-1], 2.0**13)


@pytest.mark.parametrize("way", [way for way in ALL if "replicas" in WAYS[way]])
def test_replicas_have_the_same_weights_slots_and_count(found, way):
    values, counts = found(way)["values"], found(way)["counts"]
    assert values.shape[1] == counts.shape[1] == 2
    np.testing.assert_array_equal(values[:, 0], values[:, 1])
    np.testing.assert_array_equal(counts[:, 0], counts[:, 1])


@pytest.mark.parametrize("way", [way for way in WAYS if "steps_a_call" not in WAYS[way]])
def test_a_skipped_step_changes_nothing(found, way):
    values, counts = found(way)["values"], found(way)["counts"]
    spiked = SPIKED if way != "first_half" else ()
    for number in range(2, STEPS + 1):
        same = np.array_equal(values[number - 1], values[number - 2])
        assert same == (number in spiked), number
        assert (counts[number - 1] == number - sum(s <= number for s in spiked)).all()


@pytest.mark.parametrize("way", ALL)
def test_training_goes_on_as_on_one_device(found, way):
    one, other = found("one_device"), found(way)
    assert (other["counts"][-1] == len(MADE)).all()
    # Measured: 0.0054, what rounding in float16 makes of sums in another order.
    start, end = one["values"][0][0], one["values"][-1][0]
    assert np.abs(other["values"][-1][0] - end).max() < 0.02
    assert np.abs(start - end).max() > 0.1
