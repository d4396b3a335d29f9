"""A connection to Ray: begun with the first work for it, ended with the run, however that ends."""

import contextlib
import secrets
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tfkd.data.files import write_atomically
from tfkd.pipeline.cluster.asked import AskedCluster
from tfkd.pipeline.cluster.installation import differences, installation
from tfkd.pipeline.cluster.ray_connection import Connection, first_line, imported_ray
from tfkd.spec.errors import UserError
from tfkd.training.hosts import answers_at
from tfkd.training.interruption import Interrupted

# Seconds between two looks for the head, and how often it may not answer.
_LOOK_EVERY, _SILENT = 4.0, 4
_MARK = ".cluster"


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

    Raises:
        UserError: There is no such cluster, or no Ray.
    """

    def __init__(self, asked: AskedCluster, cpus: int, stages: Path, plugins: Sequence[str] = ()):
        self.ray, self.asked, self._address = imported_ray(), asked, asked.address
        self._plugins = plugins
        self._connection, self._gone = Connection(self.ray), False
        self._looked, self._silent = time.monotonic(), 0
        self._stages = stages
        try:
            self._connection.open(asked, asked.cpus_per_worker or cpus)
            self._head = self._found_head()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends what of Ray this process has started."""
        self._gone = True  # for threads that are still at work: Ray would start anew for them
        try:
            self._connection.close()
        finally:
            if "mark" in vars(self):
                with contextlib.suppress(OSError):
                    self.mark.unlink(missing_ok=True)

    @cached_property
    def mark(self) -> Path:
        """A file in `stages`, which whoever works there must see; written when it is asked for.

        Raises:
            OSError: It cannot be.
        """
        self._stages.mkdir(parents=True, exist_ok=True)
        path = self._stages.resolve() / f"{_MARK}-{secrets.token_hex(8)}"
        write_atomically(path, "")
        return path

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
        """Whether the cluster has been lost, or left."""
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
            Interrupted: It has not answered several times, or has been left.
        """
        if self._gone:
            raise Interrupted(self._said)
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
