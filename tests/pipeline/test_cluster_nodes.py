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
from types import SimpleNamespace

import pytest
from drills import stable_files
from ray_nodes import actors_of, ray_nodes
from small_line import arguments, stage_folders, start, write_line

from tfkd import cli

pytest.importorskip("ray", reason="the extra `ray` is not installed")

pytestmark = [pytest.mark.long, pytest.mark.tensorflow]
TESTS = Path(__file__).parents[1]
KILLS = 20
SHARED = ("score", "translate", "evaluate")


def ended(process, timeout=900):
    """A process's exit code and all that it has printed."""
    out, errors = process.communicate(timeout=timeout)
    return process.returncode, out + errors


# The tiny line, shorter: of fewer rows and steps, with one student.
SHORTER = (
    "name=shared",
    "data={train: {generated: german_english, rows: 200, seed: 1}, "
    "test: {generated: german_english, rows: 160, seed: 2}}",
    "student={kind: rnn, layers: 1, width: 16, max_length: 64, tokenizer: joint}",
    "stages.teach.steps=3",
    "stages.targets.passes=1",
    "stages.targets.batch_tokens=1024",
    "stages.learn={train: student, data: train, objective: {soft_targets: {temperature: 2, "
    "teacher: targets}}, steps: 3, batch: {size: 512, unit: max_tokens, max_length: 64}}",
    "stages.synthetic.translate=learn",
    "evaluate=[{of: learn, on: [test], decode: {kind: greedy}, metrics: [bleu, loss], "
    "bootstrap: 20}, {of: learn, on: [synthetic], metrics: [loss], bootstrap: 20}]",
    "export=null",
)


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    """A spec; its runs with trainings alone; and all its results in short shards, made here."""
    folder = tmp_path_factory.mktemp("shared")
    spec, whole, trained = write_line(folder), folder / "whole", folder / "trained"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(TESTS / "pipeline"), prepend=os.pathsep)
        code, said = ended(start(*words_of(spec, whole)))
        assert code == cli.DONE, said
        shutil.copytree(whole, trained, symlinks=True)
        shutil.rmtree(trained / "shared")
        for kind in SHARED:
            for one in stage_folders(trained, kind):
                shutil.rmtree(one)
        yield SimpleNamespace(spec=spec, trained=trained, results=results_of(whole))


def words_of(spec, runs, *more):
    changes = (word for change in SHORTER for word in ("--set", change))
    return arguments(spec, runs, "--plugin", "short_shards", *changes, *more)


def results_of(runs):
    """The stable files of all stages that workers share."""
    folders = [folder for kind in SHARED for folder in stage_folders(runs, kind)]
    return {folder.name: stable_files(folder) for folder in folders}


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_line_on_workers_has_the_bytes_of_one_process(sharded, tmp_path, monkeypatch, workers):
    runs = tmp_path / "runs"
    shutil.copytree(sharded.trained, runs, symlinks=True)
    with ray_nodes(workers, monkeypatch):
        code, said = ended(start(*words_of(sharded.spec, runs, "--cluster", "auto")))
        assert code == cli.DONE, said
        assert not actors_of("ShardWorker")
    for label in ("targets", "learn on test", "synthetic"):
        assert re.search(rf"{label}: \d+ shards on {workers} workers", said), said
    assert results_of(runs) == sharded.results


def test_a_line_whose_workers_nodes_and_driver_are_killed_has_the_same_bytes(
    sharded, tmp_path, monkeypatch
):
    draws, lost, number = random.Random(7), Counter(), 0
    with ray_nodes(2, monkeypatch) as nodes:
        while lost.total() < KILLS:
            number += 1
            runs = tmp_path / f"runs{number}"
            shutil.copytree(sharded.trained, runs, symlinks=True)
            words = words_of(sharded.spec, runs, "--cluster", "auto")
            while (code := disturbed(start(*words), nodes, draws, lost)) != cli.DONE:
                # Losses over one shard, or of one place's starts, end a run, too: it goes on.
                assert code in (-signal.SIGKILL, cli.RESUMABLE)
            assert results_of(runs) == sharded.results
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
