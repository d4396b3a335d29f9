"""Work in progress of one stage in another's place: refused by name, even in part."""

import os
import shutil
import signal

import pytest
from drills import finished_copy, stable_files, stage_of
from small_line import arguments, stage_folders

from tfkd import cli
from tfkd.pipeline.engine import output_shards
from tfkd.training.training_run import TrainingRun

pytestmark = pytest.mark.long


def _stopped(patch, place, name, words):
    """Runs a command that is asked to stop after a call of a method."""
    method = getattr(place, name)

    def call(*arguments, **options):
        found = method(*arguments, **options)
        os.kill(os.getpid(), signal.SIGTERM)
        return found

    with patch.context() as inner:
        inner.setattr(place, name, call)
        assert cli.main(words) == cli.RESUMABLE


def _refused(words, capsys, *parts):
    capsys.readouterr()
    assert cli.main(words) == cli.WRONG_INPUT
    errors = capsys.readouterr().err
    for part in parts:
        assert str(part) in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("without", "place"), [("nothing", "work/rests_on.json"), ("rests_on.json", "work/checkpoints")]
)
def test_a_training_does_not_go_on_from_anothers_work(
    line, tmp_path, capsys, monkeypatch, without, place
):
    """Student and baseline: the same model, seed and rows, another objective."""
    runs = finished_copy(line, tmp_path)
    ours, theirs = stage_of(runs, "train learn#baseline"), stage_of(runs, "train learn")
    wanted = stable_files(ours)
    for folder in (ours, theirs):
        shutil.rmtree(folder)
    words = [*arguments(line.spec, runs), "--until", "learn"]
    _stopped(monkeypatch, TrainingRun, "_save", words)
    assert (theirs / "work" / "checkpoints").is_dir()
    shutil.copytree(theirs / "work", ours / "work", ignore=shutil.ignore_patterns(without))
    words = [*arguments(line.spec, runs), "--variant", "baseline", "--until", "learn"]
    _refused(words, capsys, ours / place, theirs.name, "emove")
    shutil.rmtree(ours)
    assert cli.main(words) == cli.DONE
    assert stable_files(ours) == wanted


def test_a_store_takes_no_shard_of_another_teacher_s(line, tmp_path, monkeypatch):
    """Neither its file nor its record: both are made anew."""
    monkeypatch.setattr("tfkd.targets.readings.ROWS_PER_SHARD", 1500)
    runs = finished_copy(line, tmp_path)
    theirs = stage_of(runs, "score")
    shutil.rmtree(theirs)
    words = [*arguments(line.spec, runs), "--until", "targets"]
    _stopped(monkeypatch, output_shards, "write_checksummed", words)
    other = [*words, "--set", "stages.teach.steps=61"]
    _stopped(monkeypatch, output_shards, "write_checksummed", other)
    (ours,) = set(stage_folders(runs, "score")) - {theirs}
    for name in ("store-0/shard-00000.bin", "work/store-0-00000.json"):
        shutil.copyfile(theirs / name, ours / name)
    assert cli.main(other) == cli.DONE
    found = stable_files(ours)
    shutil.rmtree(ours)
    assert cli.main(other) == cli.DONE
    assert stable_files(ours) == found
