"""What is seen late on a cluster's shared folder, and what is left when a cluster is left."""

import contextlib
import json
import os
import threading
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest

from tfkd.commands import doctor
from tfkd.data.files import sha256_of
from tfkd.data.hashes import noting_hashes, told_hashes
from tfkd.pipeline.cluster.asked import AskedCluster
from tfkd.pipeline.cluster.host import TrainingHost
from tfkd.pipeline.cluster.ray_hosts import RayHosts
from tfkd.pipeline.cluster.ray_session import RaySession
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.tasks.scored_corpora import _Corpus
from tfkd.spec.errors import UserError
from tfkd.targets import Header
from tfkd.targets.shards import Scoring
from tfkd.targets.writer import write_shard
from tfkd.training.interruption import Interrupted


def session(stages):
    """One that has joined nothing."""
    found = RaySession.__new__(RaySession)
    found._stages, found._gone, found._address = stages, False, "auto"
    found._connection = SimpleNamespace(close=lambda: None)
    return found


def test_a_training_of_hosts_is_done_when_its_result_is_seen_here(tmp_path):
    """The command has looked for its manifest before: its system may still have it that none is."""
    folder = StageFolder(tmp_path, "train", "0" * 16)
    folder.begin({})
    hosts = RayHosts.__new__(RayHosts)
    hosts._context = SimpleNamespace(folder=lambda node: folder)
    actor = SimpleNamespace(remote=lambda: None)
    kept = SimpleNamespace(options=lambda **needs: actor)
    hosts._ray = SimpleNamespace(remote=lambda kind: kept)
    hosts._group, hosts._attempt = contextlib.nullcontext, lambda *given: None
    late = {"inputs": {}, "identity": {}, "summary": {}, "seconds": 1.0}
    threading.Timer(0.1, lambda: folder.finish(**late)).start()
    hosts.train(SimpleNamespace(label="learn"), "[1/1]")
    assert folder.manifest()["summary"] == {}


def test_nothing_is_asked_of_a_cluster_that_was_left(tmp_path):
    """Ray would start one of its own for a thread that asks it then."""
    left = session(tmp_path / "runs" / "stages")
    left.close()
    assert left.gone
    with pytest.raises(Interrupted):
        left.look()
    assert list(tmp_path.iterdir()) == []  # who asks for no mark writes nothing


def test_a_mark_goes_with_its_session(tmp_path):
    marked = session(tmp_path / "runs" / "stages")
    assert marked.mark.is_file()
    assert marked.mark == marked.mark
    marked.close()
    assert list((tmp_path / "runs" / "stages").iterdir()) == []


@pytest.mark.parametrize("kind", [UserError, Interrupted])
def test_a_doctor_tells_of_this_machine_where_the_cluster_is_gone(tmp_path, monkeypatch, kind):
    from tfkd.pipeline.cluster import machines

    def refuse(asked, *folders):
        assert folders == (tmp_path, tmp_path, ["mine"])
        raise kind(f"--cluster {asked.address}: it cannot be reached")

    monkeypatch.setattr(machines, "looked_at", refuse)
    monkeypatch.setattr(doctor, "_tensorflow", lambda: ("ok", "TensorFlow"))
    monkeypatch.setattr(doctor, "_tokenizer", list)
    text, well = doctor.doctor(tmp_path, tmp_path, AskedCluster("auto"), ["mine"])
    lines = text.splitlines()
    assert not well
    assert lines[-1] == "wrong --cluster auto: it cannot be reached"
    assert any(line.startswith("ok    python ") for line in lines)


def test_a_host_that_trains_alone_joins_none_of_its_machines_hosts(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:1"]}}')
    host = TrainingHost.__new__(TrainingHost)
    host._trained = lambda *given: {"told": os.environ.get("TF_CONFIG")}
    assert json.loads(host.train("train-0", '["here:1"]', 0, "[1/1]", None))["told"] is None


def test_hashes_are_known_by_whatever_path_a_file_has(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "a.txt").write_text("one\n", "utf-8")
    (tmp_path / "near").symlink_to("far")
    with noting_hashes() as hashes:
        digest = sha256_of(tmp_path / "near" / "a.txt")
    (told,) = hashes.values()
    told[2] = "told"
    with told_hashes(hashes):
        assert sha256_of(tmp_path / "far" / "a.txt") == "told" != digest


def test_a_record_of_other_examples_is_none(tmp_path):
    corpus = _Corpus.__new__(_Corpus)
    corpus.scoring = Scoring(np.array([2, 4]), np.array([2, 2]), None)
    corpus._folder, corpus._header = tmp_path, Header("c", "v", 9, 1, examples=4)

    def of(rows):
        given = np.ones(rows, int), np.zeros((rows, 1), int), np.zeros((rows, 1)), {}
        shard = write_shard(tmp_path, corpus._header, 0, 0, *given)
        corpus.records = _Records(asdict(shard))
        return corpus._record(0)

    assert of(2).last == 2
    assert of(3) is None


class _Records(list):
    """Records of two shards, of which each is this one."""

    def __init__(self, content):
        super().__init__([content] * 2)

    def kept(self, number):
        return True

    content = list.__getitem__
