"""Exactly one of `steps` and `epochs` says how long a stage trains."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spec_files import faults, loaded, replaced

from tfkd.pipeline.engine.identity import plain
from tfkd.pipeline.plan.step_sizes import steps_of

OLD = "data: text, steps: 5"


@pytest.mark.parametrize(
    ("new", "said"),
    [("data: text", "stages.pretrain.steps: missing; expected updates of the weights, or epochs"),
     ("data: text, steps: 5, epochs: 2", "stages.pretrain.epochs: steps and epochs; expected "
      "exactly one of them"),
     ("data: text, epochs: 0", "stages.pretrain.epochs: 0 is too small"),
     ("data: text, epochs: null", "stages.pretrain.steps: missing"),
     ("data: text, epochs: ten", "stages.pretrain.epochs: 'ten' is text"),
     ("data: text, num_train_epochs: 3", "did you mean epochs?")],
)  # fmt: skip
def test_what_is_no_length_is_refused(tmp_path, new, said):
    found = faults(tmp_path, replaced(OLD, new))
    assert [line for line in found if said in line], found


def test_what_it_is_trained_by_is_its_identity(tmp_path):
    by_steps = loaded(tmp_path).stages["pretrain"]
    by_epochs = loaded(tmp_path, replaced(OLD, "data: text, epochs: 2")).stages["pretrain"]
    first, second = plain(by_steps), plain(by_epochs)
    assert (first.pop("steps"), second.pop("epochs")) == (5, 2.0)
    assert first == second


@given(st.floats(0.01, 1000), st.integers(1, 10_000))
def test_the_last_batch_that_is_begun_is_read_whole(epochs, batches):
    steps = steps_of(SimpleNamespace(steps=None, epochs=epochs), batches)
    assert steps >= 1
    assert epochs * batches - 1e-5 <= steps < epochs * batches + 1
    assert steps_of(SimpleNamespace(steps=7, epochs=None), batches) == 7
