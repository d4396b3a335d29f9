"""Damage to files: cut to half, emptied, one byte changed, gone."""

import os
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

DAMAGES = ("flipped", "halved", "emptied", "deleted")
_NUMBERS = re.compile(r"-[0-9a-f]{16}|(?<=[-.])\d[\d.]*(?=[-.])|(?<=tfevents).*")


def damage(path: Path, how: str, chance: random.Random) -> None:
    """Damages a file in place."""
    if how == "deleted":
        path.unlink()
        return
    content = bytearray(path.read_bytes())
    if how == "flipped":
        place = chance.randrange(max(1, len(content)))
        content[place : place + 1] = bytes([(content or b"\0")[place] ^ chance.randrange(1, 256)])
    else:
        del content[len(content) // 2 if how == "halved" else 0 :]
    # Not replaced: what is linked to it is damaged with it, as by a disk.
    path.write_bytes(content)


def files(folder: Path) -> Iterator[Path]:
    """All files of a folder in a stable order; links to folders are not followed."""
    for root, folders, names in sorted(os.walk(folder)):
        folders.sort()
        yield from (Path(root) / name for name in sorted(names))


def kind_of(path: Path, runs: Path) -> str:
    """A file's kind: its path without fingerprints, numbers and times; locks are all alike."""
    if path.suffix == ".lock":
        return "stages/.lock"
    return _NUMBERS.sub("", str(path.relative_to(runs)))


def kinds(folder: Path, runs: Path) -> dict[str, list[Path]]:
    """The files of a folder by kind: a new kind of file joins the drills by itself."""
    found: dict[str, list[Path]] = {}
    for path in files(folder):
        found.setdefault(kind_of(path, runs), []).append(path)
    return found


def names_file(errors: str, path: Path) -> bool:
    """Whether a message names a file, or the one that it is a hard link to."""
    if not path.exists() or path.stat().st_nlink == 1:
        return str(path) in errors
    runs = next(parent for parent in path.parents if (parent / "stages").is_dir())
    return any(
        str(twin) in errors
        for twin in files(runs)
        if twin.name == path.name and twin.samefile(path)
    )


def follow_advice(errors: str) -> None:
    """Removes the folder that a message says is to be removed."""
    found = re.search(r"[Rr]emove (?:the folder )?(/\S+)", errors)
    assert found, errors
    folder = Path(found[1].rstrip(".;:,"))
    assert folder.is_dir(), errors
    shutil.rmtree(folder)
