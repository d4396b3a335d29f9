"""Stages on the workers of a Ray cluster, here processes of this machine: the same bytes."""

import os
import random
import re
import shutil
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from drills import finished_copy, stable_files
from small_line import arguments, stage_folders, start

from tfkd import cli

pytest.importorskip("ray", reason="the extra `ray` is not installed")

TESTS = Path(__file__).parents[1]
DIGESTED = TESTS / "plugins" / "digested.yaml"


@pytest.fixture
def plugins(monkeypatch):
    """Child processes can join plugins of these folders."""
    folders = [str(TESTS / "plugins"), str(TESTS / "pipeline")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(folders), prepend=os.pathsep)


def digested(runs, *more):
    plugin = ["--plugin", "digest_stage", "--until", "digests"]
    return ["run", str(DIGESTED), "--runs-dir", str(runs), *plugin, *more]


def ended(process, timeout=300):
    """A process's exit code and all that it has printed."""
    out, errors = process.communicate(timeout=timeout)
    return process.returncode, out + errors


def processes_of(session):
    """What still runs of a session of processes."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def test_shards_of_a_lost_worker_are_made_by_others_to_the_same_bytes(plugins, tmp_path):
    here = start(*digested(tmp_path / "here"))
    words = digested(tmp_path / "two", "--plugin", "dying_digest")
    there = start(*words, "--cluster", "local", "--workers", "2", start_new_session=True)
    for process in (here, there):
        code, said = ended(process)
        assert code == cli.DONE, said
    assert "is lost, and started again" in said
    assert "8 shards on 2 workers" in said
    ((one,), (other,)) = (stage_folders(tmp_path / name, "digest") for name in ("here", "two"))
    assert stable_files(one) == stable_files(other)
    assert not processes_of(there.pid)


def stopped(process, runs, when, number):
    """Sends a signal to a run as soon as it has made some shards of a stage."""

    def come():
        return len(list(runs.glob(when))) > 1

    wait_for(come, process)
    process.send_signal(number)
    return ended(process)


def wait_for(come, process, seconds=300):
    end = time.monotonic() + seconds
    while not come():
        assert process.poll() is None, ended(process)
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_stopped_leaves_no_worker_and_goes_on(plugins, tmp_path, number):
    slow = digested(tmp_path, "--set", "data.train.rows=4000", "--plugin", "slow_digest")
    words = [*slow, "--cluster", "local", "--workers", "2"]
    first = start(*words, start_new_session=True)
    code, said = stopped(first, tmp_path, "stages/digest-*/work/digests-*.json", number)
    assert code == (-number if number == signal.SIGKILL else cli.RESUMABLE), said
    if number != signal.SIGKILL:
        assert "the same command continues" in said
    # Two agents of Ray's own wait a minute for the head that was killed with the run.
    end = time.monotonic() + (120 if number == signal.SIGKILL else 20)
    while left := processes_of(first.pid):
        assert time.monotonic() < end, left
        time.sleep(0.2)
    kept = len(list(tmp_path.glob("stages/digest-*/work/digests-*.json")))
    code, said = ended(start(*words))
    assert code == cli.DONE, said
    shards = re.search(r"digests: (\d+) shards on 2 workers", said)
    assert int(shards[1]) == 40 - kept
    code, said = ended(start(*[*slow[:-2], "--runs-dir", str(tmp_path / "here")]))
    assert code == cli.DONE, said
    ((one,), (other,)) = (stage_folders(runs, "digest") for runs in (tmp_path, tmp_path / "here"))
    assert stable_files(one) == stable_files(other)


@pytest.fixture(scope="module")
def sharded(line, tmp_path_factory):
    """The tiny line's runs with trainings alone, and its results in short shards, made here."""
    trained = finished_copy(line, tmp_path_factory.mktemp("trained"))
    shutil.rmtree(trained / "small")
    for kind in ("score", "translate", "evaluate"):
        for folder in stage_folders(trained, kind):
            shutil.rmtree(folder)
    whole = tmp_path_factory.mktemp("whole") / "runs"
    shutil.copytree(trained, whole, symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(TESTS / "pipeline"), prepend=os.pathsep)
        code, said = ended(start(*arguments(line.spec, whole, "--plugin", "short_shards")))
        assert code == cli.DONE, said
        yield trained, whole


def results_of(runs):
    """The stable files of all stages that workers share."""
    kinds = ("score", "translate", "evaluate")
    folders = [folder for kind in kinds for folder in stage_folders(runs, kind)]
    return {folder.name: stable_files(folder) for folder in folders}


def workers_of(session):
    """The processes of a session that make shards."""
    found = []
    for pid in processes_of(session):
        try:
            name = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        found += [pid] if name.startswith(b"ray::ShardWorker") else []
    return found


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_line_on_workers_has_the_bytes_of_one_process(line, sharded, tmp_path, workers):
    trained, whole = sharded
    runs = tmp_path / "runs"
    shutil.copytree(trained, runs, symlinks=True)
    words = arguments(line.spec, runs, "--plugin", "short_shards")
    process = start(*words, "--cluster", "local", "--workers", str(workers), start_new_session=True)
    code, said = ended(process, 900)
    assert code == cli.DONE, said
    for label in ("targets", "learn on test", "synthetic"):
        assert re.search(rf"{label}: \d+ shards in", said), said
    assert results_of(runs) == results_of(whole)
    assert not processes_of(process.pid)


@pytest.mark.long
def test_a_line_whose_workers_and_driver_are_killed_has_the_same_bytes(line, sharded, tmp_path):
    trained, whole = sharded
    runs, draws = tmp_path / "runs", random.Random(7)
    shutil.copytree(trained, runs, symlinks=True)
    words = arguments(line.spec, runs, "--plugin", "short_shards")
    kills, sessions, lost = 0, [], Counter()
    while True:
        process = start(*words, "--cluster", "local", "--workers", "2", start_new_session=True)
        sessions.append(process.pid)
        due = time.monotonic() + draws.uniform(8, 20)
        while process.poll() is None and kills < 20:
            time.sleep(0.1)
            if time.monotonic() < due:
                continue
            due = time.monotonic() + draws.uniform(1, 6)
            if not (workers := workers_of(process.pid)):
                continue
            kills += 1
            if kills % 5 == 0:
                process.kill()
                lost["driver"] += 1
                break
            os.kill(draws.choice(workers), signal.SIGKILL)
            lost["worker"] += 1
        code, said = ended(process, 900)
        if code == cli.DONE:
            break
        # Three workers lost over one shard end a run, too.
        assert code in (-signal.SIGKILL, cli.RESUMABLE), said
    assert lost["worker"] > 3
    assert results_of(runs) == results_of(whole)
    end = time.monotonic() + 120
    while any(processes_of(session) for session in sessions):
        assert time.monotonic() < end
        time.sleep(1)
