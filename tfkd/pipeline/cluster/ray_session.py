"""A connection to Ray: begun with the first work for it, ended with the run, however that ends."""

import contextlib
import logging
import os
import secrets
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tfkd.data.files import write_atomically
from tfkd.data.side_by_side import cores
from tfkd.pipeline.cluster.asked import LOCAL, AskedCluster
from tfkd.pipeline.cluster.installation import differences, installation
from tfkd.spec.errors import UserError
from tfkd.training.hosts import answers_at
from tfkd.training.interruption import Interrupted

# Ray sends nothing to anybody, and says nothing of its own.
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
# Shards go by the disk: nothing is kept in Ray's own memory. It takes no less.
_OBJECT_STORE = 100 * 2**20
# Seconds between two looks for the head, and how often it may not answer.
_LOOK_EVERY, _SILENT = 4.0, 4
_MARK, _SESSION = ".cluster", "tfkd-ray-"
_NOT_REACHED = (ConnectionError, RuntimeError, ValueError, TimeoutError)
_TOKEN_WORDS = ("auth_token", "AUTH_TOKEN", "AUTH_MODE", "Unauthenticated", "UNAUTHENTICATED")
_NO_TOKEN = (
    "it asks for a token, and this command has none, or another. Set RAY_AUTH_MODE=token, and "
    "RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH (or the file ~/.ray/auth_token) to what the cluster "
    "was started with"
)


class RaySession:
    """A connection to a cluster of Ray; nothing of it outlives this process.

    Args:
        asked: The cluster.
        cpus: Processors that a worker takes, of which a cluster on this machine has enough.
        stages: The folder `RUNS/stages`, which all machines share.
        plugins: Modules that register classes, whose sources all machines have alike.

    Attributes:
        ray: The package.
        asked: The cluster.
        mark: A file in `stages`, which whoever works there must see.

    Raises:
        UserError: There is no such cluster, or no Ray.
    """

    def __init__(self, asked: AskedCluster, cpus: int, stages: Path, plugins: Sequence[str] = ()):
        self.ray, self.asked, self._address = _imported(), asked, asked.address
        self._plugins = plugins
        self._ours, self._folder, self._gone = False, None, False
        self._looked, self._silent = time.monotonic(), 0
        self.mark = stages.resolve() / f"{_MARK}-{secrets.token_hex(8)}"
        try:
            stages.mkdir(parents=True, exist_ok=True)
            write_atomically(self.mark, "")
            self._connect(asked, asked.cpus_per_worker or cpus)
            self._head = self._found_head()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends what of Ray this process has started."""
        try:
            if self._ours:
                self._ours = False
                with own_signals(), contextlib.suppress(Exception):
                    self.ray.shutdown()
        finally:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
            with contextlib.suppress(OSError):
                self.mark.unlink(missing_ok=True)

    def machines(self) -> dict[str, dict[str, float]]:
        """What each machine of the cluster has, `CPU` and `GPU` among it, by its address."""
        found: dict[str, dict[str, float]] = {}
        with self.reached():
            for node in self.ray.nodes():
                if node["Alive"]:
                    name = address = node["NodeManagerAddress"]
                    while name in found:
                        name = f"{address} ({len(found) + 1})"
                    found[name] = node["Resources"]
        return found

    def refuse_other(self, name: str, hello: dict[str, Any]) -> None:
        """Refuses a worker that would not make the same, by what it says of itself.

        Raises:
            UserError: Its machine has another installation, or has no use of the folder of runs.
        """
        where, runs = f"{name} on {hello['host']}", self.mark.parent
        if other := differences(installation(self._plugins), hello["installation"]):
            raise UserError(
                f"{where} has {'; '.join(other)}. Give all machines the same installation"
            )
        if not hello["sees"]:
            raise UserError(
                f"{where} does not see {runs}. All machines need one folder of runs: name it with "
                "--runs-dir, on a file system that they share"
            )
        if hello["writes"]:
            raise UserError(
                f"{where} cannot write in {runs} ({hello['writes']}). Give its user the right to, "
                "or name another folder with --runs-dir; what is done is kept"
            )

    @property
    def gone(self) -> bool:
        """Whether the cluster has been lost."""
        return self._gone

    @contextlib.contextmanager
    def reached(self) -> Iterator[None]:
        """Inside, a cluster that is gone is nobody's fault.

        Raises:
            Interrupted: It can no longer be reached.
        """
        try:
            yield
        except (UserError, Interrupted):
            raise
        except Exception as error:
            lost = (ConnectionError, self.ray.exceptions.RaySystemError)
            if not isinstance(error, lost) and answers_at(self._head):
                raise
            self._gone = True
            raise Interrupted(f"{self._said} ({first_line(error)})") from error

    @property
    def _said(self) -> str:
        return f"the cluster {self._address} can no longer be reached"

    def look(self, *, at_once: bool = False) -> None:
        """Looks for the cluster's head now and then: Ray itself ends the process without a word
        when it has not found it for a minute.

        Args:
            at_once: Something is wrong already: one look is enough.

        Raises:
            Interrupted: It has not answered several times.
        """
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY and not at_once:
            return
        self._looked = now
        self._silent = 0 if answers_at(self._head) else self._silent + 1
        if self._silent >= (1 if at_once else _SILENT):
            self._gone = True
            raise Interrupted(f"{self._said}: {self._head} does not answer")

    def _found_head(self) -> str:
        if self._address.startswith("ray://"):
            return self._address.removeprefix("ray://")
        return self.ray.get_runtime_context().gcs_address

    def _connect(self, asked: AskedCluster, cpus: int) -> None:
        if self.ray.is_initialized():  # by a program that calls `tfkd.run`
            return
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        settings: dict[str, Any] = {"namespace": f"tfkd-{secrets.token_hex(4)}"}
        if asked.address == LOCAL:
            self._folder = _session_folder()
            room = max(cores(), (asked.workers or 1) * cpus)
            settings |= {"num_cpus": room, "object_store_memory": _OBJECT_STORE}
            settings |= {"include_dashboard": False, "_temp_dir": self._folder, "address": "local"}
        else:
            settings["address"] = asked.address
        settings |= {"log_to_driver": False, "logging_level": "CRITICAL"}
        self._ours = True
        _mute()
        try:
            with own_signals(), warnings.catch_warnings(action="ignore"):
                self.ray.init(**settings)
        except self.ray.exceptions.AuthenticationError as error:
            raise UserError(f"--cluster {asked.address}: {_NO_TOKEN}") from error
        except _NOT_REACHED as error:
            refused = any(word in str(error) for word in _TOKEN_WORDS)
            raise UserError(
                f"--cluster {asked.address}: {_NO_TOKEN}"
                if refused
                else f"--cluster {asked.address}: it cannot be reached ({first_line(error)}). "
                "Start one by `ray start --head`, and name it as this machine sees it"
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

    logging.getLogger("ray").setLevel(logging.CRITICAL)
    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *arguments, **settings: None


@contextlib.contextmanager
def own_signals() -> Iterator[None]:
    """Inside, Ray leaves SIGTERM to us: it would end this process by it, with a code of its own."""
    from ray._private import utils

    taken = getattr(utils, "set_sigterm_handler", None)
    kinds = [signal.SIGTERM, signal.SIGINT]
    before = {number: signal.getsignal(number) for number in kinds}
    try:
        if taken is not None:
            utils.set_sigterm_handler = lambda handler: None
        yield
    finally:
        if taken is not None:
            utils.set_sigterm_handler = taken
        for number, handler in before.items():
            with contextlib.suppress(ValueError):  # not in the main thread
                signal.signal(number, handler)


def first_line(error: Exception) -> str:
    """The first line of an error's text, and of a longer text the last, which says why."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[:1] + lines[1:][-1:]
    return " ".join(line[:200] for line in said) or type(error).__name__
