"""Workers as actors of Ray, on this machine or on a cluster."""

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tfkd.pipeline.cluster.dispatch import Answer, Place, error_of
from tfkd.pipeline.cluster.ray_session import RaySession
from tfkd.pipeline.cluster.room import room_of
from tfkd.pipeline.cluster.setup import setup_of
from tfkd.pipeline.cluster.worker import DONE, ShardWorker
from tfkd.spec.errors import UserError
from tfkd.training.interruption import Interrupted

# How often in a row a worker's own code may fail as it starts; seconds until one must be there,
# and until the user is told that there is no room yet.
_STARTS, _PATIENCE, _TOLD = 2, 600.0, 30.0
# A worker that said something so many seconds ago is asked whether it still lives before it is
# given a shard: one that has died with nothing to do has died of no shard.
_FRESH = 1.0
_HELLO, _ALIVE, _SHARD = "hello", "alive", "shard"


class RayPool:
    """A `Pool` of actors, which are this run's alone and end with it, however it ends.

    Args:
        session: The connection to the cluster.
        job: The run's `Job`, as text.
        threads: Of each operation of TensorFlow, in this process and so in all.
        say: Called with each line for the user.

    Raises:
        UserError: The cluster has no room for what is asked for.
    """

    def __init__(self, session: RaySession, job: str, threads: int, say: Callable[[str], None]):
        self._session, self._ray, self._say = session, session.ray, say
        self._hosts: dict[int, str] = {}  # of workers that are ready, by place
        self._heard: dict[int, float] = {}  # when each said something
        self._actors: dict[int, Any] = {}
        self._under_way: dict[Any, tuple[int, str]] = {}
        self._failed: Counter = Counter()  # starts, by place, since it was last ready
        self._room = room_of(session.machines(), session.asked, threads)
        self._setup = json.dumps(setup_of(job, threads, self._room.needs["num_cpus"]))
        self._waits = self._asked = time.monotonic()
        self._told = False

    @property
    def size(self) -> int:
        """How many workers there are, or are to be."""
        return self._room.size

    @property
    def on_gpus(self) -> bool:
        """Whether each of them has a GPU."""
        return "num_gpus" in self._room.needs

    @property
    def ready(self) -> int:
        """How many of them are at work, or could be."""
        return len(self._hosts)

    def idle(self) -> list[Place]:
        for number in set(range(self.size)) - set(self._actors):
            self._start(number)
        busy = {number for number, _ in self._under_way.values()}
        fresh, found = time.monotonic() - _FRESH, []
        for number, host in self._hosts.items():
            if number in busy:
                continue
            if self._heard[number] < fresh:
                self._ask(number, _ALIVE, self._actors[number].alive.remote())
            else:
                found.append(Place(number, host))
        return found

    def give(self, place: Place, key: str, number: int) -> None:
        self._ask(place.number, _SHARD, self._actors[place.number].shard.remote(key, number))

    def answers(self, seconds: float) -> list[Answer]:
        self._session.look()
        now = time.monotonic()
        if now - self._asked > _TOLD:  # nobody has, while a stage had no work for workers
            self._waits = now
        under_way = list(self._under_way)
        ready, _ = self._ray.wait(under_way, timeout=seconds) if under_way else ([], [])
        found = []
        for reference in ready:
            number, what = self._under_way.pop(reference)
            try:
                content = json.loads(self._ray.get(reference))
            except self._ray.exceptions.RayError as error:
                found += self._lost(number, what, error)
                continue
            self._heard[number] = time.monotonic()
            if what == _HELLO:
                self._take(number, content)
            elif what == _SHARD:
                found.append(Answer(Place(number, self._hosts[number]), content))
        self._asked = time.monotonic()
        self._look_for_room()
        return found

    def drop(self, place: Place) -> None:
        for reference, (number, _) in list(self._under_way.items()):
            if number == place.number:
                del self._under_way[reference]
        self._hosts.pop(place.number, None)
        self._kill(place.number)

    def close(self) -> None:
        """Ends all workers."""
        for number in list(self._actors):
            self._kill(number)

    def _start(self, number: int) -> None:
        actor = self._ray.remote(ShardWorker).options(**self._room.needs, max_restarts=0)
        self._actors[number] = actor.remote(self._setup)
        mark = str(self._session.mark)
        self._ask(number, _HELLO, self._actors[number].hello.remote(mark))

    def _ask(self, number: int, what: str, reference: Any) -> None:
        self._under_way[reference] = number, what

    def _take(self, number: int, content: dict[str, Any]) -> None:
        if content["kind"] != DONE:
            raise error_of(Place(number, content["host"]), content)
        self._session.refuse_other(f"worker {number}", content)
        self._hosts[number] = content["host"]
        self._failed.pop(number, None)

    def _kill(self, number: int) -> None:
        actor = self._actors.pop(number, None)
        if actor is not None and not self._session.gone:
            with contextlib.suppress(Exception):  # it may be gone, with all of the cluster
                self._ray.kill(actor)

    def _lost(self, number: int, what: str, error: Exception) -> list[Answer]:
        self._kill(number)
        host = self._hosts.pop(number, None)
        if host is None:
            self._not_started(number, error)
            return []
        self._say(f"worker {number} on {host} is lost, and started again")
        return [Answer(Place(number, host), None)] if what == _SHARD else []

    def _not_started(self, number: int, error: Exception) -> None:
        """A worker is lost before it was ready: its own code failed, as without an installation, or
        something ended it, as a machine that is lost."""
        self._failed[number] += 1
        self._session.look(at_once=True)
        own = getattr(error, "actor_init_failed", False)
        if own and self._failed[number] >= _STARTS:
            raise UserError(
                f"worker {number} fails as it starts ({_reason(error)}). Give all machines the "
                "same installation as this one, tfkd[ray] among it"
            ) from error
        if self._failed[number] > self._session.asked.retries:
            raise Interrupted(
                f"worker {number} was lost {self._failed[number]} times as it started, one after "
                f"the other ({_reason(error)}): most often its machine has too little memory"
            ) from error
        self._say(f"worker {number} is lost as it starts, and started again")

    def _look_for_room(self) -> None:
        """Tells, and after a while ends the run, where no worker is there or comes."""
        now = time.monotonic()
        if self._hosts:
            self._waits, self._told = now, False
        elif now - self._waits > _PATIENCE:
            raise Interrupted(
                f"the cluster had no room for a worker for {_PATIENCE / 60:.0f} minutes. Each asks "
                f"for {self._room.shown}"
            )
        elif now - self._waits > _TOLD and not self._told:
            self._told = True
            self._say(f"waits for workers to start: each asks for {self._room.shown}")


def _reason(error: Exception) -> str:
    """The last line of a failed start that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if "Error" in line.split(":")[0]]
    return (told or lines or [type(error).__name__])[-1][:200]
