"""Hosts that train a stage together, as actors of Ray in a placement group."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfkd.pipeline.cluster.asked import LOCAL
from tfkd.pipeline.cluster.dispatch import Place, error_of
from tfkd.pipeline.cluster.host import Lines, TrainingHost
from tfkd.pipeline.cluster.ray_pool import setup_of
from tfkd.pipeline.cluster.ray_session import RaySession, first_line
from tfkd.pipeline.cluster.worker import DONE, SURROUNDINGS
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.spec.errors import UserError
from tfkd.training.interruption import Interrupted

# Restarts without a new checkpoint before the reason is told; seconds that hosts may take to start.
_RETRIES, _PATIENCE = 3, 600.0
_LOOK_EVERY = 0.5


class _Host(TrainingHost):
    """A host whose lines go to the actor that keeps them."""

    def __init__(self, setup: str, lines: Any):
        super().__init__(setup, lambda line: lines.say.remote(line))

    def address(self) -> str:
        """The machine's address, as its cluster knows it."""
        import ray

        return ray.util.get_node_ip_address()


class RayHosts:
    """Trains stages on several hosts, one machine each; on a cluster of this machine alone they are
    processes. When one is lost all are ended, and begin anew from the last checkpoint.

    Args:
        session: The connection to the cluster.
        job: The run's `Job`, as text.
        number: How many hosts.
        context: The run's surroundings.
    """

    def __init__(self, session: RaySession, job: str, number: int, context: Context):
        self._session, self._ray, self._number = session, session.ray, number
        self._context = context
        self._bundle = _bundle(session, number)
        self._setup = json.dumps(setup_of(job, None, int(self._bundle["CPU"])))

    def train(self, node: Node, title: str) -> None:
        """Makes a training stage, whole.

        Raises:
            UserError: The hosts are not there, or not fit for the run.
            Interrupted: The run was stopped, the cluster is gone, or hosts are lost one after the
                other.
        """
        checkpoints = self._context.folder(node).work / "checkpoints"
        with self._group() as group:
            lines = self._ray.remote(Lines).options(num_cpus=0).remote()
            failed, reached = 0, _newest(checkpoints)
            while (reason := self._attempt(group, lines, node, title)) is not None:
                newest = _newest(checkpoints)
                failed = 0 if newest > reached else failed + 1
                reached = newest
                if failed > _RETRIES:
                    raise Interrupted(
                        f"{node.label}: hosts were lost {failed} times without a new checkpoint "
                        f"between ({reason})"
                    )
                self._context.say(f"{node.label}: {reason}; begins anew from the last checkpoint")

    @contextlib.contextmanager
    def _group(self) -> Iterator[Any]:
        spread = "PACK" if self._session.asked.address == LOCAL else "STRICT_SPREAD"
        util = self._ray.util
        group = util.placement_group([self._bundle] * self._number, strategy=spread)
        try:
            self._awaited([group.ready()], "room for the hosts")
            yield group
        finally:
            with contextlib.suppress(Exception):  # it may be gone, with all of the cluster
                if not self._session.gone:
                    util.remove_placement_group(group)

    def _attempt(self, group: Any, lines: Any, node: Node, title: str) -> str | None:
        """Trains until the stage is whole, None, or a host is lost: how."""
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        actors = [
            self._ray.remote(_Host)
            .options(
                num_cpus=self._bundle["CPU"],
                num_gpus=self._bundle.get("GPU", 0),
                scheduling_strategy=PlacementGroupSchedulingStrategy(
                    group, placement_group_bundle_index=index
                ),
            )
            .remote(self._setup, lines)
            for index in range(self._number)
        ]
        try:
            addresses = self._joined(actors)
            under_way = {
                actor.train.remote(node.key, json.dumps(addresses), index, title): index
                for index, actor in enumerate(actors)
            }
            while under_way:
                ready = self._looked(list(under_way))
                self._say_all(lines)
                for reference in ready:
                    index = under_way.pop(reference)
                    answer = json.loads(self._ray.get(reference))
                    if answer["kind"] == SURROUNDINGS:
                        return f"host {index} ({addresses[index]}) ended: {answer['text']}"
                    if answer["kind"] != DONE:
                        raise error_of(Place(index, addresses[index]), answer, "host")
            return None
        except self._ray.exceptions.RayActorError as error:
            return f"a host is lost ({_reason(error)})"
        finally:
            if not self._session.gone:
                self._say_all(lines)
            for actor in () if self._session.gone else actors:
                with contextlib.suppress(Exception):
                    self._ray.kill(actor)

    def _joined(self, actors: list[Any]) -> list[str]:
        """The addresses at which the hosts will find each other."""
        mark = str(self._session.mark.resolve())
        hellos = self._awaited([actor.hello.remote(mark) for actor in actors], "the hosts")
        places = self._awaited([actor.address.remote() for actor in actors], "the hosts")
        found = []
        for index, (text, place) in enumerate(zip(hellos, places, strict=True)):
            hello = json.loads(text)
            self._session.refuse_other(f"host {index}", hello)
            found.append(f"{f'[{place}]' if ':' in place else place}:{hello['port']}")
        return found

    def _awaited(self, references: list[Any], what: str) -> list[Any]:
        end, left = time.monotonic() + _PATIENCE, references
        while left:
            if time.monotonic() > end:
                raise Interrupted(
                    f"the cluster has not given {what} in {_PATIENCE / 60:.0f} minutes. "
                    f"{self._number} hosts ask for {self._bundle} each"
                )
            ready = self._looked(left)
            left = [one for one in left if one not in ready]
        return self._ray.get(references)

    def _looked(self, references: list[Any]) -> list[Any]:
        with self._session.reached():
            ready, _ = self._ray.wait(references, num_returns=1, timeout=_LOOK_EVERY)
        self._context.deadline.check()
        return ready

    def _say_all(self, lines: Any) -> None:
        with contextlib.suppress(Exception):
            for line in json.loads(self._ray.get(lines.taken.remote(), timeout=10)):
                self._context.say(line)


def _bundle(session: RaySession, number: int) -> dict[str, float]:
    """What a host takes: of machines the processors and GPUs that each has at least.

    Raises:
        UserError: There are fewer machines than hosts.
    """
    nodes = [node["Resources"] for node in session.ray.nodes() if node["Alive"]]
    nodes = [one for one in nodes if one.get("CPU", 0) >= 1]
    if session.asked.address == LOCAL:
        cpus = int(sum(one["CPU"] for one in nodes)) // number
        gpus = int(sum(one.get("GPU", 0) for one in nodes)) // number
        return {"CPU": max(1, cpus)} | ({"GPU": gpus} if gpus else {})
    if len(nodes) < number:
        raise UserError(
            f"runtime.hosts: {number}, and the cluster {session.asked.address} has {len(nodes)} "
            "machines with processors. Expected at most as many"
        )
    most = sorted(nodes, key=lambda one: (one.get("GPU", 0), one["CPU"]), reverse=True)[:number]
    cpus, gpus = (int(min(one.get(name, 0) for one in most)) for name in ("CPU", "GPU"))
    return {"CPU": cpus} | ({"GPU": gpus} if gpus else {})


def _newest(checkpoints: Path) -> str:
    """The last checkpoint of a training, by its name; "" without one."""
    return max((path.name for path in checkpoints.glob("step-*.json")), default="")


def _reason(error: Exception) -> str:
    told = [line.strip() for line in str(error).splitlines() if "exit" in line.lower()]
    return told[-1][:200] if told else first_line(error)
