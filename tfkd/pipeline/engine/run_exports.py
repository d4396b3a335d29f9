"""A run's exported models, held against what its results tell of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfkd.data.files import sha256_of
from tfkd.pipeline.engine.run_folder import RESULTS, inside, read_results
from tfkd.serving.checksums import CHECKSUMS
from tfkd.spec.errors import UserError


def digest_of_export(folder: Path) -> str:
    """What tells a SavedModel's version folder from any other: the SHA-256 of its checksums."""
    return sha256_of(folder / CHECKSUMS)


def export_folder(run: Path, export: Mapping[str, Any]) -> Path:
    """The version folder of one of a run's exports.

    Args:
        run: The run folder.
        export: An entry of its results' `exports`.

    Raises:
        UserError: Another SavedModel lies there, or none; or it is not in the run folder.
    """
    folder = inside(run, export["folder"])
    # Results of 0.1's first days have no digests.
    if (told := export.get("sha256")) is None:
        return folder
    try:
        problem = "" if digest_of_export(folder) == told else "is of another SavedModel than"
    except OSError as error:
        problem = f"cannot be read ({error.strerror}), which"
    if problem:
        raise UserError(
            f"{folder / CHECKSUMS} {problem} {run / RESULTS} tells of; tfkd run SPEC puts the "
            "run's own in its place"
        )
    return folder


def refuse_swapped(path: Path) -> None:
    """Refuses a SavedModel in a run folder that is not the run's, where its results tell.

    Args:
        path: A version folder, or a folder of versions.

    Raises:
        UserError: See `export_folder`.
    """
    path = path.absolute()
    for folder in (path, path.parent):
        run = folder.parent.parent
        if folder.parent.name != "export" or not (run / RESULTS).exists():
            continue
        try:
            exports = read_results(run)["exports"]
        except UserError:
            return  # they tell nothing
        for export in exports:
            if inside(run, export["folder"]).parent == folder:
                export_folder(run, export)
