"""A stage's folder: locked while written, with a manifest when whole."""

import contextlib
import fcntl
import json
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import tfkd
from tfkd.data.files import sha256_of, write_atomically
from tfkd.spec.errors import UserError

MANIFEST = "manifest.json"
SCRATCH = "work"
_VERSIONED = ("tensorflow", "keras", "keras-hub", "tensorflow-text", "numpy", "sacrebleu")


class StageFolder:
    """`RUNS/stages/KIND-FINGERPRINT/`: one stage's result, shared by every run that needs it.

    What is needed only until the stage ends (checkpoints, shards under way) lives in its folder
    `work/`, which is removed at the end. `manifest.json` is written last: a folder that has one
    is whole, any other is work in progress that the same command continues.

    Args:
        stages: The folder `RUNS/stages`.
        kind: The stage's kind.
        fingerprint: The stage's fingerprint.
    """

    def __init__(self, stages: Path, kind: str, fingerprint: str):
        self.kind = kind
        self.fingerprint = fingerprint
        self.path = stages / f"{kind}-{fingerprint}"
        self._verified = False

    @property
    def scratch(self) -> Path:
        """The folder for work in progress; made when asked for."""
        folder = self.path / SCRATCH
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def done(self) -> bool:
        """Whether the result is whole."""
        return (self.path / MANIFEST).exists()

    def manifest(self) -> dict[str, Any]:
        """The manifest of a whole result."""
        try:
            return json.loads((self.path / MANIFEST).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(
                f"{self.path / MANIFEST} cannot be read ({error}). Remove the folder {self.path} "
                "and run the same command: the stage is made anew."
            ) from error

    def verify(self) -> None:
        """Holds every file against the manifest's size and SHA-256, once a process.

        Raises:
            UserError: A file is missing or its bytes differ; it is named.
        """
        if self._verified:
            return
        for name, entry in self.manifest()["files"].items():
            path = self.path / name
            if not path.exists():
                problem = "is missing"
            elif path.stat().st_size != entry["bytes"]:
                problem = f"has {path.stat().st_size} bytes, the manifest says {entry['bytes']}"
            elif sha256_of(path) != entry["sha256"]:
                problem = "has other bytes than were written"
            else:
                continue
            raise UserError(
                f"{path} {problem}. Remove the folder {self.path} and run the same command: "
                "the stage is made anew."
            )
        self._verified = True

    @contextlib.contextmanager
    def locked(self, waiting: Callable[[str], None]) -> Iterator[None]:
        """Holds the stage's lock; a second run waits, and says so.

        The lock is the kernel's and falls with the process, however it ends.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with open(self.path.with_suffix(".lock"), "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                waiting(f"waiting for another run that makes {self.path.name}")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def finish(
        self,
        *,
        inputs: Mapping[str, str],
        identity: Mapping[str, Any],
        summary: Mapping[str, Any],
        seconds: float,
    ) -> None:
        """Removes the scratch folder and writes the manifest."""
        if (self.path / SCRATCH).exists():
            shutil.rmtree(self.path / SCRATCH)
        files = {
            str(path.relative_to(self.path)): {
                "bytes": path.stat().st_size,
                "sha256": sha256_of(path),
            }
            for path in sorted(self.path.rglob("*"))
            if path.is_file() and path.name != MANIFEST and not path.name.endswith(".part")
        }
        manifest = {
            "kind": self.kind,
            "fingerprint": self.fingerprint,
            "identity": identity,
            "inputs": dict(inputs),
            "summary": dict(summary),
            "seconds": round(seconds, 2),
            "bytes": sum(entry["bytes"] for entry in files.values()),
            "files": files,
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "versions": versions(),
        }
        write_atomically(self.path / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False))
        self._verified = True


def versions() -> dict[str, str]:
    """Versions of Python, of this package and of those that results depend on."""
    found = {"python": platform.python_version(), "tfkd": tfkd.__version__}
    for name in _VERSIONED:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def link(target: Path, place: Path) -> None:
    """Makes `place` a relative symbolic link to `target`, replacing an older link."""
    place.parent.mkdir(parents=True, exist_ok=True)
    wanted = os.path.relpath(target, place.parent)
    if place.is_symlink() and os.readlink(place) == wanted:
        return
    temporary = place.with_name(f".{place.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(wanted)
    os.replace(temporary, place)
