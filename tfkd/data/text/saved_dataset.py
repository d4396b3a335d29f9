"""Folders that `save_to_disk` of Hugging Face's datasets wrote: which files have the rows.

A folder has `state.json`, which names its files of Arrow streams in their order; or one of several
splits has `dataset_dict.json` with their names, and a folder for each. Nothing of it is executed.
"""

from pathlib import Path
from typing import Any

from tfkd.data.strict_json import read_json
from tfkd.outside.regular_files import FOLDER, NOTHING, other_than_file
from tfkd.spec.errors import UserError

_STATE, _SPLITS = "state.json", "dataset_dict.json"


def saved_files(folder: Path, split: str | None) -> list[Path]:
    """The files of a saved data set, in the order of their rows.

    Args:
        folder: Where `save_to_disk` wrote.
        split: Which split; None where there are none.

    Raises:
        UserError: It is no such folder, there is no such split, or none is named of several.
    """
    what = other_than_file(folder)
    if what != FOLDER:
        lying = "is not there" if what == NOTHING else f"is {what or 'a file'}"
        raise UserError(
            f"saved_dataset: {folder} {lying}; expected a folder that save_to_disk wrote, relative "
            "to the data folder (--data-dir)"
        )
    if other_than_file(folder / _SPLITS) != NOTHING:
        splits = _read(folder / _SPLITS).get("splits")
        names = [one for one in splits if isinstance(one, str)] if isinstance(splits, list) else []
        if split not in names:
            asked = "no split is named" if split is None else f"there is no split `{split}`"
            raise UserError(
                f"saved_dataset: {folder}: {asked}; expected `split:` with one of "
                f"{', '.join(names)}"
            )
        folder = folder / _plain_name(split, folder / _SPLITS)
    elif split is not None:
        raise UserError(
            f"saved_dataset: {folder} has no splits; expected it without `split: {split}`"
        )
    return _files(folder)


def _files(folder: Path) -> list[Path]:
    if other_than_file(folder / _STATE) == NOTHING:
        raise UserError(
            f"saved_dataset: {folder} has no {_STATE}; expected a folder that save_to_disk of "
            "Hugging Face's datasets wrote. Files of another form are read as `parquet`, `csv` or "
            "`jsonl`"
        )
    state = _read(folder / _STATE)
    listed = state.get("_data_files")
    _refuse_chosen_rows(folder, state, listed)
    names = [
        one.get("filename") if isinstance(one, dict) else None
        for one in (listed if isinstance(listed, list) else [None])
    ]
    if not all(isinstance(one, str) and one for one in names):
        raise UserError(f"{folder / _STATE} does not name its files; save the data set again")
    if not names:
        raise UserError(f"saved_dataset: {folder} has no rows; a corpus needs at least one")
    return [folder / _plain_name(one, folder / _STATE) for one in names]


def _refuse_chosen_rows(folder: Path, state: dict[str, Any], listed: Any) -> None:
    """Refuses what datasets before 2.0 wrote of a filtered or sorted data set: all rows, and beside
    them the numbers of those that it has."""
    parts = [one for one in (listed if isinstance(listed, list) else []) if isinstance(one, dict)]
    numbers = [key for key, value in state.items() if key.startswith("_indices") and value]
    if numbers or any(one.get(key) is not None for one in parts for key in ("skip", "take")):
        raise UserError(
            f"saved_dataset: {folder} has only some of the rows of its files, as old versions of "
            "datasets saved it; open it by load_from_disk, and save what flatten_indices gives"
        )


def _plain_name(name: str, where: Path) -> str:
    """A name that leads nowhere else."""
    if Path(name).name != name or name == ".." or "\0" in name:
        raise UserError(f"{where} names {name!r}, which leads out of its folder; save it again")
    return name


def _read(path: Path) -> dict[str, Any]:
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); save the data set again") from error
    if not isinstance(found, dict):
        raise UserError(f"{path} has no mapping; save the data set again")
    return found
