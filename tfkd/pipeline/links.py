"""The links of a run folder to its stages' results."""

import os
from collections.abc import Iterable
from pathlib import Path

from tfkd.spec.errors import UserError


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


def refuse_folders(places: Iterable[Path]) -> None:
    """Refuses folders where links are to be: a run folder that was copied with its links followed.

    Raises:
        UserError: One is there; it is named.
    """
    for place in places:
        if place.is_dir() and not place.is_symlink():
            raise UserError(
                f"{place} is a folder where the run has a link to its stage: the run folder was "
                f"copied with its links followed. Remove the folder {place} and run the same "
                "command"
            )
