"""One file of a store, copied whole or not at all, by one run at a time."""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock

from tfkd.data.checksummed import write_checksummed
from tfkd.data.files import flush_folder
from tfkd.data.text.object_stores import (
    amount,
    differences,
    forget_listings,
    system_of,
    told,
    told_of,
)
from tfkd.data.text.urls import called_in_reports, shown_url
from tfkd.outside.regular_files import named
from tfkd.spec.errors import UserError

# What is noted of a copy, beside it.
NOTE = "of.json"
_BLOCK = 1 << 20
# Bytes of a name; file systems take 255.
_LONGEST = 200


@contextlib.contextmanager
def alone(url: str, path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Inside, no other run copies this file; a lock is the kernel's, and falls with its process."""
    known = False

    def waiting() -> bool:
        nonlocal known
        if not known:
            say(f"waiting for another run, which fetches {shown_url(url)}")
            known = True
        return False

    lock = FileLock(path, poll_interval=0.2, fallback_to_soft=False)
    with lock.acquire(cancel_check=waiting):
        yield


def fetch(
    url: str, place: Path, info: Mapping[str, Any], say: Callable[[str], None]
) -> dict[str, Any]:
    """Copies a file, to be called `alone`.

    Args:
        url: The file.
        place: The folder of its copies.
        info: What the store tells of it.
        say: Called with each line for the user.

    Returns:
        What is noted of the copy.

    Raises:
        UserError: Not all of it came, or it has changed meanwhile.
        OSError: The copy cannot be written.
        Exception: Whatever the store's package raises.
    """
    shown = called_in_reports(url)
    say(f"fetching {shown} ({amount(info.get('size') or 0)})")
    if info.get("mimetype") == "text/html":
        say(f"warning: {shown} is a web page, as its server says, and no file of rows")
    place.mkdir(parents=True, exist_ok=True)
    for part in place.glob(".part-*"):  # of a run that was killed
        shutil.rmtree(part, ignore_errors=True)
    name = _name(url)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=place) as part:
        with system_of(url).open(url, "rb") as source, open(Path(part, name), "wb") as target:
            content, size = _copied(source, target)
        if info.get("size") not in (None, size):
            raise UserError(
                f"{shown}: {size:,} of {info['size']:,} bytes came; the same command fetches it "
                "again"
            )
        forget_listings(url)
        changed = differences(told_of(info), told_of(told(url)))
        if changed:
            said = ", ".join(f"{name} {one}, then {two}" for name, (one, two) in changed.items())
            raise UserError(
                f"{shown} has changed while it was fetched ({said}); the same command fetches it "
                "again"
            )
        (place / content).mkdir(exist_ok=True)
        os.replace(Path(part, name), place / content / name)
    flush_folder(place / content)
    kept = {"url": shown, "told": told_of(info), "content": content, "name": name, "bytes": size}
    write_checksummed(place / NOTE, kept)
    return kept


def _name(url: str) -> str:
    """What a copy is called: the file's own name, as far as a folder takes it."""
    name = shown_url(url).rstrip("/").rpartition("/")[2]
    name = name.encode("utf-8", "replace")[-_LONGEST:].decode("utf-8", "ignore")
    return "file" if name in ("", ".", "..") else name


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
