"""Which column of a user's table is which, read off its header."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from tfkd.data.text.source_files import find_files
from tfkd.data.text.sources import Fault, Lines
from tfkd.data.text.table_reader import quoted, tab_separated
from tfkd.spec.errors import UserError
from tfkd.spec.wording import shown

# What people call the columns of each field, the plainest first.
NAMES: Mapping[str, Sequence[str]] = {
    "text": ("text", "sentence", "review", "sentence1", "text_a", "content", "document", "comment",
             "tweet", "body", "message", "sms", "utterance", "title", "headline"),
    "label": ("label", "class", "category", "sentiment", "target", "intent", "rating", "stars",
              "topic", "labels", "y"),
    "source": ("source", "src", "text", "article", "document", "story", "body", "content", "input"),
    "target": ("target", "tgt", "summary", "headline", "title", "highlights", "abstract",
               "translation", "reference", "output"),
}  # fmt: skip
_DELIMITERS = (",", ";", "\t", "|")
_LOOKED_AT = 1000


def table_kind(name: str) -> str | None:
    """`csv` or `tsv`, by a file's name; None for one that is no table."""
    plain = name.lower().removesuffix(".gz")
    endings = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv"}
    return next((kind for ending, kind in endings.items() if plain.endswith(ending)), None)


def guessed_columns(
    name: str,
    fields: Sequence[str],
    data_dir: Path,
    given: Mapping[str, str | int] | None = None,
    called: Mapping[str, Sequence[str]] | None = None,
    option: str = "--columns",
) -> tuple[dict[str, str | int], str | None, bool]:
    """A table's columns, as a corpus's options have them.

    Args:
        name: Its file, or a glob.
        fields: The fields that are wanted: of `NAMES`.
        data_dir: The data folder.
        given: Columns that the user named; others are guessed.
        called: More names of columns by field, like a language's code.
        option: The option by which columns are named, for messages.

    Returns:
        Columns by field; of csv, what separates them; whether the first line is a header.

    Raises:
        UserError: They are not to be guessed, or a column that is named is not there.
    """
    path = find_files(name, data_dir)[0]
    lines = Lines([path], data_dir)
    delimiter = None
    if table_kind(name) == "csv":
        first = next(iter(lines), b"").decode("utf-8", "replace")
        delimiter = max(_DELIMITERS, key=first.count)
        rows = quoted(Lines([path], data_dir), delimiter)
    else:
        rows = tab_separated(lines)
    cells = [
        [cell.decode("utf-8", "replace").strip() for cell in row]
        for _, row in itertools.islice(rows, _LOOKED_AT)
        if not isinstance(row, Fault)
    ]
    header = cells[0] if cells else []
    columns = _columns(header, cells[1:], fields, given or {}, called or {})
    missing = [field for field in fields if field not in columns]
    if missing:
        example = " ".join(f"{field}={shown_column(header, n)}" for n, field in enumerate(fields))
        raise UserError(
            f"{name}: no column is plainly the {' or the '.join(missing)}; its first line has "
            f"{', '.join(map(shown, header[:20]))}. Say which they are by name, or by place from 0 "
            f"where it has no header: {option} {example}"
        )
    for field, column in columns.items():
        if (isinstance(column, str) and column not in header) or (
            isinstance(column, int) and column >= len(header)
        ):  # fmt: skip
            raise UserError(
                f"{name}: {option} {field}={column}: its first line has "
                f"{', '.join(map(shown, header[:20]))}; expected one of these, or a place from 0"
            )
    return columns, delimiter, any(isinstance(column, str) for column in columns.values())


def shown_column(header: Sequence[str], place: int) -> str:
    """A column as it may stand in an example of a command."""
    name = header[place] if place < len(header) else ""
    return name if name.isidentifier() else str(place)


def _columns(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    fields: Sequence[str],
    given: Mapping[str, str | int],
    called: Mapping[str, Sequence[str]],
) -> dict[str, str | int]:
    """What is given, and what is plain."""
    found = {field: given[field] for field in fields if field in given}
    lower = {name.lower(): name for name in reversed(header) if header.count(name) == 1}
    for field in fields:
        taken = set(found.values())
        for name in (*called.get(field, ()), *NAMES.get(field, ())):
            if field not in found and name.lower() in lower and lower[name.lower()] not in taken:
                found[field] = lower[name.lower()]
    left = [field for field in fields if field not in found]
    if not left:
        return found
    if found and not given and len(header) == len(fields) == 2:
        # The other column of two.
        ((field,), name) = left, next(one for one in header if one not in found.values())
        return {**found, field: name} if header.count(name) == 1 else found
    if found or len(header) != len(fields):
        return found
    if len(fields) == 1:
        return {fields[0]: 0}
    return _without_names(header, rows, fields)


def _without_names(
    header: Sequence[str], rows: Sequence[Sequence[str]], fields: Sequence[str]
) -> dict[str, str | int]:
    """Two columns whose first line has no name that is known.

    The labels are what has fewer values; a first line with a label of its own is a header.
    """
    if "label" not in fields:
        return {field: place for place, field in enumerate(fields)}
    values = [{row[place] for row in rows if len(row) == 2} for place in (0, 1)]
    if not rows or len(values[0]) == len(values[1]):
        return {}
    label = 0 if len(values[0]) < len(values[1]) else 1
    if header[label] in values[label]:
        return {"text": 1 - label, "label": label}
    return {"text": header[1 - label], "label": header[label]} if len({*header}) == 2 else {}
