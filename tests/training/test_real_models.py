"""The loop with the models and terms that the package has."""

import numpy as np
import pytest
import tensorflow as tf
from real_models import PairBatcher, distiller

from tfkd.training import Adam, Constant, TrainSettings, read_history, train


@pytest.mark.long
def test_bfloat16_keeps_whole_weights_and_nearly_the_loss(tmp_path):
    model = distiller("mixed_bfloat16")
    result = train(
        model,
        PairBatcher(),
        TrainSettings(
            steps=1,
            optimizer=Adam(clip_norm=1.0),
            schedule=Constant(steps=1, rate=0.01),
            folder=tmp_path,
            progress=False,
            say=lambda line: None,
            tensorboard=False,
        ),
    )
    line = read_history(result.history)[-1]
    assert model.student.compute_dtype == "bfloat16"
    assert {p.value.dtype for p in model.parameters} == {tf.float32}
    assert set(line["terms"]) == {"words", "soft", "other"}
    assert np.isfinite(line["gradient_norm"])
    whole = distiller("float32")
    batch = tf.nest.map_structure(tf.convert_to_tensor, PairBatcher().batch(0))
    expected = whole.objective(batch, whole.counts(batch), training=False)[0]
    assert line["loss"] == pytest.approx(float(expected), rel=0.02)


@pytest.mark.long
def test_xla_makes_the_same_steps_as_the_graph(tmp_path):
    lines = {}
    for jit_compile in (False, True):
        result = train(
            distiller("float32"),
            PairBatcher(),
            TrainSettings(
                steps=2,
                optimizer=Adam(clip_norm=1.0),
                schedule=Constant(steps=2, rate=0.01),
                folder=tmp_path / str(jit_compile),
                log_every=1,
                micro_batches=2,
                progress=False,
                say=lambda line: None,
                tensorboard=False,
                jit_compile=jit_compile,
            ),
        )
        lines[jit_compile] = read_history(result.history)
    for graph, xla in zip(lines[False], lines[True], strict=True):
        assert xla["loss"] == pytest.approx(graph["loss"], rel=1e-5)
        assert xla["gradient_norm"] == pytest.approx(graph["gradient_norm"], rel=1e-4)
