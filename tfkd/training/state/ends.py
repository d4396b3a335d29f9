"""The state that a training ended with, kept so that a longer one goes on from there."""

import shutil
from pathlib import Path

from tfkd.data.text.copies import copy_file, copy_folder
from tfkd.training.state.checkpoints import CheckpointFolder
from tfkd.training.state.tensor_file import DamagedFileError

CHECKPOINTS, KEPT, HISTORY = "checkpoints", "kept", "history.jsonl"


def keep_end(folder: Path, place: Path) -> None:
    """Copies what a longer training needs of one that has made its last step.

    That is its checkpoint at that step (weights, slots of the optimizer, the loss's scale, what was
    best so far), the weights that it keeps aside, and its history. The checkpoint is of the moment
    before the validation of the last step, which a longer training only has where one is due.

    Args:
        folder: The training's folder.
        place: Where the copy goes; it is not there yet.
    """
    checkpoints = CheckpointFolder(folder / CHECKPOINTS)
    step = checkpoints.steps()[0]
    place.mkdir(parents=True)
    (place / CHECKPOINTS).mkdir()
    for path in (folder / CHECKPOINTS).glob(f"step-{step:09d}.*"):
        copy_file(path, place / CHECKPOINTS / path.name, link=True)
    if (folder / KEPT).exists():
        copy_folder(folder / KEPT, place / KEPT, link=True)
    copy_file(folder / HISTORY, place / HISTORY)


def begin_at_end(place: Path, folder: Path, of: str) -> int:
    """Makes a kept end the newest checkpoint of another training, which goes on from there.

    Killed at any moment, it has made a checkpoint or none.

    Args:
        place: Where the end is kept.
        folder: The other training's folder, without a checkpoint.
        of: What that trains, as its settings say.

    Returns:
        The step.

    Raises:
        DamagedFileError: What is kept is not what was written.
        OSError: It is not there any more.
    """
    kept = CheckpointFolder(place / CHECKPOINTS)
    end = kept.read(kept.steps()[0])
    for name in (KEPT, HISTORY):  # of an attempt that was killed
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    if (place / KEPT).exists():
        copy_folder(place / KEPT, folder / KEPT, link=True)
    copy_file(place / HISTORY, folder / HISTORY)  # no link: it goes on
    CheckpointFolder(folder / CHECKPOINTS).save(end.step, {**end.state, "of": of}, end.tensors)
    return end.step


__all__ = ["DamagedFileError", "begin_at_end", "keep_end"]
