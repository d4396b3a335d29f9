"""Workers as actors of Ray, on this machine or on a cluster."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tfkd.data.files import write_atomically
from tfkd.data.side_by_side import cores
from tfkd.pipeline.cluster.asked import LOCAL, AskedCluster
from tfkd.pipeline.cluster.dispatch import Answer, Place
from tfkd.pipeline.cluster.worker import DONE, ShardWorker
from tfkd.pipeline.engine.stage_folder import versions
from tfkd.spec.errors import UserError
from tfkd.training.interruption import Interrupted

# Ray sends nothing to anybody, and says nothing of its own.
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
# Shards go by the disk: nothing is kept in Ray's own memory. It takes no less.
_OBJECT_STORE = 100 * 2**20
# Workers that are lost as they start until the reason is told; seconds until one must be there.
_STARTS, _PATIENCE = 5, 600.0
_MARK, _SESSION = ".cluster", "tfkd-ray-"


class RayPool:
    """A `Pool` of actors, which are this run's alone and end with it, however it ends.

    Args:
        asked: The cluster, and how many workers are wanted.
        job: The run's `Job`, as text.
        stages: The folder `RUNS/stages`, which all machines share.
        threads: Of each operation of TensorFlow, in this process and so in all.
        say: Called with each line for the user.
    """

    def __init__(
        self, asked: AskedCluster, job: str, stages: Path, threads: int, say: Callable[[str], None]
    ):
        self._asked, self._say, self._threads = asked, say, threads
        self._folder: str | None = None
        self._ray, self._ours = _imported(), False
        self._hosts: dict[int, str] = {}  # of workers that are ready, by place
        self._actors: dict[int, Any] = {}
        self._under_way: dict[Any, tuple[int, bool]] = {}
        self._failed, self._patient_until = 0, time.monotonic() + _PATIENCE
        self._setup = {"job": job, "threads": threads, "environment": _environment()}
        self._mark = stages / f"{_MARK}-{secrets.token_hex(8)}"
        try:
            self._connect()
            stages.mkdir(parents=True, exist_ok=True)
            write_atomically(self._mark, "")
            self._size, self._needs = self._room()
            self._setup["cores"] = max(1, self._needs["num_cpus"])
            for place in range(self._size):
                self._start(place)
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> int:
        """How many workers there are, or are to be."""
        return self._size

    @property
    def hosts(self) -> list[str]:
        """The machines of the workers that are ready."""
        return sorted({*self._hosts.values()})

    def idle(self) -> list[Place]:
        busy = {place for place, _ in self._under_way.values()}
        return [Place(number, self._hosts[number]) for number in self._hosts if number not in busy]

    def give(self, place: Place, key: str, number: int) -> None:
        self._ask(place.number, self._actors[place.number].shard.remote(key, number))

    def answers(self, seconds: float) -> list[Answer]:
        with self._reached():
            ready, _ = self._ray.wait(list(self._under_way), num_returns=1, timeout=seconds)
        found = []
        for reference in ready:
            number, is_hello = self._under_way.pop(reference)
            try:
                content = json.loads(self._ray.get(reference))
            except self._ray.exceptions.RayError as error:
                host = self._hosts.pop(number, None)
                if host is None:
                    self._not_started(error)
                else:
                    self._say(f"worker {number} on {host} is lost, and started again")
                    found.append(Answer(Place(number, host), None))
                self._start(number)
                continue
            if is_hello:
                self._welcome(number, content)
            else:
                found.append(Answer(Place(number, self._hosts[number]), content))
        if not self._hosts and time.monotonic() > self._patient_until:
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
        self._start(place.number)

    def close(self) -> None:
        """Ends all workers, and what of Ray this process has started."""
        for number in list(self._actors):
            self._kill(number)
        self._mark.unlink(missing_ok=True)
        if self._ours:
            self._ours = False
            with _own_signals(), contextlib.suppress(Exception):
                self._ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _connect(self) -> None:
        if self._ray.is_initialized():  # by a program that calls `tfkd.run`
            return
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        settings: dict[str, Any] = {"namespace": f"tfkd-{secrets.token_hex(4)}"}
        if self._asked.address == LOCAL:
            self._folder = _session_folder()
            room = max(cores(), (self._asked.workers or 1) * self._cpus)
            settings |= {"num_cpus": room, "object_store_memory": _OBJECT_STORE}
            settings |= {"include_dashboard": False, "_temp_dir": self._folder, "address": "local"}
        else:
            settings["address"] = self._asked.address
        if not self._asked.address.startswith("ray://"):
            settings |= {"log_to_driver": False, "logging_level": "CRITICAL"}
        self._ours = True
        _mute()
        try:
            with _own_signals():
                self._ray.init(**settings)
        except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
            raise UserError(
                f"--cluster {self._asked.address}: it cannot be reached ({_first_line(error)}). "
                "Start one by `ray start --head`, and name it as this machine sees it"
            ) from error

    @property
    def _cpus(self) -> int:
        return max(1, self._threads)

    def _room(self) -> tuple[int, dict[str, int]]:
        """How many workers, and what each of them takes."""
        there = self._ray.cluster_resources()
        gpus, cpus = int(there.get("GPU", 0)), int(there.get("CPU", 0))
        if gpus:
            wanted = self._asked.workers or gpus
            each = max(1, min(self._cpus, cpus // wanted))
            return wanted, {"num_gpus": 1, "num_cpus": each}
        wanted = self._asked.workers or max(1, cpus // self._cpus)
        return wanted, {"num_cpus": self._cpus}

    def _start(self, number: int) -> None:
        actor = self._ray.remote(ShardWorker).options(**self._needs, max_restarts=0)
        self._actors[number] = actor.remote(json.dumps(self._setup))
        self._ask(number, self._actors[number].hello.remote(str(self._mark.resolve())), True)

    def _ask(self, number: int, reference: Any, hello: bool = False) -> None:
        self._under_way[reference] = number, hello

    def _kill(self, number: int) -> None:
        actor = self._actors.pop(number, None)
        if actor is not None:
            with contextlib.suppress(Exception):  # it may be gone, with all of the cluster
                self._ray.kill(actor)

    def _welcome(self, number: int, hello: dict[str, Any]) -> None:
        """Takes a worker that has begun; refuses one that would not make the same.

        Raises:
            UserError: Its machine has other versions, or does not see the folder of runs.
        """
        if hello["kind"] != DONE:
            raise RuntimeError(f"worker {number}: {hello['text'].strip()}")
        ours, host = versions(), hello["host"]
        other = [
            f"{name} {hello['versions'].get(name, 'none')}, here {ours.get(name, 'none')}"
            for name in {**ours, **hello["versions"]}
            if hello["versions"].get(name) != ours.get(name)
        ]
        if other:
            raise UserError(
                f"worker {number} on {host} has {'; '.join(other)}. Give all machines the same "
                "installation"
            )
        if not hello["sees"]:
            raise UserError(
                f"worker {number} on {host} does not see {self._mark.parent}. All machines need "
                "one folder of runs: name it with --runs-dir, on a file system that they share"
            )
        self._hosts[number], self._failed = host, 0

    def _not_started(self, error: Exception) -> None:
        self._failed += 1
        if self._failed >= _STARTS:
            raise UserError(
                f"workers end as they start ({_reason(error)}). Give all machines the same "
                "installation as this one, tfkd[ray] among it"
            ) from error

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        """Inside, a cluster that is gone is nobody's fault.

        Raises:
            Interrupted: It can no longer be reached.
        """
        try:
            yield
        except (ConnectionError, self._ray.exceptions.RaySystemError) as error:
            raise Interrupted(
                f"the cluster {self._asked.address} can no longer be reached ({_first_line(error)})"
            ) from error


def _imported() -> Any:
    try:
        import ray
    except ImportError as error:
        raise UserError(
            f"--cluster needs Ray ({error}): install tfkd's extra `ray`, on all machines"
        ) from error
    return ray


def _session_folder() -> str:
    """A folder for Ray's sockets and logs, whose path must be short; those that killed runs have
    left are removed."""
    for path in Path("/tmp").glob(f"{_SESSION}*"):
        pid = path.name.removeprefix(_SESSION).partition("-")[0]
        with contextlib.suppress(OSError, ValueError):
            if path.stat().st_uid == os.getuid() and not Path(f"/proc/{int(pid)}").exists():
                shutil.rmtree(path, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"{_SESSION}{os.getpid()}-", dir="/tmp")


def _mute() -> None:
    """Keeps what Ray tells of a lost worker off the terminal, whatever its log level is: the user
    has a line of ours."""
    from ray._private import worker

    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *arguments, **settings: None


def _environment() -> dict[str, str]:
    """What a worker's machine may lack of this process's surroundings."""
    return {name: os.environ[name] for name in ("TF_CPP_MIN_LOG_LEVEL",) if name in os.environ}


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Inside, Ray takes signals for itself; behind it they are ours again."""
    kinds = [signal.SIGTERM, signal.SIGINT]
    before = {number: signal.getsignal(number) for number in kinds}
    try:
        yield
    finally:
        for number, handler in before.items():
            with contextlib.suppress(ValueError):  # not in the main thread
                signal.signal(number, handler)


def _reason(error: Exception) -> str:
    """The last line of a failed start that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if "Error" in line.split(":")[0]]
    return (told or lines or [type(error).__name__])[-1][:200]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]


def _shown(needs: dict[str, int]) -> str:
    names = {"num_cpus": "processors", "num_gpus": "GPU"}
    return " and ".join(f"{count} {names[name]}" for name, count in needs.items())
