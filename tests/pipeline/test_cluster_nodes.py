"""A whole line on the workers of several nodes, which are lost: the bytes of one process."""

import contextlib
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
from ray_nodes import actors_of, ray_nodes
from small_line import arguments, stage_folders, start

from tfkd import cli

pytest.importorskip("ray", reason="the extra `ray` is not installed")

pytestmark = [pytest.mark.long, pytest.mark.tensorflow]
TESTS = Path(__file__).parents[1]
KILLS = 20


def ended(process, timeout=900):
    """A process's exit code and all that it has printed."""
    out, errors = process.communicate(timeout=timeout)
    return process.returncode, out + errors


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


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_line_on_workers_has_the_bytes_of_one_process(
    line, sharded, tmp_path, monkeypatch, workers
):
    trained, whole = sharded
    runs = tmp_path / "runs"
    shutil.copytree(trained, runs, symlinks=True)
    words = arguments(line.spec, runs, "--plugin", "short_shards", "--cluster", "auto")
    with ray_nodes(workers, monkeypatch):
        code, said = ended(start(*words))
        assert code == cli.DONE, said
        assert not actors_of("ShardWorker")
    for label in ("targets", "learn on test", "synthetic"):
        assert re.search(rf"{label}: \d+ shards on {workers} workers", said), said
    assert results_of(runs) == results_of(whole)


def test_a_line_whose_workers_nodes_and_driver_are_killed_has_the_same_bytes(
    line, sharded, tmp_path, monkeypatch
):
    trained, whole = sharded
    draws, lost, number = random.Random(7), Counter(), 0
    with ray_nodes(2, monkeypatch) as nodes:
        while lost.total() < KILLS:
            number += 1
            runs = tmp_path / f"runs{number}"
            shutil.copytree(trained, runs, symlinks=True)
            words = arguments(line.spec, runs, "--plugin", "short_shards", "--cluster", "auto")
            while (code := disturbed(start(*words), nodes, draws, lost)) != cli.DONE:
                # Losses over one shard, or of one place's starts, end a run, too: it goes on.
                assert code in (-signal.SIGKILL, cli.RESUMABLE)
            assert results_of(runs) == results_of(whole)
        end = time.monotonic() + 120
        while left := actors_of("ShardWorker"):
            assert time.monotonic() < end, left
            time.sleep(1)
    assert min(lost[one] for one in ("worker", "node", "driver"))


def disturbed(process, nodes, draws, lost):
    """The exit code of a run whose workers, nodes and own process are killed, as long as `lost` has
    some to lose."""
    while process.poll() is None and lost.total() < KILLS:
        time.sleep(draws.uniform(0.2, 2))
        if not (workers := actors_of("ShardWorker")):
            continue
        kind = draws.choices(["worker", "node", "driver"], [5, 2, 1])[0]
        lost[kind] += 1
        if kind == "worker":
            with contextlib.suppress(ProcessLookupError):
                os.kill(draws.choice(workers), signal.SIGKILL)
        elif kind == "node":
            nodes.replace(draws.randrange(len(nodes)))
        else:
            process.kill()
            break
    code, said = ended(process)
    assert "Traceback" not in said, said
    return code
