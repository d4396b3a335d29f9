"""Ray, started or joined by this process, and left again."""

import contextlib
import logging
import os
import secrets
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfkd.pipeline.cluster.asked import LOCAL, AskedCluster
from tfkd.pipeline.cluster.room import processors_here
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
_SESSION = "tfkd-ray-"
_TOKEN_WORDS = ("auth_token", "AUTH_TOKEN", "AUTH_MODE", "Unauthenticated", "UNAUTHENTICATED")
_NO_TOKEN = (
    "it asks for a token, and this command has none, or another. Set RAY_AUTH_MODE=token, and "
    "RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH (or the file ~/.ray/auth_token) to what the cluster "
    "was started with"
)


class Connection:
    """This process's part in a cluster, which ends with `close`.

    Args:
        ray: The package.

    Attributes:
        ours: Whether this process has joined by us, and not before.
        folder: Where the cluster of this run alone has its sockets and logs; None: it is another.
    """

    def __init__(self, ray: Any):
        self._ray, self.ours, self.folder = ray, False, None

    def open(self, asked: AskedCluster, cpus: int) -> None:
        """Joins a cluster, or starts the one of this run.

        Args:
            asked: The cluster.
            cpus: Processors that a worker takes, of which a cluster of this run has enough.

        Raises:
            UserError: There is no such cluster, it asks for a token, or is another run's own.
            Interrupted: This machine could not start one in time.
        """
        if self._ray.is_initialized():  # by a program that calls `tfkd.run`
            return
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        settings: dict[str, Any] = {"namespace": f"tfkd-{secrets.token_hex(4)}"}
        settings |= {"log_to_driver": False, "logging_level": "CRITICAL"}
        if asked.address == LOCAL:
            self.folder = _session_folder()
            settings |= {
                "num_cpus": processors_here(asked, cpus),
                "object_store_memory": _OBJECT_STORE,
            }
            settings |= {"include_dashboard": False, "_temp_dir": self.folder, "address": "local"}
        else:
            settings["address"] = asked.address
        self.ours = True
        _mute()
        try:
            with own_signals(), warnings.catch_warnings(action="ignore"):
                self._ray.init(**settings)
        except Interrupted:
            raise
        except Exception as error:  # of several kinds, one of them Exception itself
            if asked.address == LOCAL:
                raise Interrupted(
                    f"--cluster local: Ray does not start here ({first_line(error)}): this machine "
                    "may have too much to do, or too little memory"
                ) from error
            raise UserError(f"--cluster {asked.address}: {_why(error, asked)}") from error
        if asked.address != LOCAL and f"/{_SESSION}" in _folder_of_node():
            raise UserError(
                f"--cluster {asked.address}: the cluster of this machine is another run's own, and "
                "ends with that. Start one by `ray start --head`, or write --cluster local"
            )

    def close(self) -> None:
        """Ends what of Ray this process has started."""
        try:
            if self.ours:
                self.ours = False
                with own_signals(), contextlib.suppress(Exception):
                    self._ray.shutdown()
        finally:
            if self.folder is not None:
                shutil.rmtree(self.folder, ignore_errors=True)


def _why(error: Exception, asked: AskedCluster) -> str:
    """Why a cluster could not be joined, and the way out."""
    text = str(error)
    if type(error).__name__ == "AuthenticationError" or any(word in text for word in _TOKEN_WORDS):
        return _NO_TOKEN
    # Ray's client waits in vain for the answer of a cluster that it has no token for.
    token = "; one that asks for a token answers those alone who have RAY_AUTH_MODE=token set"
    return (
        f"it cannot be reached ({first_line(error)}). Start one by `ray start --head`, and name it "
        f"as this machine sees it{token if asked.address.startswith('ray://') else ''}"
    )


def imported_ray() -> Any:
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


def _folder_of_node() -> str:
    """Where the node of this machine keeps its sockets; "" where it has none."""
    from ray._private import worker

    node = getattr(worker, "_global_node", None)
    return "" if node is None else str(node.get_session_dir_path())


def first_line(error: Exception) -> str:
    """The first line of an error's text, and of a longer text the last, which says why."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[:1] + lines[1:][-1:]
    return " ".join(line[:200] for line in said) or type(error).__name__
