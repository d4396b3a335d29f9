"""A run whose trainings are made side by side: by a stand-in for the cluster, and by two nodes."""

import os
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import toy_stage
from drills import stable_files
from ray_nodes import actors_of, ray_nodes
from small_line import arguments, stage_folders, start, weights, write_line

from tfkd import cli
from tfkd.pipeline.cluster import ray_hosts
from tfkd.pipeline.cluster.cluster import Cluster
from tfkd.pipeline.engine.run import execute
from tfkd.pipeline.stages.train import TrainStage

SPEC = """\
tfkd: 1
name: toy
data: {train: {parallel: [train.de, train.en], lower_case: true}}
tokenizers: {bytes: {kind: byte_bpe, size: 300, learn_from: train}}
student:
  {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: bytes}
stages:
  teach: {train: student, data: train, steps: 1, objective: {cross_entropy: {}}}
  again: {train: student, from: teach, data: train, steps: 1, objective: {cross_entropy: {}}}
export: [again]
"""


class StandIn:
    """Makes one stage here, beside others in their threads, once two are there."""

    together: threading.Barrier

    def __init__(self, session, job, number, context, room, threads):
        assert (number, session.asked.workers) == (1, 2)
        self._context = context

    def train(self, node, title):
        if node.label.startswith("teach"):
            self.together.wait(60)
        execute(node, self._context, title)


@pytest.fixture
def toy(tmp_path, monkeypatch):
    monkeypatch.setattr(TrainStage, "run", toy_stage.work)
    monkeypatch.setattr(ray_hosts, "RayHosts", StandIn)
    StandIn.together = threading.Barrier(2)

    def connected(cluster, context):
        from contextlib import nullcontext

        machines = {"a": {"CPU": 1}, "b": {"CPU": 1}}
        return SimpleNamespace(asked=cluster._asked, machines=lambda: machines, reached=nullcontext)

    monkeypatch.setattr(Cluster, "_connected", connected)
    monkeypatch.setattr(Cluster, "_disconnect", lambda cluster: None)
    monkeypatch.setattr("tfkd.pipeline.cluster.cluster.threads_here", lambda: 1)
    write_line(tmp_path)
    (tmp_path / "toy.yaml").write_text(SPEC, "utf-8")
    return tmp_path / "toy.yaml"


def toy_words(spec, runs, *more):
    return arguments(
        spec, runs, "--seeds", "2", "--until", "again", "--set", "runtime.streams=1", *more
    )


def test_a_run_makes_the_same_files_side_by_side(toy, tmp_path, capsys):
    assert cli.main(toy_words(toy, tmp_path / "here")) == cli.DONE
    capsys.readouterr()
    words = toy_words(toy, tmp_path / "two", "--cluster", "local", "--workers", "2")
    assert cli.main(words) == cli.DONE
    out = capsys.readouterr().out
    assert "side by side, 2 of at most 2: teach" in out
    there = [stage_folders(tmp_path / runs, "train") for runs in ("here", "two")]
    assert [one.name for one in there[0]] == [one.name for one in there[1]]
    assert len(there[0]) == 4
    assert [*map(stable_files, there[0])] == [*map(stable_files, there[1])]
    # All is there already: nothing is made, nobody is asked.
    StandIn.together.abort()
    assert cli.main(words) == cli.DONE
    assert capsys.readouterr().out.count("done already") == 8


def test_variants_that_are_all_asked_for_are_made_side_by_side(toy, tmp_path, capsys):
    toy.write_text(SPEC + "variants: {wider: {student.width: 16}}\n", "utf-8")
    words = arguments(toy, tmp_path / "two", "--until", "again", "--all-variants")
    words += ["--set", "runtime.streams=1", "--cluster", "local", "--workers", "2"]
    assert cli.main(words) == cli.DONE
    out = capsys.readouterr().out
    assert "side by side, 2 of at most 2: teach" in out
    assert len(stage_folders(tmp_path / "two", "train")) == 4
    for run, label in (("toy", ""), ("toy@wider", "#wider")):  # as if it had been run alone
        folder = tmp_path / "two" / run
        assert {path.name for path in folder.glob("*again*")} == {f"again{label}"}
        assert f"again is done: {folder / f'again{label}'}" in out
    assert out.count("done already") == 6


@pytest.mark.long
@pytest.mark.tensorflow
def test_seeds_are_trained_on_two_nodes_to_the_same_bits(tmp_path, monkeypatch):
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    spec = write_line(tmp_path)
    more = ("--seeds", "2", "--until", "learn")
    process = start(*arguments(spec, tmp_path / "here", *more))
    out, errors = process.communicate(timeout=600)
    assert process.returncode == cli.DONE, out + errors
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    with ray_nodes(2, monkeypatch):
        process = start(*arguments(spec, tmp_path / "two", *more, "--cluster", "auto"))
        out, errors = process.communicate(timeout=600)
        assert process.returncode == cli.DONE, out + errors
        assert not actors_of("_Host")
    assert "side by side, 2 of at most 2: teach" in out
    assert "side by side, 2 of at most 2: learn" in out
    there = [stage_folders(tmp_path / runs, "train") for runs in ("here", "two")]
    assert [one.name for one in there[0]] == [one.name for one in there[1]]
    assert [*map(weights, there[0])] == [*map(weights, there[1])]
