"""SIGTERM, Ctrl-C and the time limit in any kind of stage: exit code 3, and nothing is lost.

The short ring stops trainings in `training/test_resume`, and what needs no TensorFlow, by the time
limit, too, in `test_toy_line`.
"""

import os
import random
import shutil
import signal
import threading
import time

import pytest
from drills import finished_copy, same_results, stable_files, stage_of
from small_line import arguments, manifest

import tfkd.pipeline.inputs.models as models
import tfkd.pipeline.tasks.words as words
import tfkd.serving.export as export
from tfkd import cli
from tfkd.training.deadline import Deadline

UNTIL = {
    "corpus": ("--until", "teach"),
    "tokenizer": ("--until", "teach"),
    "ids": ("--until", "teach"),
    "train": ("--until", "teach"),
    "score": ("--until", "targets"),
    "translate": ("--until", "synthetic"),
    "evaluate": (),
    "export": (),
}
# A call that each kind of stage with a model makes in its midst; training stops between its steps.
INSIDE = {
    "score": (models, "trained_model"),
    "translate": (models, "trained_model"),
    "evaluate": (models, "trained_model"),
    "export": (export, "write_version"),
}
# Long beside what comes before it, however slow the machine is.
FOREVER = 120.0


def _continued(line, runs, folder, wanted, until):
    assert cli.main(arguments(line.spec, runs, *until)) == cli.DONE
    assert stable_files(folder) == wanted
    if not until:
        assert same_results(line, runs)


def _signalled(folder, number, delay, ended):
    """Sends a signal to this process some time after a stage has begun."""

    def send():
        while not folder.exists() and not ended.is_set():
            time.sleep(0.001)
        if not ended.wait(delay) and not (folder / "manifest.json").exists():
            os.kill(os.getpid(), number)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


def _stopped(line, runs, kind, number, delay, capsys):
    """Removes a stage, stops the run while it is made, and continues; whether it was stopped."""
    folder, until = stage_of(runs, kind), UNTIL[kind]
    wanted = stable_files(folder)
    shutil.rmtree(folder)
    ended = threading.Event()
    thread = _signalled(folder, number, delay, ended)
    code = cli.main(arguments(line.spec, runs, *until))
    ended.set()
    thread.join()
    errors = capsys.readouterr().err
    if code != cli.DONE:
        assert code == cli.RESUMABLE, errors
        # A library that was in the midst of a call may have printed the exception it saw.
        said, advice = errors.splitlines()[-2:]
        assert said.startswith(f"tfkd: stopped by {signal.Signals(number).name}"), errors
        assert "the same command continues" in advice
    _continued(line, runs, folder, wanted, until)
    return code == cli.RESUMABLE


def _seconds(runs, kind):
    """Within the time that a stage took, at most 1.5 s."""
    return min(1.5, manifest(stage_of(runs, kind))["seconds"])


@pytest.mark.long
@pytest.mark.parametrize("kind", UNTIL)
def test_a_signal_in_a_stage_stops_it_and_the_same_command_continues(line, tmp_path, kind, capsys):
    runs, chance = finished_copy(line, tmp_path), random.Random(time.time_ns())
    number = chance.choice([signal.SIGTERM, signal.SIGINT])
    _stopped(line, runs, kind, number, chance.uniform(0, _seconds(runs, kind)), capsys)


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("kind", UNTIL)
def test_ten_signals_in_a_stage(line, tmp_path, kind, number, capsys):
    runs, chance = finished_copy(line, tmp_path), random.Random(time.time_ns())
    longest, stopped = _seconds(runs, kind), 0
    for _ in range(10):
        if _stopped(line, runs, kind, number, chance.uniform(0, longest), capsys):
            stopped += 1
        else:
            longest /= 2  # it ended before the signal: a fast machine, or a warm one
    assert stopped > 2


@pytest.mark.long
@pytest.mark.parametrize("kind", INSIDE)
def test_the_time_limit_ends_a_stage_that_does_not_look_at_the_clock(
    line, tmp_path, kind, capsys, monkeypatch
):
    runs = finished_copy(line, tmp_path)
    folder, until = stage_of(runs, kind), UNTIL[kind]
    wanted = stable_files(folder)
    shutil.rmtree(folder)
    slept = []
    with monkeypatch.context() as patch:
        patch.setattr(*INSIDE[kind], lambda *_, **__: slept.append(time.sleep(FOREVER)))
        code = cli.main(arguments(line.spec, runs, *until, "--time-limit", "2s"))
    assert not slept
    errors = capsys.readouterr().err
    assert code == cli.RESUMABLE, errors
    assert "tfkd: the time limit of 2 s is reached" in errors
    assert "the same command continues" in errors
    assert not (folder / "manifest.json").exists()
    _continued(line, runs, folder, wanted, until)


@pytest.mark.parametrize(
    "how", [pytest.param(how, marks=pytest.mark.long) for how in ("time limit", "error of its own")]
)
def test_a_validation_is_ended_at_once_and_the_training_saved(
    line, tmp_path, capsys, monkeypatch, how
):
    """Also where Keras makes an error of its own of the exception that came through it."""
    runs = finished_copy(line, tmp_path)
    folder, until = stage_of(runs, "train learn"), ("--until", "learn")
    wanted = stable_files(folder)
    shutil.rmtree(folder)

    slept = []

    def slow(*_):
        if how == "time limit":
            # As if the hour were over.
            patch.setattr(Deadline, "expired", True)
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            slept.append(time.sleep(FOREVER))
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            slept.append(time.sleep(FOREVER))
        except Exception as error:
            raise RuntimeError(f"Exception encountered when calling a layer: {error}") from error

    limit = ("--time-limit", "1h") if how == "time limit" else ()
    with monkeypatch.context() as patch:
        patch.setattr(words, "RowSums", slow)
        code = cli.main(arguments(line.spec, runs, *until, *limit))
    assert not slept
    errors = capsys.readouterr().err
    assert code == cli.RESUMABLE, errors
    assert errors.startswith(
        "tfkd: " + ("the time limit of 3600 s" if limit else "stopped by SIGTERM")
    )
    assert [path.name for path in (folder / "work" / "checkpoints").glob("*.json")] == [
        "step-000000003.json"
    ]
    _continued(line, runs, folder, wanted, until)


def test_a_time_limit_that_is_over_at_once_leaves_nothing_half_done(line, tmp_path, capsys):
    words = arguments(line.spec, tmp_path / "runs", "--until", "teach")
    assert cli.main([*words, "--time-limit", "0.001s"]) == cli.RESUMABLE
    assert "the time limit of 0.001 s is reached" in capsys.readouterr().err
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
