"""Spec files as they were when a run began: it goes on with those, whatever is written since."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path

from tfkd.outside.regular_files import open_regular

Texts = dict[str, str]


class _Held:
    """Texts by the paths that they were read at."""

    def __init__(self, texts: Texts):
        self.texts = texts

    def found(self, path: str | Path) -> str | None:
        for place in _places(path):
            if place in self.texts:
                return self.texts[place]
        return None

    def keep(self, path: str | Path, text: str) -> None:
        for place in _places(path):
            self.texts[place] = text


_HELD: ContextVar[_Held | None] = ContextVar("spec_files", default=None)


@contextlib.contextmanager
def holding(texts: Mapping[str, str]) -> Iterator[Texts]:
    """Inside, spec files are read once: those that are given have these texts, wherever they are;
    any other the one that it has when it is first read.

    Args:
        texts: Texts by absolute path.

    Yields:
        The texts that are held: those given, and what is read inside.
    """
    held = _Held(dict(texts))
    token = _HELD.set(held)
    try:
        yield held.texts
    finally:
        _HELD.reset(token)


def is_there(path: str | Path) -> bool:
    """Whether a spec file is held, or lies there; of no name that a file can have."""
    held = _HELD.get()
    return (held is not None and held.found(path) is not None) or os.path.exists(path)


def read_bytes(path: str | Path, most: int) -> bytes:
    """A spec file's bytes, at most so many.

    Raises:
        OSError: It cannot be read.
        ValueError: No file can have such a name.
    """
    held = _HELD.get()
    text = None if held is None else held.found(path)
    if text is not None:
        return text.encode("utf-8")[:most]
    with open_regular(path) as file:
        return file.read(most)


def keep(path: str | Path, text: str) -> None:
    """Holds the text of a file that was read, where texts are held."""
    held = _HELD.get()
    if held is not None:
        held.keep(path, text)


def _places(path: str | Path) -> tuple[str, ...]:
    """A file's names: its path as it is given, and without links. Other machines may lack them."""
    try:
        return tuple(dict.fromkeys((os.path.abspath(path), os.path.realpath(path))))
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return ()
