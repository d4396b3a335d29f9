"""Copies of the files that URLs name: each is made once, whole or not at all, and then read here.

`FOLDER/URL'S DIGEST/CONTENT'S DIGEST/NAME` is a copy; `of.json` beside it says what the store told
of the file when it was copied. As long as the store says the same, the copy is the file.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfkd.data.checksummed import read_checksummed, write_checksummed
from tfkd.data.text.fetching import NOTE, alone, fetch
from tfkd.data.text.object_stores import (
    differences,
    forget_listings,
    is_refused,
    matching,
    reaching,
    reason,
    tells_of_changes,
    told,
    told_of,
)
from tfkd.data.text.urls import called_in_reports, canonical, is_glob, kind_of, shown_url
from tfkd.spec.errors import UserError

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
        stores: The kinds of stores that were asked.
    """

    folder: Path
    ask: bool
    say: Callable[[str], None]
    paths: dict[str, list[Path]] = field(default_factory=dict)
    urls: dict[Path, str] = field(default_factory=dict)
    stores: set[str] = field(default_factory=set)


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
        with reaching(pattern, str(copies.folder.parents[1])):
            if copies.ask and kind_of(pattern) not in copies.stores:
                forget_listings(pattern)
                copies.stores.add(kind_of(pattern))
            copies.paths[pattern] = [
                _copy(copies, canonical(url)) for url in _listed(copies, pattern)
            ]
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
    before = _kept(place)
    info = _asked(copies, url, lambda: told(url), before)
    if info is not None and not _is_copy(before, info):
        copies.folder.mkdir(parents=True, exist_ok=True)
        with alone(url, place.with_suffix(".lock"), copies.say):
            # Another run may have copied it in the meantime.
            before = _kept(place)
            if not _is_copy(before, info):
                before = fetch(url, place, info, copies.say)
    path = place / before["content"] / before["name"]
    copies.urls[path] = called_in_reports(url)
    return path


def _kept(place: Path) -> dict[str, Any] | None:
    """What is noted of a copy; None where there is none, or not all of it."""
    kept = _read(place / NOTE)
    try:
        path = place / kept["content"] / kept["name"]
        return kept if path.stat().st_size == kept["bytes"] else None
    except (OSError, KeyError, TypeError):
        return None


def _is_copy(kept: dict[str, Any] | None, info: dict[str, Any]) -> bool:
    """Whether a copy is of what the store has now. Where that tells nothing of changes, nobody
    knows, and it is not."""
    if kept is None or not tells_of_changes(info):
        return False
    told_now = told_of(info)
    known = kept["told"].keys() & told_now.keys() - {"size"}
    return bool(known) and not differences(kept["told"], told_now)


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
        if is_refused(error) or before is None:
            raise
        copies.say(
            f"warning: {shown_url(url)} cannot be asked for ({reason(error)}): what was fetched "
            "before is used"
        )
        return None


def _place(copies: Copies, url: str) -> Path:
    return copies.folder / hashlib.sha256(url.encode()).hexdigest()[:16]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return read_checksummed(path)
    except (OSError, ValueError):
        return None
