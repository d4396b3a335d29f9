"""Where published checkpoints lie, and whether they are the models that a spec declares."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfkd.models.published_config import tensor_names
from tfkd.outside.regular_files import readable
from tfkd.spec import registry
from tfkd.spec.errors import UserError

# What may be other than the checkpoint's: no output and no shape of a weight hangs on it.
FREE = {"dropout", "attention_dropout", "initializer_range"}


def checkpoint_folder(reference: str, data_dir: Path, asked_by: str = "load") -> Path:
    """The folder of a published checkpoint: relative to the data folder, or a preset that is here.

    Args:
        reference: As the user named it.
        data_dir: The data folder.
        asked_by: The key or option that names it, for the message.

    Raises:
        UserError: There is no such folder.
    """
    for folder in (Path(data_dir, reference), Path(reference)):
        if os.path.isdir(folder):
            return folder
    where = "" if os.path.isabs(reference) else f" in {data_dir}"
    raise UserError(
        f"{asked_by}: {reference}: there is no such folder{where}. Put the published checkpoint "
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


def check_checkpoint(
    folder: Path, place: str, stage: Any, model: Any, vocabulary_size: int | None = None
) -> None:
    """Refuses a checkpoint that cannot be the model of a load stage; no weight of it is read.

    Args:
        folder: Its folder.
        place: The stage's name.
        stage: The stage's options.
        model: The model's.
        vocabulary_size: The pieces of the model's tokenizer, if they are known.

    Raises:
        UserError: It is of another family or other options, or its weights are damaged or lack the
            head that is asked for.
    """
    family = registry.load_target(model.published)
    theirs = family.config(folder)
    names = tensor_names(folder)
    if stage.head == "published":
        family.check_head(folder, names)
    ours = {name: getattr(model, name) for name in type(model).model_fields}
    if vocabulary_size is not None:
        ours["vocabulary_size"] = vocabulary_size
    refuse_differences(place, stage, model, ours, theirs)


def refuse_differences(
    place: str, stage: Any, model: Any, ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> None:
    """Refuses a checkpoint of other options than the spec's, each with both values.

    Args:
        place: The load stage's name.
        stage: Its options.
        model: The options of the model.
        ours: What the model is built with.
        theirs: What the checkpoint's is built with.

    Raises:
        UserError: One of them differs.
    """
    said, mends = [], []
    known = {*type(model).model_fields, "vocabulary_size"} - FREE
    for name in (name for name in theirs if name in known and name in ours):
        in_spec, in_checkpoint = _value(ours, name), _value(theirs, name)
        if in_spec == in_checkpoint:
            continue
        said.append(f"{name} is {in_checkpoint} in the checkpoint and {in_spec} in the spec")
        if name == "vocabulary_size":
            mends.append(f"tokenizers.{model.tokenizer}.vocabulary: the checkpoint's vocabulary")
        else:
            mends.append(f"{stage.into}.{name}: {in_checkpoint}")
    if said:
        raise UserError(
            f"stages.{place}.load: the checkpoint {stage.load} is not the model that {stage.into} "
            f"declares: {'; '.join(said)}. Write {', '.join(mends)}"
        )


def _value(config: Mapping[str, Any], name: str) -> Any:
    if name == "feed_forward":
        return config[name] or 4 * config["width"]
    return config[name]
