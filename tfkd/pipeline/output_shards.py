"""Outputs in shards, each a file that is whole or not there: what a killed stage goes on from."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tfkd.data.sealed import read_sealed, write_sealed


def shard(path: Path, make: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """A shard's content: an earlier attempt's, or made anew where that is missing or damaged.

    Args:
        path: The shard's file.
        make: Makes the content, of plain types.
    """
    try:
        return read_sealed(path)
    except (OSError, ValueError):
        content = make()
    write_sealed(path, content)
    return content
