"""What the loop writes, and how it refuses and stops."""

import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from training_fakes import Batcher, Student, distiller, two_terms, weights_of

from tfkd.spec.errors import UserError
from tfkd.training import Adam, Constant, TrainingDiverged, TrainSettings, read_history, train
from tfkd.training.statistics import Totals
from tfkd.training.step_function import filled_to_multiple, tokens_in


def run(model, folder, **options):
    return train(
        model,
        options.pop("batcher", None) or Batcher(),
        TrainSettings(
            **{
                "steps": 10,
                "optimizer": Adam(),
                "schedule": Constant(steps=10, rate=0.01),
                "folder": folder,
                "log_every": 4,
                "progress": False,
                "say": lambda line: None,
                **options,
            },
        ),
    )


def plain_losses(steps, rate):
    """The same training by hand: eager, one optimizer step after the other."""
    model = distiller()
    optimizer = Adam()
    optimizer.build(model.parameters)
    sums = []
    for number in range(steps):
        batch = tf.nest.map_structure(tf.convert_to_tensor, Batcher().batch(number))
        counts = model.counts(batch)
        values = [p.value for p in model.parameters]
        with tf.GradientTape() as tape:
            loss, terms, metrics, _ = model.objective(batch, counts, training=True)
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, values)]
        optimizer.apply(gradients, tf.constant(rate), number + 1)
        norm = np.sqrt(sum(np.sum(np.square(g.numpy().astype(np.float64))) for g in gradients))
        sums.append((loss, terms, counts, metrics, norm))
    return sums, weights_of(model.student)


def test_history_and_weights_are_those_of_plain_steps(tmp_path):
    model = distiller()
    result = run(model, tmp_path, steps=8)
    sums, weights = plain_losses(8, 0.01)
    for path, value in weights_of(model.student).items():
        np.testing.assert_allclose(value, weights[path], atol=1e-6, err_msg=path)
    first, second = read_history(result.history)
    for line, part in ((first, sums[:4]), (second, sums[4:])):
        assert line["loss"] == pytest.approx(np.mean([s[0] for s in part]), rel=1e-5)
        assert line["gradient_norm"] == pytest.approx(np.mean([s[4] for s in part]), rel=1e-5)
        for term in ("words", "masked"):
            expected = sum(s[1][term] for s in part) / sum(s[2][term] for s in part)
            assert line["terms"][term] == pytest.approx(float(expected), rel=1e-5)
        right, count = (sum(s[3]["words.accuracy"][i] for s in part) for i in (0, 1))
        assert line["metrics"]["words.accuracy"] == pytest.approx(float(right / count))
    tokens = sum(np.count_nonzero(Batcher().batch(n)["plain"]["valid"]) for n in range(8))
    assert (second["step"], second["tokens"], second["learning_rate"]) == (8, tokens, 0.01)
    assert second["epoch"] == pytest.approx(8 / 7, abs=1e-4)
    assert 0 <= second["waiting_share"] <= 1
    assert list((tmp_path / "tensorboard").glob("events*"))


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """Of one training: the steps that each reading of the device took, the objective's traces,
    what was said, and the folder."""
    reads, traces, said = [], [], []
    folder, model, settle = tmp_path_factory.mktemp("watched"), distiller(), Totals.settle
    objective = model.objective
    model.objective = lambda *a, **k: (traces.append(1), objective(*a, **k))[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Totals, "settle", lambda self: (reads.append(len(self._pending)), settle(self))
        )
        run(model, folder, steps=10, say=said.append)
    return SimpleNamespace(reads=reads, traces=traces, said=said, folder=folder)


def test_no_step_waits_for_the_device_but_those_that_write_a_line(watched):
    assert watched.reads[:3] == [4, 4, 2]


def test_nothing_is_traced_twice(watched):
    assert len(watched.traces) == 1


def test_progress_lines_say_all(watched):
    assert watched.said[0].startswith("step 4/10  loss ")
    for part in ("words ", "masked ", "words.accuracy ", "rate 1.00e-02", "tokens/s", "left"):
        assert part in watched.said[0]
    json.dumps(read_history(watched.folder / "history.jsonl"))


@pytest.mark.parametrize("at", [0, 6])
def test_a_loss_that_is_not_finite_stops_before_its_step(tmp_path, at):
    class Poisoned(Batcher):
        def batch(self, number):
            batch = super().batch(number)
            batch["factor"] = np.full([self.rows, 1], np.inf if number == at else 1.0, np.float32)
            return batch

    class Scaled(type(distiller())):
        def objective(self, batch, counts, **options):
            result = super().objective(batch, counts, **options)
            factor = tf.reduce_mean(batch["factor"])
            sums = {**result.sums, "masked": result.sums["masked"] * factor}
            return result._replace(loss=result.loss * factor, sums=sums)

    def fresh():
        return Scaled(Student(), two_terms())

    model = fresh()
    with pytest.raises(TrainingDiverged, match=rf"step {at + 1}: the sum of masked is not finite"):
        run(model, tmp_path, batcher=Poisoned())
    with np.load(tmp_path / "bad_batch.npz") as arrays:
        np.testing.assert_array_equal(arrays["plain/ids"], Poisoned().batch(at)["plain"]["ids"])
        assert np.isinf(arrays["factor"]).all()
    before = fresh()
    run(before, tmp_path / "before", batcher=Poisoned(), steps=at) if at else None
    for path, value in weights_of(model.student).items():
        np.testing.assert_array_equal(value, weights_of(before.student)[path])
    assert issubclass(TrainingDiverged, UserError)


def test_checkpoints_of_another_training_are_refused(tmp_path):
    run(distiller(), tmp_path, of="train-0123")
    with pytest.raises(UserError, match="seed 1, this one has 2"):
        run(distiller(), tmp_path, seed=2)
    with pytest.raises(UserError, match="another training, 'train-0123'; this one is 'train-4567'"):
        run(distiller(), tmp_path, of="train-4567")

    class Deeper(Student):
        def __init__(self):
            super().__init__()
            self.deeper = keras.layers.Dense(3, name="deeper")
            self.deeper.build((None, 3))

    other = type(distiller())(Deeper(), two_terms())
    with pytest.raises(UserError, match=r"another model or optimizer.*deeper/bias"):
        run(other, tmp_path)


def test_damaged_checkpoint_and_history_go_back_to_the_one_before(tmp_path):
    run(distiller(dropout=0.2), tmp_path / "whole")
    run(distiller(dropout=0.2), tmp_path / "x", save_every_seconds=0)
    expected = (tmp_path / "whole" / "checkpoints" / "step-000000010.safetensors").read_bytes()
    newest = tmp_path / "x" / "checkpoints" / "step-000000010.safetensors"
    assert newest.read_bytes() == expected
    newest.write_bytes(expected[:-1])
    said = []
    run(distiller(dropout=0.2), tmp_path / "x", say=said.append)
    assert newest.name in said[0]
    assert "step 9 instead" in said[0]
    assert newest.read_bytes() == expected
    history = tmp_path / "x" / "history.jsonl"
    lines = history.read_bytes()
    history.write_bytes(lines[:-20] + b"}" + lines[-19:])
    said.clear()
    run(distiller(dropout=0.2), tmp_path / "x", say=said.append)
    assert "history.jsonl is damaged" in said[0]
    assert [line["step"] for line in read_history(history)] == [4, 8, 10]
    assert newest.read_bytes() == expected


def test_frozen_weights_stay_and_are_in_no_checkpoint(tmp_path):
    model = distiller()
    model.student.embedding.trainable = False
    before = model.student.embedding.embeddings.value.numpy()
    run(model, tmp_path)
    np.testing.assert_array_equal(model.student.embedding.embeddings.value.numpy(), before)
    written = (tmp_path / "checkpoints" / "step-000000010.safetensors").read_bytes()
    assert b"embedding" not in written
    assert b"optimizer/output/kernel/m" in written
    other = distiller(seed=5)
    other.student.embedding.trainable = False
    with pytest.raises(UserError, match="other frozen weights"):
        run(other, tmp_path)


def test_terms_weights_are_saved_and_not_exported(tmp_path):
    model = distiller(terms=two_terms(own=True))
    result = run(model, tmp_path)
    scale = model.terms[0].scale.value.numpy()
    assert scale != 1.0
    assert b"scale" not in result.weights.read_bytes()
    again = distiller(terms=two_terms(own=True))
    run(again, tmp_path)
    assert again.terms[0].scale.value.numpy() == scale


def test_empty_rows_change_nothing():
    batch = Batcher().batch(3)
    filled = filled_to_multiple(batch, 4)
    assert len(filled["examples"]) == 8
    assert (filled["examples"][6:] == -1).all()
    assert filled_to_multiple(batch, 3) is batch
    model = distiller()
    for one, other in zip(
        model.objective(batch, model.counts(batch), training=False)[:1],
        model.objective(filled, model.counts(filled), training=False)[:1],
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    assert tokens_in(filled, "plain") == tokens_in(batch, "plain") > 0


def test_wrong_arguments(tmp_path):
    with pytest.raises(ValueError, match="`validate_every`"):
        run(distiller(), tmp_path, keep={"average": 2})
    with pytest.raises(ValueError, match="`terms`"):
        distiller(terms=[*two_terms(), *two_terms()])


def test_a_call_makes_no_more_steps_than_are_due_before_a_line_or_a_validation(
    tmp_path, monkeypatch
):
    from tfkd.training.step_function import StepFunction

    made, steps = [], StepFunction.steps

    def counted(self, batches, first, rates):
        made.append(len(batches))
        return steps(self, batches, first, rates)

    monkeypatch.setattr(StepFunction, "steps", counted)
    train(
        distiller(),
        Batcher(),
        TrainSettings(
            steps=7,
            optimizer=Adam(),
            schedule=Constant(steps=7, rate=0.01),
            folder=tmp_path,
            validate=lambda model: {"score": 1.0},
            validate_every=4,
            log_every=3,
            steps_per_execution=2,
            progress=False,
            say=lambda line: None,
            tensorboard=False,
        ),
    )
    assert made == [2, 1, 1, 2, 1]
