"""Copies of the files that URLs name: each is made once, whole or not at all, and then read here.

`FOLDER/URL'S DIGEST/CONTENT'S DIGEST/NAME` is a copy; `of.json` beside it says what the store told
of the file when it was copied. As long as the store says the same, the copy is the file.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from tfkd.data.checksummed import read_checksummed, write_checksummed
from tfkd.data.files import flush_folder
from tfkd.data.text.object_stores import (
    amount,
    is_glob,
    matching,
    reaching,
    reason,
    shown_url,
    system_of,
    told_of,
)
from tfkd.outside.regular_files import named
from tfkd.spec.errors import UserError

_BLOCK = 1 << 20
COPIES = "fetched"


@dataclass
class Copies:
    """The copies of one folder.

    Attributes:
        folder: Where they lie.
        ask: Whether stores are asked; else what was copied is taken as it is.
        say: Called with each line for the user.
        paths: What was asked for already: the files, by URL or glob.
        urls: What each copy is called in reports.
    """

    folder: Path
    ask: bool
    say: Callable[[str], None]
    paths: dict[str, list[Path]] = field(default_factory=dict)
    urls: dict[Path, str] = field(default_factory=dict)


_CURRENT: ContextVar[Copies | None] = ContextVar("copies", default=None)


@contextlib.contextmanager
def copies_in(
    runs_dir: Path, *, ask: bool = True, say: Callable[[str], None] = lambda line: None
) -> Iterator[None]:
    """Inside, files that URLs name are copied into a folder of runs, and read there.

    Args:
        runs_dir: The folder of runs.
        ask: Whether stores are asked; else a file that is not copied yet is an error.
        say: Called with each line for the user.
    """
    token = _CURRENT.set(Copies(Path(runs_dir, "stages", COPIES).absolute(), ask, say))
    try:
        yield
    finally:
        _CURRENT.reset(token)


def called(path: Path) -> str | None:
    """The URL that a file is a copy of; None of another file."""
    copies = _CURRENT.get()
    return None if copies is None else copies.urls.get(Path(path))


def fetched(pattern: str) -> list[Path]:
    """The copies of the files that a URL, or a glob of one, names, in their names' order.

    Raises:
        UserError: It cannot be read, or matches nothing; or there is no place for copies here.
        OSError: The folder of copies cannot be written.
    """
    copies = _CURRENT.get()
    if copies is None:
        raise UserError(
            f"{shown_url(pattern)} is a URL, which the corpora of a spec may have; expected a file "
            "that lies here: fetch it first"
        )
    if pattern not in copies.paths:
        with reaching(pattern, str(copies.folder)):
            copies.paths[pattern] = [_copy(copies, url) for url in _listed(copies, pattern)]
    return copies.paths[pattern]


def _listed(copies: Copies, pattern: str) -> list[str]:
    """The URLs that a pattern matches; those of the last time, where the store is not asked."""
    if not is_glob(pattern):
        return [pattern]
    index = _place(copies, pattern) / "matches.json"
    before = _read(index)
    found = _asked(copies, pattern, lambda: matching(pattern), before)
    if found is None:
        return before["urls"]
    if before is None or before["urls"] != found:
        index.parent.mkdir(parents=True, exist_ok=True)
        write_checksummed(index, {"urls": found})
    return found


def _copy(copies: Copies, url: str) -> Path:
    """The copy of a URL's file, made if there is none of what the store has now."""
    place = _place(copies, url)
    before = _read(place / "of.json")
    path = None if before is None else place / before["content"] / before["name"]
    if path is not None and not path.exists():
        before = path = None
    info = _asked(copies, url, lambda: _info(url), before)
    if info is not None and (before is None or told_of(info) != before["told"]):
        path = _made(copies, url, place, info)
    copies.urls[path] = shown_url(url)
    return path


def _made(copies: Copies, url: str, place: Path, info: dict[str, Any]) -> Path:
    name = shown_url(url).rstrip("/").rpartition("/")[2]
    name = "file" if name in ("", ".", "..") else name
    copies.say(f"fetching {shown_url(url)} ({amount(info.get('size') or 0)})")
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=place) as part:
        with system_of(url).open(url, "rb") as source, open(Path(part, name), "wb") as target:
            content, size = _copied(source, target)
        if info.get("size") not in (None, size):
            raise UserError(
                f"{shown_url(url)}: {size:,} of {info['size']:,} bytes came; the same command "
                "fetches it again"
            )
        (place / content).mkdir(exist_ok=True)
        os.replace(Path(part, name), place / content / name)
    flush_folder(place / content)
    kept = {"url": shown_url(url), "told": told_of(info), "content": content, "name": name}
    write_checksummed(place / "of.json", kept)
    return place / content / name


def _copied(source: BinaryIO, target: BinaryIO) -> tuple[str, int]:
    """Copies all bytes, to the disk; the beginning of their SHA-256, and their number."""
    digest, size = hashlib.sha256(), 0
    while block := source.read(_BLOCK):
        digest.update(block)
        with named(target.name):
            target.write(block)
        size += len(block)
    with named(target.name):
        target.flush()
        os.fsync(target.fileno())
    return digest.hexdigest()[:32], size


def _asked(copies: Copies, url: str, ask: Callable[[], Any], before: Any) -> Any:
    """What a store says; None where what was kept `before` is to be taken: stores are not asked,
    or this one cannot be reached.

    Raises:
        Exception: It says that there is no such file or that it may not be read, or nothing is
            kept.
    """
    if not copies.ask:
        if before is None:
            raise UserError(f"{shown_url(url)} has not been fetched into {copies.folder} yet")
        return None
    try:
        return ask()
    except Exception as error:
        refused = isinstance(error, FileNotFoundError | PermissionError | UserError)
        if refused or before is None:
            raise
        copies.say(
            f"warning: {shown_url(url)} cannot be asked for ({reason(error)}): what was fetched "
            "before is used"
        )
        return None


def _info(url: str) -> dict[str, Any]:
    (one,) = matching(url)
    return system_of(one).info(one)


def _place(copies: Copies, url: str) -> Path:
    return copies.folder / hashlib.sha256(url.encode()).hexdigest()[:16]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return read_checksummed(path)
    except (OSError, ValueError):
        return None
