"""Workers as actors of Ray, on this machine or on a cluster."""

import contextlib
import json
import os
import time
from collections.abc import Callable
from typing import Any

from tfkd.pipeline.cluster.dispatch import Answer, Place
from tfkd.pipeline.cluster.ray_session import RaySession
from tfkd.pipeline.cluster.worker import GROWTH, ShardWorker
from tfkd.spec.errors import UserError
from tfkd.training.interruption import Interrupted

# Workers that are lost as they start until the reason is told; seconds until one must be there.
_STARTS, _PATIENCE = 5, 600.0


class RayPool:
    """A `Pool` of actors, which are this run's alone and end with it, however it ends.

    Args:
        session: The connection to the cluster.
        job: The run's `Job`, as text.
        threads: Of each operation of TensorFlow, in this process and so in all.
        say: Called with each line for the user.
    """

    def __init__(self, session: RaySession, job: str, threads: int, say: Callable[[str], None]):
        self._session, self._ray, self._say = session, session.ray, say
        self._hosts: dict[int, str] = {}  # of workers that are ready, by place
        self._actors: dict[int, Any] = {}
        self._under_way: dict[Any, tuple[int, bool]] = {}
        self._failed, self._patient_until = 0, time.monotonic() + _PATIENCE
        self._size, self._needs = _room(session, threads)
        self._setup = json.dumps(setup_of(job, threads, self._needs["num_cpus"]))

    @property
    def size(self) -> int:
        """How many workers there are, or are to be."""
        return self._size

    @property
    def on_gpus(self) -> bool:
        """Whether each of them has a GPU."""
        return "num_gpus" in self._needs

    @property
    def ready(self) -> int:
        """How many of them are at work, or could be."""
        return len(self._hosts)

    def idle(self) -> list[Place]:
        for number in set(range(self._size)) - set(self._actors):
            self._start(number)
        busy = {number for number, _ in self._under_way.values()}
        return [Place(number, self._hosts[number]) for number in self._hosts if number not in busy]

    def give(self, place: Place, key: str, number: int) -> None:
        self._ask(place.number, self._actors[place.number].shard.remote(key, number))

    def answers(self, seconds: float) -> list[Answer]:
        with self._session.reached():
            ready, _ = self._ray.wait(list(self._under_way), num_returns=1, timeout=seconds)
        found = []
        for reference in ready:
            number, is_hello = self._under_way.pop(reference)
            try:
                content = json.loads(self._ray.get(reference))
            except self._ray.exceptions.RayError as error:
                self._kill(number)
                host = self._hosts.pop(number, None)
                if host is None:
                    self._not_started(error)
                else:
                    self._say(f"worker {number} on {host} is lost, and started again")
                    found.append(Answer(Place(number, host), None))
                continue
            if is_hello:
                self._session.refuse_other(f"worker {number}", content)
                self._hosts[number], self._failed = content["host"], 0
            else:
                found.append(Answer(Place(number, self._hosts[number]), content))
        if self._hosts:
            self._patient_until = time.monotonic() + _PATIENCE
        elif time.monotonic() > self._patient_until:
            raise Interrupted(
                f"the cluster had no room for a worker for {_PATIENCE / 60:.0f} minutes. Each asks "
                f"for {_shown(self._needs)}"
            )
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
        actor = self._ray.remote(ShardWorker).options(**self._needs, max_restarts=0)
        self._actors[number] = actor.remote(self._setup)
        mark = str(self._session.mark.resolve())
        self._ask(number, self._actors[number].hello.remote(mark), True)

    def _ask(self, number: int, reference: Any, hello: bool = False) -> None:
        self._under_way[reference] = number, hello

    def _kill(self, number: int) -> None:
        actor = self._actors.pop(number, None)
        if actor is not None and not self._session.gone:
            with contextlib.suppress(Exception):  # it may be gone, with all of the cluster
                self._ray.kill(actor)

    def _not_started(self, error: Exception) -> None:
        self._failed += 1
        if self._failed >= _STARTS:
            self._session.look(at_once=True)
            raise UserError(
                f"workers end as they start ({_reason(error)}). Give all machines the same "
                "installation as this one, tfkd[ray] among it"
            ) from error


def setup_of(job: str, threads: int | None, cores: int) -> dict[str, Any]:
    """What a process is told at its start: its job, and what `worker.begun` takes."""
    kept = ("TF_CPP_MIN_LOG_LEVEL", GROWTH)
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    paths = [
        os.path.abspath(one) for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one
    ]
    return {
        "job": job,
        "threads": threads,
        "cores": cores,
        "environment": environment,
        "paths": paths,
    }


def _room(session: RaySession, threads: int) -> tuple[int, dict[str, int]]:
    """How many workers there are, and what each of them takes."""
    there, asked = session.ray.cluster_resources(), session.asked.workers
    gpus, cpus = int(there.get("GPU", 0)), int(there.get("CPU", 0))
    if gpus:
        wanted = asked or gpus
        return wanted, {"num_gpus": 1, "num_cpus": max(1, min(threads, cpus // wanted))}
    return asked or max(1, cpus // threads), {"num_cpus": threads}


def _reason(error: Exception) -> str:
    """The last line of a failed start that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if "Error" in line.split(":")[0]]
    return (told or lines or [type(error).__name__])[-1][:200]


def _shown(needs: dict[str, int]) -> str:
    names = {"num_cpus": "processors", "num_gpus": "GPU"}
    return " and ".join(f"{count} {names[name]}" for name, count in needs.items())
