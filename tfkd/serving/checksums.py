"""A SavedModel's files, each with its SHA-256: wherever it is copied, a damaged one is noticed."""

from pathlib import Path, PurePosixPath

from tfkd.data.checksummed import read_checksummed, write_checksummed
from tfkd.data.files import sha256_of
from tfkd.spec.errors import UserError

CHECKSUMS = "checksums.json"
_AGAIN = "Export the model again (`tfkd export RUN`), or copy the folder again"


def write_checksums(folder: Path) -> None:
    """Writes `checksums.json` of all other files of a version folder."""
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path != folder / CHECKSUMS
    )
    write_checksummed(
        folder / CHECKSUMS, {"files": {name: sha256_of(folder / name) for name in names}}
    )


def renew_checksum(folder: Path, name: str) -> None:
    """Notes the SHA-256 of a file that was written anew, in a version folder that has checksums."""
    path = folder / CHECKSUMS
    if path.exists():
        files = read_checksummed(path)["files"]
        write_checksummed(path, {"files": {**files, name: sha256_of(folder / name)}})


def check_checksums(folder: Path) -> list[str]:
    """Holds a version folder against its checksums, if it has any: older ones do not.

    Returns:
        The names of the files that they are of.

    Raises:
        UserError: A file is missing or has other bytes; it is named.
    """
    path = folder / CHECKSUMS
    if not path.exists():
        return []
    try:
        files = dict(read_checksummed(path)["files"])
        if outside := [name for name in files if _leads_out(name)]:
            raise ValueError(f"it names {outside[0]!r}, which is not in this folder")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}). {_AGAIN}") from error
    for name, sha256 in files.items():
        try:
            whole = sha256_of(folder / name) == sha256
        except OSError as error:
            raise UserError(
                f"{folder / name} cannot be read ({error.strerror}). {_AGAIN}"
            ) from error
        if not whole:
            raise UserError(f"{folder / name} has other bytes than were written. {_AGAIN}")
    return list(files)


def _leads_out(name: str) -> bool:
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts
