"""Hosts that train a stage together, as actors of Ray in a placement group."""

import contextlib
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfkd.pipeline.cluster.asked import LOCAL
from tfkd.pipeline.cluster.dispatch import Place, error_of
from tfkd.pipeline.cluster.host import Lines, TrainingHost
from tfkd.pipeline.cluster.ray_connection import first_line
from tfkd.pipeline.cluster.ray_session import RaySession
from tfkd.pipeline.cluster.room import Room, bundle_of, shown
from tfkd.pipeline.cluster.setup import setup_of
from tfkd.pipeline.cluster.worker import DONE, SURROUNDINGS
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.seen_late import await_whole
from tfkd.training.interruption import Interrupted

# Seconds that hosts may take to start; and to save, once they are to stop.
_PATIENCE, _SAVING = 600.0, 60.0
_LOOK_EVERY = 0.5
_TIME = "the time limit is reached"


class _Host(TrainingHost):
    """A host whose lines go to the actor that keeps them."""

    def __init__(self, setup: str, lines: Any):
        super().__init__(setup, lambda line: lines.say.remote(line), lambda: _stopped(lines))

    def address(self) -> str:
        """The machine's address, as its cluster knows it."""
        import ray

        return ray.util.get_node_ip_address()


def _stopped(lines: Any) -> bool:
    import ray

    try:
        return ray.get(lines.stopped.remote(), timeout=10)
    except ray.exceptions.RayError:  # it may be on its way to another machine
        return False


class RayHosts:
    """Trains stages on several hosts, one machine each; on a cluster of this machine alone they are
    processes. When one is lost all are ended, and begin anew from the last checkpoint.

    Args:
        session: The connection to the cluster.
        job: The run's `Job`, as text.
        number: How many hosts.
        context: The run's surroundings.
        room: What one host takes that trains alone; None: a host is a machine.
        threads: Of each operation of TensorFlow; None: as there are on its machine.

    Raises:
        UserError: The cluster has fewer machines than hosts.
    """

    def __init__(
        self,
        session: RaySession,
        job: str,
        number: int,
        context: Context,
        room: Room | None = None,
        threads: int | None = None,
    ):
        self._session, self._ray, self._number = session, session.ray, number
        self._context = context
        if room is None:
            self._bundle = bundle_of(session.machines(), session.asked, number)
        else:
            needs = {"CPU": room.needs["num_cpus"], "GPU": room.needs.get("num_gpus", 0)}
            self._bundle = {name: count for name, count in needs.items() if count}
        self._setup = json.dumps(setup_of(job, threads, self._bundle["CPU"]))

    def train(self, node: Node, title: str) -> None:
        """Makes a training stage, whole.

        Raises:
            UserError: The hosts are not there, or not fit for the run.
            Interrupted: The run was stopped, the cluster is gone, or hosts are lost one after the
                other.
        """
        checkpoints = self._context.folder(node).work / "checkpoints"
        with self._group() as group:
            # One that is lost with its machine is started again elsewhere.
            lines = self._ray.remote(Lines).options(num_cpus=0, max_restarts=-1).remote()
            failed, reached = 0, _newest(checkpoints)
            while (reason := self._attempt(group, lines, node, title)) is not None:
                newest = _newest(checkpoints)
                failed = 0 if newest > reached else failed + 1
                reached = newest
                if failed > self._session.asked.retries:
                    raise Interrupted(
                        f"{node.label}: hosts were lost {failed} times without a new checkpoint "
                        f"between ({reason})"
                    )
                self._context.say(f"{node.label}: {reason}; begins anew from the last checkpoint")
        # A network file system may still have it here that nothing is there.
        await_whole(self._context.folder(node))

    @contextlib.contextmanager
    def _group(self) -> Iterator[Any]:
        spread = "PACK" if self._session.asked.address == LOCAL else "STRICT_SPREAD"
        util = self._ray.util
        group = util.placement_group([self._bundle] * self._number, strategy=spread)
        try:
            end = time.monotonic() + _PATIENCE
            while not group.wait(_LOOK_EVERY):
                self._look(end, "room for the hosts")
            yield group
        finally:
            with contextlib.suppress(Exception):  # it may be gone, with all of the cluster
                if not self._session.gone:
                    util.remove_placement_group(group)

    def _attempt(self, group: Any, lines: Any, node: Node, title: str) -> str | None:
        """Trains until the stage is whole, None, or a host is lost: how."""
        actors = [self._started(group, lines, index) for index in range(self._number)]
        try:
            addresses = self._joined(actors)
            left = self._context.deadline.remaining
            seconds = None if math.isinf(left) else max(left, 1.0)
            told = json.dumps(addresses)
            under_way = {
                actor.train.remote(node.key, told, index, title, seconds): index
                for index, actor in enumerate(actors)
            }
            return self._watched(under_way, addresses, lines)
        except self._ray.exceptions.RayError as error:
            return f"a host is lost ({_reason(error)})"
        finally:
            if not self._session.gone:
                self._say_all(lines)
            for actor in () if self._session.gone else actors:
                with contextlib.suppress(Exception):
                    self._ray.kill(actor)

    def _started(self, group: Any, lines: Any, index: int) -> Any:
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        place = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=index)
        actor = self._ray.remote(_Host).options(
            num_cpus=self._bundle["CPU"],
            num_gpus=self._bundle.get("GPU", 0),
            scheduling_strategy=place,
        )
        return actor.remote(self._setup, lines)

    def _watched(self, under_way: dict[Any, int], places: list[str], lines: Any) -> str | None:
        """Waits for the hosts; those that end by themselves have others save what they have."""
        reasons: list[str] = []
        end = math.inf
        try:
            while under_way and time.monotonic() < end:
                for reference in self._looked(list(under_way), time_limit=False):
                    index = under_way.pop(reference)
                    answer = json.loads(self._ray.get(reference))
                    if answer["kind"] == SURROUNDINGS:
                        reasons.append(f"host {index} ({places[index]}) ended: {answer['text']}")
                        end = min(end, time.monotonic() + _SAVING)
                    elif answer["kind"] != DONE:
                        raise error_of(Place(index, places[index]), answer, "host")
                self._say_all(lines)
                if self._context.deadline.remaining < -_SAVING:
                    self._context.deadline.check()
        except Interrupted:
            if not self._session.gone:
                self._save(under_way, lines)
            raise
        if any(_TIME in reason for reason in reasons):
            raise Interrupted(self._context.deadline.reached)
        return reasons[0] if reasons else None

    def _save(self, under_way: dict[Any, int], lines: Any) -> None:
        """Has the hosts save and stop; a second signal ends it."""
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._context.say("the hosts save their work")
            lines.stop.remote()
            left, end = list(under_way), time.monotonic() + _SAVING
            while left and time.monotonic() < end and not self._session.gone:
                _, left = self._ray.wait(left, num_returns=len(left), timeout=_LOOK_EVERY)
                self._say_all(lines)

    def _joined(self, actors: list[Any]) -> list[str]:
        """The addresses at which the hosts will find each other."""
        mark = str(self._session.mark)
        hellos = self._awaited([actor.hello.remote(mark) for actor in actors], "the hosts")
        places = self._awaited([actor.address.remote() for actor in actors], "the hosts")
        found = []
        for index, (text, place) in enumerate(zip(hellos, places, strict=True)):
            hello = json.loads(text)
            if hello["kind"] != DONE:
                raise error_of(Place(index, hello["host"]), hello, "host")
            self._session.refuse_other(f"host {index}", hello)
            found.append(f"{f'[{place}]' if ':' in place else place}:{hello['port']}")
        return found

    def _awaited(self, references: list[Any], what: str) -> list[Any]:
        end, left = time.monotonic() + _PATIENCE, references
        while left:
            ready = self._looked(left)
            left = [one for one in left if one not in ready]
            self._ray.get(ready)  # a host that is lost is not waited for
            self._look(end, what)
        return self._ray.get(references)

    def _look(self, end: float, what: str) -> None:
        self._session.look()
        self._context.deadline.check()
        if time.monotonic() > end:
            raise Interrupted(
                f"the cluster has not given {what} in {_PATIENCE / 60:.0f} minutes. {self._number} "
                f"hosts ask for {shown(self._bundle)} each"
            )

    def _looked(self, references: list[Any], *, time_limit: bool = True) -> list[Any]:
        self._session.look()
        ready, _ = self._ray.wait(references, num_returns=1, timeout=_LOOK_EVERY)
        if time_limit or self._context.deadline.stopped:
            self._context.deadline.check()  # else the hosts keep it, and save in time
        return ready

    def _say_all(self, lines: Any) -> None:
        with contextlib.suppress(self._ray.exceptions.RayError, ConnectionError):
            for line in json.loads(self._ray.get(lines.taken.remote(), timeout=10)):
                self._context.say(line)


def _newest(checkpoints: Path) -> str:
    """The last checkpoint of a training, by its name; "" without one."""
    return max((path.name for path in checkpoints.glob("step-*.json")), default="")


def _reason(error: Exception) -> str:
    told = [line.strip() for line in str(error).splitlines() if "exit" in line.lower()]
    return told[-1][:200] if told else first_line(error)
