"""Callbacks: told of each validation; of one that raises the training tells, and goes on. Those of
Keras are `fit`'s."""

import csv
from importlib.util import find_spec

import keras
import numpy as np
import pytest
import resumed_training
from test_resume import outcome
from training_fakes import Batcher, distiller, weights_of

from tfkd.training import read_history
from tfkd.training.callbacks import CallbackFailedError


class Told:
    """Notes what it is told; fails at a step."""

    def __init__(self, fails_at=None):
        self.points, self.fails_at = [], fails_at

    def on_validation(self, point):
        if point.step == self.fails_at:
            raise OSError("the logger's server is away")
        self.points.append(
            (point.step, point.steps, point.metrics["score"], weights_of(point.model))
        )


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """What a training without callbacks comes to."""
    folder = tmp_path_factory.mktemp("plain")
    resumed_training.run(folder)
    return outcome(folder)


def test_a_training_tells_of_its_validations_and_is_the_same(plain, tmp_path):
    told = Told()
    resumed_training.run(tmp_path, callbacks={"stages.learn.callbacks.mine": told})
    assert outcome(tmp_path) == plain
    history = read_history(tmp_path / "history.jsonl")
    validations = [line for line in history if "validation" in line and "of" not in line]
    assert [line["step"] for line in validations] == [15, 30, 45, 60]
    steps, totals, scores, weights = zip(*told.points, strict=True)
    assert steps == (15, 30, 45, 60)
    assert set(totals) == {60}
    assert list(scores) == [line["validation"]["score"] for line in validations]
    assert (weights[0]["output/kernel"] != weights[1]["output/kernel"]).any()


def test_one_that_raises_is_named_and_the_same_call_goes_on(plain, tmp_path):
    place, told = "stages.learn.callbacks.mine", Told(fails_at=30)
    with pytest.raises(CallbackFailedError) as failed:
        resumed_training.run(tmp_path, callbacks={place: told}, save_every_seconds=1000)
    assert f"{place}: Told.on_validation has raised at step 30 (OSError: the logger" in str(
        failed.value
    )
    assert "the same command continues" in str(failed.value)
    assert [point[0] for point in told.points] == [15]
    asked = []

    class Batches(Batcher):
        def batch(self, number):
            asked.append(number)
            return super().batch(number)

    mended = Told()
    resumed_training.run(tmp_path, callbacks={place: mended}, batcher=Batches())
    assert min(asked) == 30  # nothing was lost
    assert [point[0] for point in mended.points] == [30, 45, 60]
    assert outcome(tmp_path) == plain


class Own(keras.callbacks.Callback):
    """Notes the logs of each step and epoch."""

    def __init__(self):
        super().__init__()
        self.batches, self.epochs = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append(logs["loss"])

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append((self.model.student.name, dict(logs)))


def fitted(callbacks):
    model = distiller()
    model.compile(optimizer=keras.optimizers.Adam(0.01), run_eagerly=True)
    batches = ((Batcher().batch(number),) for number in range(6))
    model.fit(batches, steps_per_epoch=2, epochs=3, verbose=0, callbacks=callbacks)
    return model


def test_fit_calls_keras_callbacks(tmp_path):
    own = Own()
    board = [keras.callbacks.TensorBoard(tmp_path / "board")] if find_spec("tensorboard") else []
    model = fitted(
        [
            own,
            keras.callbacks.CSVLogger(tmp_path / "log.csv"),
            keras.callbacks.ModelCheckpoint(tmp_path / "last.weights.h5", save_weights_only=True),
            keras.callbacks.EarlyStopping(monitor="words", mode="min", patience=10),
            keras.callbacks.TerminateOnNaN(),
            *board,
        ]
    )
    assert len(own.batches) == 6
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [float(row["loss"]) for row in rows] == pytest.approx(
        [logs["loss"] for _, logs in own.epochs]
    )
    assert own.epochs[0][0] == "student"
    assert {"words", "masked", "words.accuracy"} <= set(rows[0])
    assert bool(board) == bool(list((tmp_path / "board").rglob("events*")))
    plain = weights_of(fitted([]).student)
    for path, value in weights_of(model.student).items():
        np.testing.assert_array_equal(value, plain[path])
    again = distiller(seed=5)
    again.load_weights(tmp_path / "last.weights.h5")
    np.testing.assert_array_equal(
        again.student.output_layer.kernel.value, model.student.output_layer.kernel.value
    )


def test_what_is_to_save_a_whole_distiller_is_told_what_to_save(tmp_path):
    with pytest.raises(ValueError, match=r"save its student.*save_weights_only=True"):
        fitted([keras.callbacks.ModelCheckpoint(tmp_path / "last.keras")])
