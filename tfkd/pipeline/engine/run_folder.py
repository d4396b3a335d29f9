"""A run's folder, read again: its results, its spec, its stages."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

from tfkd.data.checksummed import read_checksummed
from tfkd.spec.errors import UserError, no_such_folder
from tfkd.spec.metrics import remember

RESULTS = "results.json"
ORIGIN = "origin.json"


def read_results(run: Path) -> dict[str, Any]:
    """The run's results.json.

    Raises:
        UserError: The folder is no run folder, or its run has no results yet.
    """
    from tfkd.evaluation.results.form import result_errors, upgraded

    path = run / RESULTS
    try:
        # Those of 0.1's first days have no checksum.
        results = upgraded(read_checksummed(path, required=False))
    except (FileNotFoundError, NotADirectoryError):
        if not os.path.lexists(run):
            raise UserError(no_such_folder(run, "a run folder like runs/NAME")) from None
        raise UserError(
            f"{run} has no {RESULTS}: expected a run folder like runs/NAME, whose run has "
            "reached its end (tfkd run SPEC)"
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); tfkd run SPEC writes it anew") from error
    errors = result_errors(results)
    if errors:
        raise UserError(
            f"{path} has not the form of results.json ({errors[0]}); tfkd run SPEC writes it anew"
        )
    _refuse_foreign(run, run_name(results))
    remember(results.get("metrics", {}))
    return results


def inside(run: Path, name: str) -> Path:
    """The place of what a run's results name.

    Raises:
        UserError: It is not in the run folder, and nobody but the results asks for it.
    """
    path = PurePath(name)
    if path.is_absolute() or ".." in path.parts:
        raise UserError(f"{run / RESULTS} names {name!r}, which is not in the run folder")
    return run / name


def run_name(results: Mapping[str, Any]) -> str:
    """The run folder's name, `NAME[@VARIANT]`, from results (or their `name` and `variant`)."""
    return f"{results['name']}@{results['variant']}" if results["variant"] else results["name"]


def _refuse_foreign(run: Path, name: str) -> None:
    """Refuses results of another run than the folder's; a folder may have been renamed whole."""
    try:
        ours = read_checksummed(run / ORIGIN, required=False).get("name", name)
    except (OSError, ValueError):
        return  # results that were taken out of their folder; what needs the origin says so
    if ours != name:
        raise UserError(
            f"{run / RESULTS} is that of another run, {name}, and {ORIGIN} beside it that of "
            f"{ours}; tfkd run SPEC writes both anew"
        )


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
