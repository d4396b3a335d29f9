"""Hashes of files that another process of a run has read: a corpus is read once to be known, not
once a process."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar

# By path without links: bytes, time of the last change in nanoseconds, SHA-256.
Hashes = dict[str, list]

_NOTED: ContextVar[Hashes | None] = ContextVar("noted", default=None)
_TOLD: ContextVar[Mapping[str, Sequence] | None] = ContextVar("told", default=None)


@contextlib.contextmanager
def noting_hashes() -> Iterator[Hashes]:
    """Inside, hashes of files are noted as they are computed; yields what is noted."""
    found: Hashes = {}
    token = _NOTED.set(found)
    try:
        yield found
    finally:
        _NOTED.reset(token)


@contextlib.contextmanager
def told_hashes(hashes: Mapping[str, Sequence]) -> Iterator[None]:
    """Inside, a file of the size and time that are told has the hash that is told, and is not read;
    any other is."""
    token = _TOLD.set(hashes)
    try:
        yield
    finally:
        _TOLD.reset(token)


def told_hash(path: str | os.PathLike, state: os.stat_result) -> str | None:
    """The hash that is told of a file in this state; None: none is."""
    told = (_TOLD.get() or {}).get(os.path.realpath(path))
    if told is None or [*told[:2]] != [state.st_size, state.st_mtime_ns]:
        return None
    return told[2]


def note_hash(path: str | os.PathLike, state: os.stat_result, digest: str) -> None:
    """Notes the hash of a file, where hashes are noted."""
    noted = _NOTED.get()
    if noted is not None:
        noted[os.path.realpath(path)] = [state.st_size, state.st_mtime_ns, digest]
