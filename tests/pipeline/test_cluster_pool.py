"""Workers that are lost, at work, idle or as they start; and those that do not fit."""

import json
import time
from collections import Counter

import pytest
from made_up_ray import ActorError, MadeUpRay, MadeUpSession

from tfkd.pipeline.cluster import ray_pool
from tfkd.pipeline.cluster.asked import AskedCluster
from tfkd.pipeline.cluster.dispatch import Dispatch
from tfkd.pipeline.cluster.installation import installation
from tfkd.pipeline.cluster.ray_connection import Connection
from tfkd.pipeline.cluster.ray_pool import RayPool
from tfkd.pipeline.cluster.worker import DONE, SURROUNDINGS
from tfkd.spec.errors import UserError
from tfkd.training.interruption import Interrupted

HELLO = {"kind": DONE, "host": "there", "sees": True, "writes": ""}


class Workers:
    """A pool of workers that are made up: each says `hello` as it is told to, and makes shards."""

    def __init__(self, tmp_path, cpus=(2,), lost=(), hello=lambda: {}, starts=(), **asked):
        self.lost, self.hello, self.starts, self.said = Counter(lost), hello, [*starts], []
        self.ray = MadeUpRay(self.answer)
        self.session = MadeUpSession(self.ray, tmp_path, cpus, **asked)
        self.pool = RayPool(self.session, "{}", 1, self.said.append)

    def answer(self, actor, name, *args):
        if name == "hello":
            if self.starts:
                raise self.starts.pop()
            return json.dumps({**HELLO, "installation": installation(), **self.hello()})
        if name == "shard" and self.lost[args[1]]:
            self.lost[args[1]] -= 1
            raise ActorError
        return json.dumps({"kind": DONE, "host": "there"})

    def run(self, numbers=range(6), retries=3):
        return Dispatch(self.pool, "score-0", numbers, lambda tally: None, retries).run()


def test_a_shard_is_lost_so_often_as_workers_die_at_work_on_it(tmp_path):
    found = Workers(tmp_path, lost=[1, 1, 3]).run(retries=2)
    assert (found.done, found.lost) == (6, 3)
    with pytest.raises(Interrupted, match="2 workers were lost at work on shard 1 of score-0"):
        Workers(tmp_path, lost=[1, 1, 3]).run(retries=1)


def test_workers_that_die_with_nothing_to_do_are_no_shard_s_loss(tmp_path, monkeypatch):
    monkeypatch.setattr(ray_pool, "_FRESH", 0.01)
    workers = Workers(tmp_path)
    workers.run(retries=0)
    for actor in workers.ray.actors:
        workers.ray.kill(actor)
    time.sleep(0.02)
    assert workers.run(retries=0).lost == 0
    assert len(workers.ray.actors) == 4
    assert sum("is lost, and started again" in line for line in workers.said) == 2


def test_a_machine_that_is_lost_while_workers_start_is_no_bad_installation(tmp_path):
    lost = [ActorError("the node died")] * 8
    workers = Workers(tmp_path, cpus=(8,), starts=lost)
    assert workers.run().done == 6
    with pytest.raises(Interrupted, match=r"was lost 2 times as it started.*\(the node died\)"):
        Workers(tmp_path, cpus=(1,), starts=lost, retries=1).run()
    own = [ActorError("ModuleNotFoundError: No module named 'keras'", actor_init_failed=True)] * 2
    with pytest.raises(UserError, match=r"worker 0 fails as it starts \(ModuleNotFound.*same inst"):
        Workers(tmp_path, cpus=(1,), starts=own).run()


@pytest.mark.parametrize(
    ("hello", "error", "said"),
    [
        ({"writes": "Permission denied"}, UserError, r"worker 0 on there cannot write in .*denied"),
        ({"sees": False}, UserError, r"worker 0 on there does not see .*--runs-dir"),
        (
            {"installation": {**installation(), "tensorflow": "2.0"}},
            UserError,
            r"worker 0 on there has tensorflow 2.0, here .* the same installation",
        ),
        (
            {"kind": SURROUNDINGS, "text": "[Errno 28] No space left on device: 'a'"},
            Interrupted,
            r"worker 0 on there: \[Errno 28\] No space left on device",
        ),
    ],
)
def test_a_worker_that_is_not_fit_is_told_in_a_line(tmp_path, hello, error, said):
    workers = Workers(tmp_path, hello=lambda: hello)
    with pytest.raises(error, match=said) as told:
        workers.run()
    assert "\n" not in str(told.value)


def test_a_cluster_that_is_gone_is_told_in_a_line(tmp_path):
    session = MadeUpSession(MadeUpRay(None), tmp_path)
    with pytest.raises(Interrupted, match="auto can no longer be reached"), session.reached():
        raise ConnectionError("the head\nof the cluster\nis not there")
    assert session.gone
    with pytest.raises(UserError), session.reached():
        raise UserError("one of ours")


def test_a_place_that_nobody_gets_ends_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(ray_pool, "_PATIENCE", 0.05)
    workers = Workers(tmp_path)
    workers.ray.wait = lambda references, timeout: ([], references)
    with pytest.raises(Interrupted, match=r"no room for a worker for .* asks for 1 processor"):
        workers.run()


@pytest.mark.parametrize(
    ("address", "error", "kind", "said"),
    [
        ("auto", "AuthenticationError", UserError, "asks for a token.*RAY_AUTH_MODE=token"),
        (
            "ray://head:1",
            "ConnectionError",
            UserError,
            r"cannot be reached \(nobody there\)\. Start.*RAY_AUTH_MODE=token",
        ),
        ("local", "TimeoutError", Interrupted, r"does not start here \(nobody there\)"),
    ],
)
def test_a_cluster_that_is_not_joined_is_told_in_a_line(monkeypatch, address, error, kind, said):
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")

    def refuse(**settings):
        assert settings["log_to_driver"] is False
        raise getattr(ray.exceptions, error, Exception)("nobody\nlistens\nthere")

    monkeypatch.setattr(ray, "init", refuse)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr("tfkd.pipeline.cluster.ray_connection._mute", lambda: None)
    connection = Connection(ray)
    with pytest.raises(kind, match=said) as told:
        connection.open(AskedCluster(address), 1)
    assert "\n" not in str(told.value)
    connection.close()
