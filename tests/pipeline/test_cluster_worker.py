"""What a worker answers, in this process: shards, or what went wrong, in words."""

import errno
import json
import os
import time
from pathlib import Path

import pytest
from small_line import write_line

from tfkd.data import side_by_side
from tfkd.pipeline.cluster import host, shared_folder, worker
from tfkd.pipeline.cluster import installation as installation_module
from tfkd.pipeline.cluster.installation import differences, installation
from tfkd.pipeline.cluster.job import Job
from tfkd.pipeline.cluster.setup import setup_of
from tfkd.pipeline.cluster.worker import ShardWorker, answered
from tfkd.spec.errors import UserError
from tfkd.training.deadline import Deadline, stopping
from tfkd.training.interruption import Interrupted


@pytest.fixture
def setup(tmp_path, monkeypatch):
    """A worker's setup; what it does to its process is undone."""
    for name in ("_cores", "_threads"):
        monkeypatch.setattr(side_by_side, name, None)
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr("tfkd.quiet.quiet", lambda: None)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    spec = write_line(tmp_path)
    return Job(str(spec), str(tmp_path), str(tmp_path / "runs"))


def made(job):
    return ShardWorker(json.dumps(setup_of(job.text, 1, 1)))


def test_a_worker_says_who_it_is_and_whether_it_sees_what_is_written(setup, tmp_path):
    mark = tmp_path / "mark"
    assert json.loads(made(setup).hello(str(mark)))["sees"] is False
    mark.touch()
    hello = json.loads(made(setup).hello(str(mark)))
    assert hello["sees"] is True
    assert hello["writes"] == ""
    assert hello["installation"] == installation()
    assert [path.name for path in tmp_path.glob(".probe*")] == []


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.EACCES, worker.DONE), (errno.ENOSPC, worker.SURROUNDINGS)]
)
def test_a_worker_says_in_a_line_why_it_cannot_write(setup, tmp_path, monkeypatch, number, kind):
    """What the user must mend is told by its name; a full disk ends the run, which then goes on."""

    def refuse(path, text):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(shared_folder, "write_atomically", refuse)
    (tmp_path / "mark").touch()
    answer = json.loads(made(setup).hello(str(tmp_path / "mark")))
    assert answer["kind"] == kind
    assert os.strerror(number) in answer.get("writes", answer.get("text"))


def test_settings_that_change_the_last_bits_are_those_of_who_asks(setup, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false")
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    there = setup_of(setup.text, 1, 1)
    monkeypatch.setenv("XLA_FLAGS", "another")
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")  # as Ray has it there
    ShardWorker(json.dumps(there))
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert os.environ["XLA_FLAGS"] == "--xla_cpu_enable_fast_math=false"
    assert "NVIDIA_TF32_OVERRIDE" not in os.environ


def test_another_source_of_a_plugin_is_another_installation(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_plugin.py").write_text("A = 1\n", "utf-8")
    here = installation(["own_plugin"])
    installation_module._digest.cache_clear()
    assert differences(here, installation(["own_plugin"])) == []
    (tmp_path / "own_plugin.py").write_text("A = 2\n", "utf-8")
    installation_module._digest.cache_clear()
    (said,) = differences(here, installation(["own_plugin"]))
    assert said.startswith("plugin own_plugin ")
    (said,) = differences(here, installation())
    assert said.startswith("plugin own_plugin none, here ")


def test_a_host_that_is_to_stop_gets_the_signal_that_it_saves_by(monkeypatch):
    monkeypatch.setattr(host, "_ASK_EVERY", 0.01)
    wishes = iter([False, False, True])
    asked = host.asked(lambda: next(wishes))
    with pytest.raises(Interrupted, match="SIGTERM"), stopping(Deadline()), asked:
        time.sleep(5)


def test_a_worker_without_the_data_says_so_in_a_line(setup):
    path = Path(setup.data_dir) / "train.de"
    path.rename(path.with_suffix(".gone"))
    answer = json.loads(made(setup).shard("score-0123456789abcdef", 0))
    assert answer["kind"] == worker.WRONG_INPUT
    assert "train.de" in answer["text"]


def test_a_stage_that_a_worker_does_not_find_is_refused(setup):
    answer = json.loads(made(setup).shard("score-0123456789abcdef", 0))
    assert answer["kind"] == worker.WRONG_INPUT
    assert "differ from those of the run" in answer["text"]


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (UserError("data: none"), worker.WRONG_INPUT, "data: none"),
        (OSError(errno.ENOSPC, "No space left on device", "a"), worker.SURROUNDINGS, "No space"),
        (Interrupted("stopped by SIGTERM"), worker.SURROUNDINGS, "stopped by SIGTERM"),
        (MemoryError(), worker.SURROUNDINGS, "out of memory"),
        (ZeroDivisionError("1 / 0"), worker.FAULT, "ZeroDivisionError: 1 / 0"),
    ],
)
def test_no_exception_leaves_a_worker(error, kind, said):
    def make():
        raise error

    answer = json.loads(answered(make))
    assert answer["kind"] == kind
    assert said in answer["text"]
