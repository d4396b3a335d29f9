"""A stage's folder: locked while written, with a manifest when whole."""

import contextlib
import hashlib
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from filelock import FileLock

import tfkd
from tfkd.data.checksummed import read_checksummed, write_checksummed
from tfkd.data.files import sha256_of
from tfkd.spec.errors import UserError

MANIFEST = "manifest.json"
SCRATCH = "work"
_RESTS_ON = "rests_on.json"
# What tells of a training's hours, not of its result.
_LOGS = ("history.jsonl", "tensorboard/")
_WAIT_SECONDS = 0.2
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
        self.path = stages / self.key

    @property
    def key(self) -> str:
        """`KIND-FINGERPRINT`: the folder's name, and what all that lies in it is marked with."""
        return f"{self.kind}-{self.fingerprint}"

    @property
    def scratch(self) -> Path:
        """The folder for work in progress; made when asked for."""
        self.work.mkdir(parents=True, exist_ok=True)
        return self.work

    @property
    def work(self) -> Path:
        """The folder for work in progress, whether it is there or not."""
        return self.path / SCRATCH

    @property
    def done(self) -> bool:
        """Whether the result is whole."""
        return (self.path / MANIFEST).exists()

    def manifest(self) -> dict[str, Any]:
        """The manifest of a whole result.

        Raises:
            UserError: It cannot be read, or is that of another stage, whose folder was put here.
        """
        try:
            # Manifests of 0.1's first days have no checksum.
            manifest = read_checksummed(self.path / MANIFEST, required=False, finite=False)
            manifest["files"], manifest["summary"], manifest["seconds"]
            of = f"{manifest['kind']}-{manifest['fingerprint']}"
        except (OSError, ValueError, KeyError) as error:
            raise self.refused(MANIFEST, f"cannot be read ({error})") from error
        if of != self.key:
            raise self.refused(MANIFEST, f"is that of another stage, {of}")
        return manifest

    def content(self) -> str:
        """A digest of a whole result's files, but for logs: another result has another."""
        files = self.manifest()["files"]
        lines = [
            f"{entry['sha256']} {name}\n"
            for name, entry in sorted(files.items())
            if not name.startswith(_LOGS)
        ]
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def outdated(self, contents: Mapping[str, str]) -> list[str]:
        """The inputs that had another content when this result was made, or begun.

        Work whose note of them is damaged rests on nothing that is known.

        Args:
            contents: The inputs' `content` by role, as they are now.

        Raises:
            UserError: The result, or the work on it, is another stage's.
        """
        if self.done:
            made_of = self.manifest().get("contents", {})  # of 0.1's first days: unknown
        else:
            try:
                noted = read_checksummed(self.work / _RESTS_ON)
            except OSError:
                return []
            except ValueError:
                return list(contents)
            # Of work that an older version began, the contents alone are noted.
            made_of, of = noted.get("contents", noted), noted.get("stage", self.key)
            if of != self.key:
                raise self.refused(f"{SCRATCH}/{_RESTS_ON}", f"is that of another stage, {of}")
        return [role for role, now in contents.items() if made_of.get(role, now) != now]

    def begin(self, contents: Mapping[str, str]) -> None:
        """Notes what the work that begins, or goes on, rests on."""
        noted = {"stage": self.key, "contents": dict(contents)}
        write_checksummed(self.scratch / _RESTS_ON, noted)

    def clear(self) -> None:
        """Removes a result, or the work on it; to be called under the lock."""
        # What says that it is outdated goes last: a kill before that changes nothing.
        marks = [self.work / _RESTS_ON, self.path / MANIFEST]
        for path in [*self.work.glob("*"), *self.path.glob("*")]:
            if path == self.work or path in marks:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        for mark in marks:
            mark.unlink(missing_ok=True)

    def refused(self, name: str, problem: str) -> UserError:
        """The error of a file of this stage that is not what it should be, with what to do."""
        return UserError(
            f"{self.path / name} {problem}. Remove the folder {self.path} and run the same "
            "command: the stage is made anew."
        )

    def verify(self) -> None:
        """Holds every file against the manifest's size and SHA-256.

        A process reads a file's bytes once, and again only where its time or size has changed.

        Raises:
            UserError: A file is missing or its bytes differ; it is named.
        """
        files = self.manifest()["files"]
        states = {name: _state(self.path / name) for name in files}
        known = (files, states)
        if _VERIFIED.get(self.path.absolute()) == known:
            return
        for name, entry in files.items():
            path = self.path / name
            if states[name] is None:
                raise self.refused(name, "is missing")
            if path.stat().st_size != entry["bytes"]:
                raise self.refused(
                    name, f"has {path.stat().st_size} bytes, the manifest says {entry['bytes']}"
                )
            if sha256_of(path) != entry["sha256"]:
                raise self.refused(name, "has other bytes than were written")
        _VERIFIED[self.path.absolute()] = known

    @contextlib.contextmanager
    def locked(
        self, waiting: Callable[[str], None], check: Callable[[], None] = lambda: None
    ) -> Iterator[None]:
        """Holds the stage's lock; a second run waits, and says so.

        Args:
            waiting: Told when another run holds the lock.
            check: Called while waiting; may raise, for example when the time is up.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with locked(self.path.with_suffix(".lock"), waiting, check):
            yield

    def sweep(self) -> None:
        """Removes what a killed run was just writing; to be called under the lock.

        Whatever is written here is written under a name that starts with a dot, and renamed.
        """
        for path in self.path.glob("**/.*"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def remove_scratch(self) -> None:
        """Removes the folder for work in progress of a whole result."""
        shutil.rmtree(self.path / SCRATCH, ignore_errors=True)

    def finish(
        self,
        *,
        inputs: Mapping[str, str],
        identity: Mapping[str, Any],
        summary: Mapping[str, Any],
        seconds: float,
        contents: Mapping[str, str] | None = None,
        made_on: str | None = None,
    ) -> None:
        """Writes the manifest, then removes the scratch folder.

        In this order: a kill between the two loses nothing but disk space, until the next run. What
        has a name with a dot in front is no result: a worker that was given up may still write it.

        Args:
            inputs: Keys of the stages that it rests on, by role.
            identity: All else that it depends on.
            summary: What is told of it.
            seconds: How long it took.
            contents: The inputs' `content`, by role.
            made_on: The machine, where that is told.
        """
        scratch = self.path / SCRATCH
        files = {
            str(path.relative_to(self.path)): {
                "bytes": path.stat().st_size,
                "sha256": sha256_of(path),
            }
            for path in sorted(self.path.rglob("*"))
            if not any(part.startswith(".") for part in path.relative_to(self.path).parts)
            and path.is_file()
            and path != self.path / MANIFEST
            and scratch not in path.parents
        }
        manifest = {
            "kind": self.kind,
            "fingerprint": self.fingerprint,
            "identity": identity,
            "inputs": dict(inputs),
            "contents": dict(contents or {}),
            "summary": dict(summary),
            "seconds": round(seconds, 2),
            "bytes": sum(entry["bytes"] for entry in files.values()),
            "files": files,
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            **({"made_on": made_on} if made_on else {}),
            "versions": versions(),
        }
        write_checksummed(self.path / MANIFEST, manifest, finite=False)
        _VERIFIED[self.path.absolute()] = (
            files,
            {name: _state(self.path / name) for name in files},
        )
        self.remove_scratch()


# By folder: the files of its manifest and their states when their bytes were last read.
_VERIFIED: dict[Path, tuple[Any, Any]] = {}


def _state(path: Path) -> tuple[int, int, int, int] | None:
    """What changes when a file's bytes are written: size, times and inode."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


@contextlib.contextmanager
def locked(
    path: Path, waiting: Callable[[str], None], check: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Holds a lock that is the kernel's and falls with the process, however it ends.

    Args:
        path: The lock's file; it stays.
        waiting: Told when another process holds the lock.
        check: Called while waiting; may raise.
    """
    told = False

    def asked() -> bool:
        nonlocal told
        if not told:
            waiting(f"waiting for another run, which makes {path.stem}")
            told = True
        check()
        return False

    # No lock but the kernel's: a file alone would outlast a process that died.
    lock = FileLock(path, poll_interval=_WAIT_SECONDS, fallback_to_soft=False)
    with lock.acquire(cancel_check=asked):
        yield


def versions() -> dict[str, str]:
    """Versions of Python, of this package and of those that results depend on."""
    found = {"python": platform.python_version(), "tfkd": tfkd.__version__}
    for name in _VERSIONED:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
