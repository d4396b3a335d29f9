"""Where published checkpoints lie."""

import os
from pathlib import Path

from tfkd.spec.errors import UserError
from tfkd.spec.regular_files import readable


def checkpoint_folder(reference: str, data_dir: Path) -> Path:
    """The folder of a published checkpoint: relative to the data folder, or a preset that is here.

    Raises:
        UserError: There is no such folder.
    """
    for folder in (Path(data_dir, reference), Path(reference)):
        if os.path.isdir(folder):
            return folder
    raise UserError(
        f"load: {reference}: there is no such folder in {data_dir}. Put the published checkpoint "
        "there, as `save_pretrained` writes it: config.json, model.safetensors, and the vocabulary "
        "that its tokenizer reads (vocab.txt; of a GPT-2 vocab.json and merges.txt)"
    )


def checkpoint_files(folder: Path) -> list[Path]:
    """The files that the result depends on, in order.

    Raises:
        UserError: The folder cannot be read.
    """
    with readable(folder):
        os.listdir(folder)  # glob says nothing of a folder that it may not read
    return sorted([*folder.glob("config.json"), *folder.glob("*.safetensors")])
