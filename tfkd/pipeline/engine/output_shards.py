"""Outputs in shards, each a file that is whole or not there: what a killed stage goes on from."""

from collections.abc import Callable, Mapping
from typing import Any

from tfkd.data.checksummed import read_checksummed, write_checksummed
from tfkd.pipeline.engine.stage_folder import StageFolder

_OF = "of"


def shard(folder: StageFolder, name: str, make: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """A shard's content: an earlier attempt's, or made anew where that is missing, damaged, or
    another shard's.

    Args:
        folder: The stage's.
        name: What the shard's file is called.
        make: Makes the content, of plain types.
    """
    path, of = folder.scratch / name, f"{folder.key}/{name}"
    try:
        content = read_checksummed(path)
    except (OSError, ValueError):
        content = {}
    if content.pop(_OF, None) == of:
        return content
    content = dict(make())
    write_checksummed(path, {**content, _OF: of})
    return content
