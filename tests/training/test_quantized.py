"""Trainings whose products are rounded to 8 bits: they learn, and go on to the same bits."""

import signal

import numpy as np
import pytest
import quantized
import tensorflow as tf
from test_on_policy import gradients_of, tensors
from test_resume import outcome

from tfkd.layers import Product, fake_quantize
from tfkd.training.dropout_keys import step_key

pytestmark = pytest.mark.long


def test_a_teacher_is_asked_as_it_is():
    distiller = quantized.pairs()[0]
    rounded = [one for one in distiller._flatten_layers() if getattr(one, "quantizer", None)]
    ours = {id(one) for one in distiller.student._flatten_layers()}
    assert rounded
    assert all(id(one) in ours for one in rounded)
    assert sum(isinstance(one, Product) for one in distiller.student._flatten_layers()) == len(
        rounded
    )


@pytest.mark.parametrize("options", [{"micro_batches": 4}, {"streams": 2}, {"jit_compile": True}])
def test_slices_have_the_gradients_of_the_whole(options):
    """But for values at the edge between two integers, which an addition in another order moves."""
    batch = tensors(quantized.PairBatcher(rows=4).batch(0))
    key = tf.constant(step_key(1, 1))
    (one, _), (other, _) = (
        gradients_of(quantized.pairs()[0], batch, key, **ways) for ways in ({}, options)
    )
    distance = sum(np.sum((a - b) ** 2) for a, b in zip(one, other, strict=True)) ** 0.5
    size = sum(np.sum(a**2) for a in one) ** 0.5
    plain = quantized.pairs()[0]
    fake_quantize(plain.student, None)
    without, _ = gradients_of(plain, batch, key)
    rounding = sum(np.sum((a - b) ** 2) for a, b in zip(one, without, strict=True)) ** 0.5
    assert distance < 1e-4 * size
    assert rounding > 1e-3 * size


def test_a_killed_training_goes_on_to_the_same_bits(tmp_path, run_script):
    quantized.train(tmp_path / "whole")
    killed = tmp_path / "killed"
    killed.mkdir()
    done = run_script("quantized.py", killed, 17)
    assert done.returncode == -signal.SIGKILL, done.stderr
    quantized.train(killed)
    assert outcome(killed) == outcome(tmp_path / "whole")
