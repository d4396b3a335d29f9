"""Where data that is missing can be had."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tfkd.spec.errors import UserError

# A corpus's options that name files or a data set.
_SOURCES = (
    "text", "parallel", "tsv", "csv", "conll", "jsonl", "lines", "parquet", "saved_dataset", "tfds",
)  # fmt: skip


@contextlib.contextmanager
def told_where(pages: Mapping[str, str], names: Iterable[str]) -> Iterator[None]:
    """Says in an error about files where they can be had, if the spec's `pages:` do.

    Args:
        pages: Paths in the data folder, or data sets, with their pages; a folder stands for all
            that lies in it.
        names: What is read: files or globs, folders, data sets.

    Raises:
        UserError: The one that was raised, with the page.
    """
    try:
        yield
    except UserError as error:
        found = dict.fromkeys(
            f"{place} can be had at {page}"
            for name in names
            for place, page in pages.items()
            if name == place or name.startswith(f"{place.rstrip('/')}/")
        )
        if not found:
            raise
        raise UserError(f"{str(error).rstrip('.')}. {'; '.join(found)}") from error


def source_names(options: Any) -> list[str]:
    """The files, globs or data set that a corpus's options name."""
    return [name for key in _SOURCES for name in _names(getattr(options, key, None))]


def vocabulary_names(options: Any) -> list[str]:
    """The files or the folder that a tokenizer's options name."""
    given = (getattr(options, key, None) for key in ("vocabulary", "merges", "preset"))
    return [name for name in given if name is not None]


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _names(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _names(one)
