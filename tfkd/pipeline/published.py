"""Where published checkpoints lie."""

from pathlib import Path

from tfkd.spec.errors import UserError


def checkpoint_folder(reference: str, data_dir: Path) -> Path:
    """The folder of a published checkpoint: relative to the data folder, or a preset that is here.

    Raises:
        UserError: There is no such folder.
    """
    for folder in (Path(data_dir, reference), Path(reference)):
        if folder.is_dir():
            return folder
    raise UserError(
        f"load: {reference}: there is no such folder in {data_dir}. Put the published checkpoint "
        "there, as `save_pretrained` writes it: config.json, model.safetensors, and the vocabulary "
        "that its tokenizer reads (vocab.txt; of a GPT-2 vocab.json and merges.txt)"
    )


def checkpoint_files(folder: Path) -> list[Path]:
    """The files that the result depends on, in order."""
    return sorted([*folder.glob("config.json"), *folder.glob("*.safetensors")])
