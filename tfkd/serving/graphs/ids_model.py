"""The SavedModel of ids beside the one of strings, for those who tokenize elsewhere.

Whoever loads a SavedModel in Python needs all its operations, those of signatures that are never
called, too: so ids alone have a SavedModel of their own, which plain TensorFlow loads.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfkd.data.text.copies import copy_file

FOLDER = "ids"


def write_ids_model(served: Any, folder: Path, tokenizers: Mapping[str, Any]) -> None:
    """Writes `folder/ids/`: the signature `ids` of a module as `serving_default`, and each
    tokenizer's files; nothing where the module has no such signature.

    Its variables are hard links to those of `folder`, where the file system has them.

    Args:
        served: The module, with `signatures()` and `weights`.
        folder: The version folder, which the module's SavedModel is in.
        tokenizers: By what they read or write.
    """
    import tensorflow as tf

    signatures = served.signatures()
    if "ids" not in signatures:
        return
    module = tf.Module(name="served_ids")
    module.weights = served.weights  # by the same names in the file of variables
    place = folder / FOLDER
    asked = {"serving_default": signatures["ids"]}
    asked |= {name: signatures[name] for name in ("classes",) if name in signatures}
    tf.saved_model.save(module, str(place), signatures=asked)
    for path in (folder / "variables").iterdir():
        (place / "variables" / path.name).unlink()
        copy_file(path, place / "variables" / path.name, link=True)
    for name, tokenizer in tokenizers.items():
        (place / name).mkdir()
        tokenizer.save(place / name)


def served_bytes(folder: Path) -> int:
    """Bytes of a version folder without what is for ids, which has the same variables."""
    return sum(
        path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] != FOLDER
    )
