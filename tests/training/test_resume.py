"""A training that was stopped comes to the same weights and history, bit for bit."""

import math
import random
import shutil
import signal
import time
from types import SimpleNamespace

import numpy as np
import pytest
import real_models
import resumed_training
from rings import few
from safetensors.numpy import load_file

from tfkd.training import Adam, Interrupted, TrainSettings, Triangular, read_history, train
from tfkd.training.loop import HISTORY, WEIGHTS
from tfkd.training.state import ends
from tfkd.training.state.ends import begin_at_end, keep_end
from tfkd.training.validation import Validation

TIMINGS = {"seconds", "tokens_per_second", "waiting_share"}


def outcome(folder):
    lines = [
        {key: value for key, value in line.items() if key not in TIMINGS}
        for line in read_history(folder / HISTORY)
    ]
    arrays = load_file(folder / WEIGHTS)
    weights = {name: (array.shape, array.tobytes()) for name, array in arrays.items()}
    return weights, lines, resumed_training.set_aside(folder)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of an uninterrupted training; not to be changed."""
    folder = tmp_path_factory.mktemp("whole")
    resumed_training.run(folder)
    return folder


@pytest.fixture(scope="module")
def uninterrupted(finished):
    return outcome(finished)


def test_killed_at_a_random_step(uninterrupted, run_script, tmp_path, capsys):
    at = random.SystemRandom().randrange(5, resumed_training.STEPS)
    killed = run_script("resumed_training.py", tmp_path, at, "kill")
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    assert not (tmp_path / WEIGHTS).exists()
    resumed_training.run(tmp_path)
    assert "going on from step" in capsys.readouterr().out
    assert outcome(tmp_path) == uninterrupted, f"killed at batch {at}"


@pytest.mark.parametrize(
    "how", few(["SIGTERM", pytest.param("SIGINT", marks=pytest.mark.long), "validation"], 0)
)
def test_stopped_by_a_signal(uninterrupted, tmp_path, how):
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted, match="stopped by SIG"):
        resumed_training.run(tmp_path, 30, how, save_every_seconds=1000)
    assert signal.getsignal(signal.SIGTERM) is handler
    # In a validation it goes on at its step.
    (kept,) = (tmp_path / "checkpoints").glob("*.json")
    assert how != "validation" or kept.name == "step-000000030.json"
    assert Interrupted.exit_code == 3
    resumed_training.run(tmp_path, 30, how)
    assert outcome(tmp_path) == uninterrupted


@pytest.mark.long
def test_time_limit_saves_and_stops(uninterrupted, tmp_path):
    class Limit:
        end = time.monotonic() + 1.0

        @property
        def remaining(self):
            return self.end - time.monotonic()

    slow = resumed_training.Batcher()
    fast = slow.batch

    def batch(number):
        time.sleep(0.05)
        return fast(number)

    slow.batch = batch
    with pytest.raises(Interrupted, match="time limit"):
        resumed_training.run(tmp_path, time_limit=Limit(), batcher=slow)
    resumed_training.run(tmp_path)
    assert outcome(tmp_path) == uninterrupted


@pytest.mark.long
def test_validations_are_not_made_twice(tmp_path):
    calls = []

    def validate(model):
        calls.append(1)
        return {"score": 1.0}

    options = {"validate": validate, "save_every_seconds": 1000}
    with pytest.raises(Interrupted):
        resumed_training.run(tmp_path, 40, "SIGTERM", **options)
    # As after a kill: back to the start, past the same weights.
    for path in (tmp_path / "checkpoints").iterdir():
        path.unlink()
    resumed_training.run(tmp_path, 40, "SIGTERM", **options)
    assert len(calls) == 5  # steps 15, 30, 45, 60 and the mean at the end


def test_validations_of_another_training_are_not_taken(tmp_path):
    """The same weights at the same step, validated on other rows."""
    weights = {"a": np.ones(2)}

    def validated(of, loss):
        validation = Validation(lambda model: {"loss": loss}, tmp_path / "validations.json", of)
        return validation(3, None, weights)["loss"]

    assert validated("train-0", 1.0) == 1.0
    assert validated("train-0", 2.0) == 1.0
    assert validated("train-1", 2.0) == 2.0
    assert math.isnan(validated("train-2", math.nan))
    assert math.isnan(validated("train-2", 3.0))


def test_a_finished_training_is_not_trained_again(finished, uninterrupted, tmp_path):
    shutil.copytree(finished, tmp_path / "again")
    result = resumed_training.run(tmp_path / "again", validate=None)
    assert result.steps == resumed_training.STEPS
    assert outcome(tmp_path / "again")[0] == uninterrupted[0]


def test_an_end_that_is_kept_may_be_damaged(finished, tmp_path):
    """As a longer training finds it; see `test_ends`."""
    shutil.copytree(finished, tmp_path / "short")
    keep_end(tmp_path / "short", tmp_path / "kept")
    (path,) = (tmp_path / "kept" / ends.CHECKPOINTS).glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ends.DamagedFileError):
        begin_at_end(tmp_path / "kept", tmp_path / "long", "long")
    assert not [*(tmp_path / "long").glob("checkpoints/*.json")]


@pytest.mark.long
def test_parts_side_by_side_and_compiled_chains_repeat_bit_for_bit(tmp_path):
    """Two threads add in one order, and what is compiled anew computes the same."""

    def run(folder, at=None):
        stopping = resumed_training.Stopping(folder / "stopped", at, "SIGTERM")
        pairs = real_models.PairBatcher()

        def batch(number):
            if number == at:
                stopping.stop()
            return pairs.batch(number)

        return train(
            real_models.distiller("mixed_bfloat16", dropout=0.3),
            SimpleNamespace(batch=batch, batches_per_epoch=5),
            TrainSettings(
                steps=20,
                optimizer=Adam(clip_norm=1.0),
                schedule=Triangular(steps=20, rate=0.02),
                folder=folder,
                log_every=7,
                streams=2,
                fuse=True,
                progress=False,
                tensorboard=False,
                say=print,
            ),
        )

    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    stopped.mkdir()
    run(whole)
    with pytest.raises(Interrupted):
        run(stopped, 11)
    run(stopped, 11)
    assert outcome(stopped) == outcome(whole)
