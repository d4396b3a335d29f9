"""Opens what was exported, in whatever format it lies there."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfkd.data.strict_json import read_json
from tfkd.serving.checksums import CHECKSUMS, check_checksums
from tfkd.serving.formats.format import ABOUT, Engine
from tfkd.serving.loading.saved_translator import load_saved_model
from tfkd.serving.trust import plain_files
from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins
from tfkd.spec.errors import UserError

_AGAIN = "Export the model again (`tfkd export RUN`), or copy the folder again"


def open_exported(
    folder: str | Path, options: Mapping[str, int] | None = None, *, trust: bool = False
) -> Engine:
    """The engine of an exported model's folder.

    Args:
        folder: A SavedModel's version folder or folder of versions, or another format's folder.
        options, trust: Of a SavedModel, see `load_saved_model`. A folder of another format is data,
            and whole or refused.

    Raises:
        UserError: It is damaged, of a format that is not known here, or its engine is not
            installed; or it has no such options.
    """
    folder = Path(folder)
    if not (folder / ABOUT).is_file():
        return load_saved_model(folder, options, trust=trust)
    if options:
        raise UserError(f"{folder}: this export has no option {', '.join(sorted(options))}")
    about = about_of(folder)
    return registry.load(registry.lookup("format", about["format"]))().open(folder, about)


def about_of(folder: Path) -> dict[str, Any]:
    """What a folder of another format than SavedModels says of itself; all its files are whole.

    Raises:
        UserError: They are not, or the format is not known.
    """
    if not (folder / CHECKSUMS).is_file():
        raise UserError(f"{folder}: it has no {CHECKSUMS}, which every export has. {_AGAIN}")
    known = {*check_checksums(folder), CHECKSUMS}
    for path in plain_files(folder):
        if path.relative_to(folder).as_posix() not in known:
            raise UserError(f"{path} is not among the files of {CHECKSUMS}. {_AGAIN}")
    try:
        about = read_json(folder / ABOUT)
        name = about["format"]
    except (OSError, ValueError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise UserError(f"{folder / ABOUT} is damaged ({error}). {_AGAIN}") from error
    register_builtins()
    if name not in registry.names("format"):
        raise UserError(
            f"{folder}: an export of the format {name!r}, which is not known here; expected one of "
            f"{', '.join(registry.names('format'))}, or the plugin that has it (--plugin)"
        )
    return about
