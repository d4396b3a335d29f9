"""Folders that are whole or not at all: written beside their place, and renamed to it."""

import os
import shutil
from pathlib import Path

from tfkd.data.files import flush_folder


def beside(final: Path) -> Path:
    """Where a folder is to be written before it is `put` in its place; what a run that was killed
    has left is cleared away."""
    part = final.with_name(f".{final.name}.part")
    final.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(part, ignore_errors=True)
    old = final.with_name(f".{final.name}.old")
    if old.exists() and not final.exists():
        old.rename(final)  # killed between the two renames of `put`
    return part


def put(part: Path, final: Path) -> None:
    """Renames a whole folder to its place, flushed to the disk before; one that was there goes."""
    for path in sorted(part.rglob("*")):
        if path.is_dir():
            flush_folder(path)
        else:
            with open(path, "rb") as file:
                os.fsync(file.fileno())
    flush_folder(part)
    old = final.with_name(f".{final.name}.old")
    if final.exists():
        shutil.rmtree(old, ignore_errors=True)
        final.rename(old)
        part.rename(final)
        shutil.rmtree(old)
    else:
        part.rename(final)
    flush_folder(final.parent)
