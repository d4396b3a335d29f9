"""A stage trained by several hosts of a Ray cluster, here processes of this machine."""

import os
import signal
import time
from pathlib import Path

import pytest
from small_line import arguments, stage_folders, start, weights, write_line

from tfkd import cli

pytest.importorskip("ray", reason="the extra `ray` is not installed")

pytestmark = [pytest.mark.long, pytest.mark.tensorflow]
CHANGES = ("runtime.hosts=2", "stages.teach.steps=400", "stages.teach.save_every=0.02")


def words_of(spec, runs):
    changes = [word for change in CHANGES for word in ("--set", change)]
    return [*arguments(spec, runs, *changes), "--until", "teach", "--cluster", "local"]


def hosts_of(session):
    """The processes of a session that train."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            name = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[3]) == session and name.startswith(b"ray::_Host"):
            found.append(int(folder.name))
    return sorted(found)


@pytest.mark.parametrize("lost", [0, 1])
def test_a_training_whose_host_is_killed_ends_with_the_same_bits(tmp_path, lost):
    spec = write_line(tmp_path)
    whole = start(*words_of(spec, tmp_path / "whole"), start_new_session=True)
    out, errors = whole.communicate(timeout=600)
    assert whole.returncode == cli.DONE, out + errors
    assert "step 400/400" in out, out

    runs = tmp_path / "killed"
    process = start(*words_of(spec, runs), start_new_session=True)
    end = time.monotonic() + 300
    while len(list(runs.glob("stages/train-*/work/checkpoints/step-*.json"))) < 1:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)
    hosts = hosts_of(process.pid)
    assert len(hosts) == 2
    os.kill(hosts[lost], signal.SIGKILL)
    out, errors = process.communicate(timeout=600)
    assert process.returncode == cli.DONE, out + errors
    assert "begins anew from the last checkpoint" in out
    assert "going on from step" in out
    ((one,), (other,)) = (stage_folders(place, "train") for place in (tmp_path / "whole", runs))
    assert weights(one) == weights(other)
    assert not hosts_of(process.pid)
