"""Scaled losses: the same gradients, steps skipped on overflow, and no other trace of the scale."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from real_models import PairBatcher, distiller
from rings import few
from training_fakes import Batcher
from training_fakes import distiller as fake_distiller

from tfkd.training import Adam, Constant, TrainingDiverged, TrainSettings, read_history, train
from tfkd.training.optimization.loss_scale import FIXED, LossScale, StepState, restored, saved
from tfkd.training.step import Step
from tfkd.training.step_function import StepFunction

KEY = tf.constant([1, 2])


def tensors(batch):
    return tf.nest.map_structure(tf.convert_to_tensor, batch)


class Reference:
    """The rule as a few lines of Python."""

    def __init__(self, initial, interval):
        self.scale, self.interval = initial, interval
        self.failed = self.skipped = self.good = 0

    def after(self, finite, update):
        if self.failed:
            return False
        if finite:
            self.good += 1
            if self.good == self.interval:
                self.scale, self.good = self.scale * 2, 0
            return True
        if self.scale > 1:
            self.scale, self.good = self.scale / 2, 0
            self.skipped += 1
        else:
            self.failed = update
        return False


@pytest.mark.parametrize("seed", range(6))
def test_the_scale_follows_the_rule(seed):
    draw = np.random.default_rng(seed)
    rule, reference = LossScale(initial=8.0, interval=3), Reference(8.0, 3)
    state = StepState(*map(tf.convert_to_tensor, rule.start()))
    for update in range(1, 60):
        finite = bool(draw.random() < 0.5)
        state, applied = rule.after(state, tf.constant(finite), tf.constant(update, tf.int64))
        assert bool(applied) == reference.after(finite, update)
        assert [float(value) for value in state] == [
            reference.failed, reference.skipped, reference.good, reference.scale
        ]  # fmt: skip
    assert reference.failed  # the draws go as far as that


def test_a_fixed_scale_fails_at_once():
    state, applied = FIXED.after(FIXED.start(), tf.constant(False), tf.constant(4, tf.int64))
    assert not bool(applied)
    assert int(state.failed) == 4
    _, applied = FIXED.after(state, tf.constant(True), tf.constant(5, tf.int64))
    assert not bool(applied)


def test_the_scale_stays_below_its_largest():
    rule = LossScale(initial=4.0, interval=1, largest=8.0)
    state = rule.start()
    for update in range(1, 5):
        state, _ = rule.after(state, tf.constant(True), tf.constant(update, tf.int64))
    assert float(state.scale) == 8.0


def test_what_is_saved_comes_back():
    state = StepState(np.int64(0), np.int64(3), np.int64(7), np.float32(512))
    assert restored(saved(state)) == state


@pytest.mark.parametrize("micro_batches", [1, 2])
@pytest.mark.parametrize("make", few([distiller, fake_distiller], 1))
def test_a_power_of_two_changes_no_bit_of_a_float32_step(make, micro_batches):
    model = make()
    batcher = PairBatcher(rows=6) if make is distiller else Batcher()
    batch = tensors(batcher.batch(0))

    def step(scale):
        return Step(model, micro_batches=micro_batches)(batch, KEY, loss_scale=scale)

    plain, scaled = step(None), step(tf.constant(2.0**15))
    for one, other in zip(plain.gradients, scaled.gradients, strict=True):
        np.testing.assert_array_equal(one, other)
    for name, value in plain.statistics.items():
        assert float(value) == float(scaled.statistics[name]), name


def trained(folder, policy, steps=12, **options):
    model = distiller(policy)
    result = train(
        model,
        PairBatcher(),
        TrainSettings(
            steps=steps,
            optimizer=Adam(clip_norm=1.0),
            schedule=Constant(steps=steps, rate=0.01),
            folder=folder,
            progress=False,
            tensorboard=False,
            **{"say": lambda line: None, "log_every": 1, **options},
        ),
    )
    return model, read_history(result.history)


@pytest.mark.long
def test_float16_trains_as_float32_does(tmp_path):
    model, half = trained(tmp_path / "half", "mixed_float16")
    _, whole = trained(tmp_path / "whole", "float32")
    assert model.student.compute_dtype == "float16"
    assert {p.value.dtype for p in model.parameters} == {tf.float32}
    for line, other in zip(half, whole, strict=True):
        assert line["loss"] == pytest.approx(other["loss"], rel=0.01)
        assert line["gradient_norm"] == pytest.approx(other["gradient_norm"], rel=0.05)
        assert (line["loss_scale"], line["skipped_steps"]) == (2.0**15, 0)
        assert "loss_scale" not in other


def steps_of(model, rule, count, optimizer=None):
    """Makes steps; returns the function, its statistics by step, and the weights before each."""
    optimizer = optimizer or Adam()
    parameters = model.parameters
    optimizer.build(parameters)
    function = StepFunction(
        model, optimizer, strategy=tf.distribute.get_strategy(), loss_scale=rule
    )
    statistics, weights = [], [[p.value.numpy() for p in parameters]]
    for update in range(1, count + 1):
        vector = function(tensors(PairBatcher().batch(update)), update, 0.01).numpy()
        statistics.append(dict(zip(function.names, vector.tolist(), strict=True)))
        weights.append([p.value.numpy() for p in parameters])
    return function, statistics, weights


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_an_overflow_skips_the_step_and_shrinks_the_scale():
    seen = []

    class Watched(Adam):
        def apply(self, gradients, rate, update):
            tf.py_function(lambda number: seen.append(int(number)), [update], [])
            super().apply(gradients, rate, update)

    rule = LossScale(initial=2.0**24, interval=1000, largest=2.0**24)
    function, statistics, weights = steps_of(distiller("mixed_float16"), rule, 14, Watched())
    skipped = [entry["skipped"] for entry in statistics]
    count = int(sum(skipped))
    assert 3 < count < 13
    assert int(function.state.skipped) == count
    assert int(function.state.failed) == 0
    assert float(function.state.scale) == 2.0 ** (24 - count)
    for number, entry in enumerate(statistics):
        assert same(weights[number], weights[number + 1]) == bool(entry["skipped"])
        assert all(np.isfinite(list(entry.values())))
        if entry["skipped"]:
            assert sum(abs(value) for name, value in entry.items() if name != "skipped") == 0
    # They are none of the optimizer's: Adam corrects its moments for the steps that it took.
    assert seen == list(range(1, 15 - count))


@pytest.mark.long
def test_a_loss_that_is_not_finite_at_any_scale_has_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "tfkd.training.step_function.loss_scale_of",
        lambda model: LossScale(initial=2.0**4, interval=1000),
    )

    class Poisoned(PairBatcher):
        def batch(self, number):
            batch = super().batch(number)
            if number >= 4:
                store = batch["stores"]["targets"]
                store["log_probabilities"] = store["log_probabilities"] * np.float16(np.nan)
            return batch

    model = distiller("mixed_float16")
    with pytest.raises(TrainingDiverged, match="step 9: the sum of soft is not finite"):
        train(
            model, Poisoned(), TrainSettings(
            steps=40, optimizer=Adam(), schedule=Constant(steps=40, rate=0.01),
            folder=tmp_path, log_every=10, progress=False, say=lambda line: None,
            tensorboard=False,
        ))  # fmt: skip
    assert (tmp_path / "bad_batch.npz").exists()


@pytest.mark.long
def test_a_line_counts_applied_steps_alone_and_says_what_was_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "tfkd.training.step_function.loss_scale_of",
        lambda model: LossScale(initial=2.0**30, interval=1000, largest=2.0**30),
    )
    said = []
    _, lines = trained(tmp_path / "each", "mixed_float16", steps=30)
    _, (line,) = trained(tmp_path / "one", "mixed_float16", 30, say=said.append, log_every=30)
    skipped = line["skipped_steps"]
    assert 1 < skipped < 30
    assert line["loss_scale"] == 2.0 ** (30 - skipped)
    assert f"skipped {skipped}" in said[-1]
    applied = [one["loss"] for one in lines if "loss" in one]
    assert len(applied) == 30 - skipped
    assert line["loss"] == pytest.approx(np.mean(applied), rel=1e-6)


@pytest.mark.long
def test_a_stopped_training_goes_on_with_its_scale(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "tfkd.training.step_function.loss_scale_of",
        lambda model: LossScale(initial=2.0**30, interval=4, largest=2.0**30),
    )

    class Limit:
        remaining = 1000.0

    def run(folder, stop=None):
        limit = Limit()

        class Stopping(PairBatcher):
            def batch(self, number):
                if number == stop:
                    limit.remaining = 0.0
                return super().batch(number)

        model = distiller("mixed_float16")
        result = train(
            model, Stopping(), TrainSettings(
            steps=30, optimizer=Adam(), schedule=Constant(steps=30, rate=0.01),
            folder=folder, log_every=1, progress=False, say=lambda line: None, tensorboard=False,
            time_limit=limit,
        ))  # fmt: skip
        shown = [(line.get("loss"), line["loss_scale"]) for line in read_history(result.history)]
        return [p.value.numpy() for p in model.parameters], shown

    from tfkd.training import Interrupted

    with pytest.raises(Interrupted):
        run(tmp_path / "stopped", 20)
    resumed, whole = run(tmp_path / "stopped"), run(tmp_path / "whole")
    assert same(resumed[0], whole[0])
    assert resumed[1] == whole[1]


@pytest.mark.long
def test_fit_scales_the_loss_of_a_float16_student():
    losses = {}
    for policy in ("mixed_float16", "float32"):
        model = distiller(policy)
        model.compile(optimizer=keras.optimizers.Adam(0.01))
        wrapped = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
        assert wrapped == (policy == "mixed_float16")
        batches = ((PairBatcher().batch(number),) for number in range(4))
        losses[policy] = model.fit(batches, steps_per_epoch=4, verbose=0).history["loss"][0]
        if wrapped:
            assert int(model.optimizer.inner_optimizer.iterations) == 4
    assert losses["mixed_float16"] == pytest.approx(losses["float32"], rel=0.01)
