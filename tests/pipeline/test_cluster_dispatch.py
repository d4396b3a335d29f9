"""Shards on their way to workers that may be lost, slow or wrong; the workers here are made up."""

import hashlib
import os
import random
import time
from collections import Counter

import pytest

from tfkd.data.hashes import noting_hashes
from tfkd.pipeline.cluster import dispatch
from tfkd.pipeline.cluster.asked import asked_cluster
from tfkd.pipeline.cluster.dispatch import Answer, Dispatch, Place
from tfkd.pipeline.cluster.job import Job, found_node
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.wanted import wanted
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError
from tfkd.spec.source.spec_files import holding
from tfkd.training.interruption import Interrupted

DONE = {"kind": "done"}


class Workers:
    """A pool that answers a given shard as it is told to, in no order.

    Args:
        number: How many workers.
        seed: Of the order of answers.
        answer: From a shard and how often it was asked for to an answer; None: the worker is lost;
            "never": it does not come back.
    """

    def __init__(self, number, seed=0, answer=lambda shard, times: DONE):
        self.random, self.answer = random.Random(seed), answer
        self.places = [Place(one, f"host{one % 2}") for one in range(number)]
        self.under_way, self.asked, self.dropped = {}, Counter(), []

    def idle(self):
        return [place for place in self.places if place not in self.under_way]

    def give(self, place, key, number):
        assert (key, place in self.under_way) == ("score-0", False)
        self.asked[number] += 1
        self.under_way[place] = number, self.answer(number, self.asked[number])

    def answers(self, seconds):
        come = [place for place, (_, said) in self.under_way.items() if said != "never"]
        if not come:
            time.sleep(0.05)
            return []
        place = self.random.choice(come)
        _, said = self.under_way.pop(place)
        return [Answer(place, said)]

    def drop(self, place):
        self.dropped.append(place)
        del self.under_way[place]


def run(pool, numbers, told=lambda tally: None):
    return Dispatch(pool, "score-0", numbers, told).run()


@pytest.mark.parametrize("seed", range(20))
def test_each_shard_is_made_however_many_workers_are_lost(seed):
    draws = random.Random(seed)
    lost = {number: draws.randrange(4) for number in range(40)}
    pool = Workers(
        draws.randint(1, 5), seed, lambda shard, times: None if times <= lost[shard] else DONE
    )
    seen = []
    tally = run(pool, range(40), lambda tally: seen.append(tally.done))
    assert pool.asked == {shard: times + 1 for shard, times in lost.items()}
    assert tally.done == tally.of == sum(tally.made.values()) == 40
    assert tally.lost == sum(lost.values())
    assert seen == sorted(seen)
    assert not pool.dropped


@pytest.mark.parametrize("retries", [0, 3])
def test_a_shard_that_costs_worker_after_worker_ends_the_run(retries):
    pool = Workers(2, answer=lambda shard, times: None if shard == 5 else DONE)
    said = f"{retries + 1} workers were lost at work on shard 5 of score-0"
    with pytest.raises(Interrupted, match=said):
        Dispatch(pool, "score-0", range(8), lambda tally: None, retries).run()
    assert pool.asked[5] == retries + 1


def test_a_shard_that_takes_far_longer_is_begun_again_elsewhere(monkeypatch):
    monkeypatch.setattr(dispatch, "_LEAST", 0.2)
    pool = Workers(3, answer=lambda shard, times: "never" if shard == 2 and times == 1 else DONE)
    tally = run(pool, range(9))
    assert tally.done == 9
    assert pool.asked[2] == 2  # not a third time by the third worker
    assert [place.number for place in pool.dropped] == [2]


def test_who_is_still_at_a_shard_is_ended_when_something_is_wrong():
    wrong = {"kind": "wrong input", "text": "data.train: no such file"}
    pool = Workers(3, answer=lambda shard, times: wrong if shard == 1 else "never")
    with pytest.raises(UserError, match=r"worker 1 on host1: data.train: no such file"):
        run(pool, range(6))
    assert {place.number for place in pool.dropped} == {0, 2}


@pytest.mark.parametrize(
    ("kind", "error"), [("surroundings", Interrupted), ("fault", RuntimeError)]
)
def test_what_went_wrong_there_is_said_here(kind, error):
    pool = Workers(1, answer=lambda shard, times: {"kind": kind, "text": "the disk is full\n"})
    with pytest.raises(error, match="worker 0 on host0: the disk is full"):
        run(pool, [0])


def test_what_is_told_may_end_the_run():
    def told(tally):
        raise Interrupted("the time limit is reached")

    pool = Workers(2, answer=lambda shard, times: "never")
    with pytest.raises(Interrupted, match="time limit"):
        run(pool, range(4), told)
    assert len(pool.dropped) == 2


@pytest.mark.parametrize(
    "address", ["slur", "ray://", "ray://host", "ray://host:0", "ray://host:70000", "host:6379", ""]
)
def test_an_address_that_names_no_cluster_is_refused(address):
    with pytest.raises(UserError, match=r"Expected local, auto, slurm, or ray://HOST:PORT"):
        asked_cluster(address)


def test_addresses_and_workers():
    assert asked_cluster("ray://[::1]:10001", 4) == ("ray://[::1]:10001", 4, None, 3)
    assert asked_cluster("auto", None, 2, 0) == ("auto", None, 2, 0)
    assert asked_cluster("local").workers is None
    assert asked_cluster(None) is None
    for given in ({"workers": 2}, {"cpus_per_worker": 2}, {"retries": 0}):
        with pytest.raises(UserError, match="of which cluster"):
            asked_cluster(None, **given)
        with pytest.raises(UserError, match="of a cluster of Ray"):
            asked_cluster("slurm", **given)
    with pytest.raises(UserError, match="--workers: 0"):
        asked_cluster("auto", 0)


@pytest.mark.parametrize(
    "given", [{"variant": "baseline"}, {"overrides": ["stages.learn.steps=7"]}]
)
def test_a_job_goes_over_as_text_and_builds_the_same_keys(spec_path, tmp_path, monkeypatch, given):
    """Of the spec as the run has read it, with what it extends and names, wherever that is now."""
    (tmp_path / "lent").mkdir()
    lent = tmp_path / "lent" / "other.yaml"
    lent.write_text("extends: ../small.yaml\nname: other\nstages: {learn: {steps: 5}}\n", "utf-8")
    own = tmp_path / "own.yaml"
    entry = "{of: 'lent/other.yaml:learn', on: [test], metrics: [loss]}"
    own.write_text(f"extends: small.yaml\nname: own\nevaluate: [{entry}]\n", "utf-8")
    spec = load_spec(own, **given)
    with holding(spec.reading.texts) as texts, noting_hashes() as hashes:
        here = wanted(spec, spec_path.parent).ends()
        job = Job.of(spec, Context(spec_path.parent, tmp_path / "runs"), None, texts, hashes)
    own.write_text("tfkd: 1\nname: own\n", "utf-8")
    spec_path.unlink()
    lent.unlink()
    there = Job.from_text(job.text)
    assert there == job
    # Data that is as it was is known; only what has another time is read again.
    touched, read = spec_path.parent / "test.en", []
    os.utime(touched, ns=(0, 0))
    digest = hashlib.file_digest
    monkeypatch.setattr(
        hashlib, "file_digest", lambda file, kind: (read.append(file.name), digest(file, kind))[1]
    )
    nodes = there.nodes()
    assert read == [str(touched)]
    for node in here:
        assert found_node(nodes, node.key).fingerprint == node.fingerprint
    with pytest.raises(UserError, match="differ from those of the run"):
        found_node(nodes, "score-0")
