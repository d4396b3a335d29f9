"""A stage trained by several hosts of a Ray cluster, of which some are lost or stopped."""

import os
import re
import signal
import time
from types import SimpleNamespace

import pytest
from ray_nodes import actors_of, ray_nodes
from small_line import arguments, stage_folders, start, weights, write_line

from tfkd import cli

pytest.importorskip("ray", reason="the extra `ray` is not installed")

pytestmark = [pytest.mark.long, pytest.mark.tensorflow]
CHANGES = ("runtime.hosts=2", "stages.teach.steps=200", "stages.teach.save_every=0.02")


def words_of(spec, runs, cluster="local"):
    changes = [word for change in CHANGES for word in ("--set", change)]
    return [*arguments(spec, runs, *changes), "--until", "teach", "--cluster", cluster]


def ended(process):
    out, errors = process.communicate(timeout=600)
    return process.returncode, out + errors


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The spec, and the weights of a training that nobody has disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    spec = write_line(folder)
    code, said = ended(start(*words_of(spec, folder / "runs")))
    assert code == cli.DONE, said
    assert "step 200/200" in said
    (made,) = stage_folders(folder / "runs", "train")
    return SimpleNamespace(spec=spec, weights=weights(made))


def begun(words, runs):
    """A run that has saved a first checkpoint."""
    process = start(*words)
    end = time.monotonic() + 300
    while not list(runs.glob("stages/train-*/work/checkpoints/step-*.json")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)
    return process


def same_as(whole, runs):
    (made,) = stage_folders(runs, "train")
    return weights(made) == whole.weights


@pytest.mark.parametrize("lost", [0, 1])
def test_a_training_whose_host_is_killed_ends_with_the_same_bits(whole, tmp_path, lost):
    process = begun(words_of(whole.spec, tmp_path), tmp_path)
    hosts = actors_of("_Host", process.pid)
    assert len(hosts) == 2
    os.kill(hosts[lost], signal.SIGKILL)
    code, said = ended(process)
    assert code == cli.DONE, said
    assert "begins anew from the last checkpoint" in said
    assert "going on from step" in said
    assert same_as(whole, tmp_path)
    assert not actors_of("_Host", process.pid)


def test_a_training_whose_machine_is_lost_goes_on_on_another(whole, tmp_path, monkeypatch):
    with ray_nodes(2, monkeypatch) as nodes:
        process = begun(words_of(whole.spec, tmp_path, "auto"), tmp_path)
        nodes.replace(1)
        code, said = ended(process)
        assert code == cli.DONE, said
        assert "begins anew from the last checkpoint" in said
        assert same_as(whole, tmp_path)
        assert not actors_of("_Host")


@pytest.mark.parametrize("how", ["signal", "time"])
def test_hosts_save_when_the_command_is_stopped(whole, tmp_path, how):
    """After the step at which they were asked, not at the last checkpoint that was due."""
    late = [*words_of(whole.spec, tmp_path), "--set", "stages.teach.save_every=60"]
    more = ["--set", "stages.teach.steps=1000000"]
    limit = ["--time-limit", "90"] if how == "time" else []
    process = start(*late, *more, *limit)
    for line in process.stdout:
        if how == "signal" and re.search(r"step 2\d\d/1000000", line):
            process.send_signal(signal.SIGINT)
            break
    code, said = ended(process)
    assert code == cli.RESUMABLE, said
    (saved,) = tmp_path.glob("stages/train-*/work/checkpoints/step-*.json")
    assert how == "time" or int(re.search(r"step-0*(\d+)", saved.name)[1]) >= 200
