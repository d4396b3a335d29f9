"""What a machine of a cluster is like, for `tfkd doctor --cluster`."""

import json
import shutil
from pathlib import Path
from typing import Any

from tfkd.data.side_by_side import cores
from tfkd.pipeline.cluster.installation import installation
from tfkd.pipeline.cluster.setup import begun
from tfkd.pipeline.cluster.shared_folder import seen, unreadable, unwritable
from tfkd.pipeline.cluster.worker import answered
from tfkd.training.cores import gpus


class Probe:
    """Looks at the machine that it is started on.

    Args:
        setup: As of `setup.begun`, in JSON.
    """

    def __init__(self, setup: str):
        begun(json.loads(setup))

    def look(self, mark: str, runs_dir: str, data_dir: str, plugins: str) -> str:
        """What is found, in JSON: who it is, what it has, and what it could read and write.

        Args:
            mark: A file that it must see.
            runs_dir: The folder of runs, where it writes a file and reads it again.
            data_dir: The data folder.
            plugins: Modules whose sources are told, in JSON.
        """
        named = json.loads(plugins)
        return answered(lambda: self._found(mark, Path(runs_dir), Path(data_dir), named))

    def _found(
        self, mark: str, runs_dir: Path, data_dir: Path, plugins: list[str]
    ) -> dict[str, Any]:
        from tfkd.pipeline.engine.machine import machine

        here = machine()
        return {
            "installation": installation(plugins),
            "sees": seen(mark),
            "cores": cores(),
            "processor": here["processor"],
            "gpus": gpus(),
            "memory": _memory(),
            "runs": _unwritable(runs_dir),
            "data": unreadable(data_dir),
            "free": shutil.disk_usage(runs_dir).free if runs_dir.exists() else 0,
        }


def _memory() -> int:
    """Bytes that are free, as far as the system tells."""
    try:
        lines = Path("/proc/meminfo").read_text("utf-8").splitlines()
    except OSError:
        return 0
    words = next((line.split() for line in lines if line.startswith("MemAvailable:")), None)
    return 0 if words is None else int(words[1]) * 1024


def _unwritable(folder: Path) -> str:
    """As `unwritable`, of a full disk, too."""
    try:
        return unwritable(folder)
    except OSError as error:
        return error.strerror or str(error)
