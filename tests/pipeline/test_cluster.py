"""Stages on the workers of a Ray cluster, here processes of this machine: the same bytes."""

import os
import re
import signal
import time
from pathlib import Path

import pytest
from drills import stable_files
from small_line import stage_folders, start

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
def test_a_signal_while_ray_starts_ends_the_run_as_any_other(plugins, tmp_path):
    words = digested(tmp_path, "--cluster", "local", "--workers", "2")
    process = start(*words, start_new_session=True)
    wait_for(lambda: list(tmp_path.glob("stages/.cluster-*")), process)
    for seconds in (0.2, 0.2):  # Ray's own processes are on their way
        time.sleep(seconds)
        process.send_signal(signal.SIGTERM)
    code, said = ended(process)
    assert code == cli.RESUMABLE, said
    assert "stopped by SIGTERM" in said
    assert not list(tmp_path.glob("stages/.cluster-*"))
    end = time.monotonic() + 60
    while left := processes_of(process.pid):
        assert time.monotonic() < end, left
        time.sleep(0.2)


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
