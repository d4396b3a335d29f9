"""What a worker answers, in this process: shards, or what went wrong, in words."""

import errno
import json
from pathlib import Path

import pytest
from small_line import write_line

from tfkd.data import side_by_side
from tfkd.pipeline.cluster import worker
from tfkd.pipeline.cluster.installation import installation
from tfkd.pipeline.cluster.job import Job
from tfkd.pipeline.cluster.setup import setup_of
from tfkd.pipeline.cluster.worker import ShardWorker, answered
from tfkd.spec.errors import UserError
from tfkd.training.interruption import Interrupted


@pytest.fixture
def setup(tmp_path, monkeypatch):
    """A worker's setup; what it does to its process is undone."""
    for name in ("_cores", "_threads"):
        monkeypatch.setattr(side_by_side, name, None)
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
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
