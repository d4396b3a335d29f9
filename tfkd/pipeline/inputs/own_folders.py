"""Folders with stores that a program of the user's has written: found, and whole."""

import os
from collections.abc import Sequence
from pathlib import Path

from tfkd.data.files import sha256_of
from tfkd.spec.errors import UserError
from tfkd.targets.manifest import FILE, Manifest, read_manifest
from tfkd.targets.own_rows import OF_ROWS

_WRITE = "Write it by `tfkd.targets.StoreWriter.for_rows`, to the end: `finish()`"


def own_folder(reference: str, data_dir: Path, where: str) -> Path:
    """The folder of a store: relative to the data folder, else to the one that tfkd is started in.

    Raises:
        UserError: There is none.
    """
    for folder in (Path(data_dir, reference), Path(reference)):
        if os.path.isdir(folder):
            return folder
    place = "" if os.path.isabs(reference) else f", neither in the data folder {data_dir} nor here"
    raise UserError(f"{where}: {reference}: there is no such folder{place}. {_WRITE}")


def checked_manifest(folder: Path, where: str) -> Manifest:
    """The manifest of a store that is whole, and a program of the user's.

    Raises:
        UserError: It is not.
    """
    try:
        manifest = read_manifest(folder)
    except UserError as error:
        raise UserError(f"{where}: {error}. {_WRITE}") from error
    if not manifest.complete:
        done = manifest.shards[-1].last if manifest.shards else 0
        raise UserError(
            f"{where}: {folder} is not finished: it has {done:,} of {manifest.header.examples:,} "
            "rows. Run the program that writes it again, to its end"
        )
    if not manifest.header.corpus.startswith(OF_ROWS):
        raise UserError(
            f"{where}: {folder} does not say which rows it is of: it is a score stage's, which "
            f"terms name as their teacher. {_WRITE}"
        )
    return manifest


def own_identity(references: Sequence[str], data_dir: Path, where: str) -> list[str]:
    """What a fingerprint says of stores: the SHA-256 of their manifests, which have those of all
    files.

    Raises:
        UserError: One is missing, or not whole; or they differ in K, which is one of a stage's.
    """
    found, first = [], None
    for reference in references:
        folder = own_folder(reference, data_dir, where)
        top_k = checked_manifest(folder, where).header.top_k
        first = first or (folder, top_k)
        if top_k != first[1]:
            raise UserError(
                f"{where}: K is {first[1]} in {first[0]}, and {top_k} in {folder}. Expected one "
                "K: write both with the same `top_k`, or name them in two stages"
            )
        found.append(sha256_of(folder / FILE))
    return found
