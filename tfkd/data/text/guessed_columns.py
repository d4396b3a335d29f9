"""Which column of a user's table is which, read off its header."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tfkd.data.text.packed_files import unpacked_name
from tfkd.data.text.source_files import find_files
from tfkd.data.text.sources import Fault, Lines
from tfkd.data.text.table_reader import quoted, tab_separated
from tfkd.spec.errors import UserError
from tfkd.spec.wording import shown

# What people call the columns of each field, the plainest first.
NAMES: Mapping[str, Sequence[str]] = {
    "text": ("text", "sentence", "review", "sentence1", "text_a", "content", "document", "comment",
             "tweet", "body", "message", "sms", "utterance", "title", "headline"),
    "text_b": ("text_b", "sentence2", "sentence_2", "question2", "hypothesis"),
    "label": ("label", "class", "category", "sentiment", "target", "intent", "rating", "stars",
              "topic", "labels", "y"),
    "source": ("source", "src", "text", "article", "document", "story", "body", "content", "input"),
    "target": ("target", "tgt", "summary", "headline", "title", "highlights", "abstract",
               "translation", "reference", "output"),
}  # fmt: skip
# Where a text has one of these names, and another column the other, a row is a pair of texts.
_PAIRS = {"sentence1": "sentence2", "sentence_1": "sentence_2", "text_a": "text_b",
          "question1": "question2", "premise": "hypothesis"}  # fmt: skip
_DELIMITERS = (",", ";", "\t", "|")
_LOOKED_AT = 1000
# What may be a column's name: no more characters than a spec takes, and no more words. Where more
# of a column's rows could be one, too, a first line that could says nothing.
_LONGEST, _NAMED, _MOST_WORDS, _NAMES_AMONG_ROWS = 200, 40, 3, 0.1

Given = Mapping[str, str | int]


class Columns(NamedTuple):
    """How a table is read.

    Attributes:
        columns: By field, as a corpus's options have them.
        delimiter: What separates them; None of a table with tabs.
        header: Whether the first line is a header; None: it may be one or a row.
    """

    columns: dict[str, str | int]
    delimiter: str | None
    header: bool | None


def table_kind(name: str) -> str | None:
    """`csv` or `tsv`, by a file's name; None for one that is no table."""
    plain = unpacked_name(name)
    endings = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv"}
    return next((kind for ending, kind in endings.items() if plain.endswith(ending)), None)


def guessed_columns(
    name: str,
    fields: Sequence[str],
    data_dir: Path,
    given: Given | None = None,
    called: Mapping[str, Sequence[str]] | None = None,
    option: str = "--columns",
) -> Columns:
    """A table's columns.

    Args:
        name: Its file, or a glob.
        fields: The fields that are wanted: of `NAMES`. The second text of a pair is found, too,
            where a column's name plainly says that it is one.
        data_dir: The data folder.
        given: Columns that the user named; others are guessed.
        called: More names of columns by field, like a language's code.
        option: The option by which columns are named, for messages.

    Raises:
        UserError: They are not to be guessed, or a column that is named is not there.
    """
    path, given = find_files(name, data_dir)[0], given or {}
    delimiter = _delimiter(path, data_dir) if table_kind(name) == "csv" else None
    first, rows = _first_rows(name, path, data_dir, delimiter)
    known = {
        field: [one.lower() for one in (*(called or {}).get(field, ()), *NAMES.get(field, ()))]
        for field in (*fields, *given)
    }
    columns = _columns(first, rows, fields, given, known)
    _refuse_values(name, first, rows, fields, columns, given, option)
    missing = [field for field in fields if field not in columns]
    if missing:
        example = _example(first, rows, fields, columns)
        raise UserError(
            f"{name}: no column is plainly the {' or the '.join(missing)}; its first line has "
            f"{_listed(first)}. Say which they are by name, or by place from 0 where it has no "
            f"header: {option} {example}"
        )
    columns = {one: columns[one] for one in dict.fromkeys((fields[0], *columns, *fields))}
    for field, column in columns.items():
        there = column in first if isinstance(column, str) else 0 <= column < len(first)
        if not there or (isinstance(column, str) and not 0 < len(column) <= _LONGEST):
            raise UserError(
                f"{name}: {option} {field}={shown(column)}: its first line has {_listed(first)}; "
                f"expected one of these, of at most {_LONGEST} characters, or a place from 0"
            )
    fields_at: dict[int | None, str] = {}
    for field, column in columns.items():
        other = fields_at.setdefault(_place(column, first), field)
        if other != field:
            raise UserError(
                f"{name}: {option} {other}={shown(columns[other])} {field}={shown(column)}: both "
                f"are one column; its first line has {_listed(first)}"
            )
    if any(isinstance(column, str) for column in columns.values()):
        return Columns(columns, delimiter, True)
    return Columns(columns, delimiter, _is_header(first, rows, columns, known))


def _refuse_values(
    name: str,
    first: Sequence[str],
    rows: Sequence[Sequence[str]],
    fields: Sequence[str],
    columns: Given,
    given: Given,
    option: str,
) -> None:
    """Refuses a name that the user gave and that is a value: its first line would be lost."""
    for field, column in given.items():
        again = _column(rows, first.index(column)).count(column) if column in first else 0
        if again:
            by_place = {one: _place(place, first) for one, place in columns.items()}
            known = {one: place for one, place in by_place.items() if place is not None}
            example = _example(first, rows, tuple(dict.fromkeys((*fields, *known))), known)
            raise UserError(
                f"{name}: {option} {field}={shown(column)}: {again:,} later rows have this very "
                "value there, so its first line is a row and no header. Name the columns by place "
                f"from 0: {option} {example}; or rename the column in the file if it is a header"
            )


def _example(
    first: Sequence[str], rows: Sequence[Sequence[str]], fields: Sequence[str], found: Given
) -> str:
    """Columns that may well be what is missing: the label's has the fewest values, and those of
    texts have the most words, so that it is no number and no id. By name only where the first line
    can be a header."""
    columns = [_column(rows, place) for place in range(len(first))]
    free = [place for place, name in enumerate(first) if not _taken(name, first, found)]
    free.sort(key=lambda place: -sum(len(cell.split()) for cell in columns[place]))
    chosen: dict[str, int] = {}
    missing = [field for field in fields if field not in found]
    if "label" in missing and free:
        chosen["label"] = min(reversed(free), key=lambda place: len({*columns[place]}))
        free.remove(chosen["label"])
    texts = [field for field in missing if field != "label"]
    chosen |= dict(zip(texts, sorted(free[: len(texts)]), strict=False))
    places = {field: chosen.get(field, n) for n, field in enumerate(fields) if field not in found}
    named = all(
        _may_be_name(first[place]) and first[place] not in columns[place]
        for place in ({field: _place(one, first) for field, one in found.items()} | places).values()
        if place is not None and place < len(first)
    )
    # By a name that is a value the first row would be lost as a header.
    missing_columns = {
        field: shown_column(first, place) if named else place for field, place in places.items()
    }
    return " ".join(f"{field}={(found | missing_columns)[field]}" for field in fields)


def shown_column(header: Sequence[str], place: int) -> str:
    """A column as it may stand in an example of a command."""
    name = header[place] if place < len(header) else ""
    return name if name.isidentifier() else str(place)


def _listed(first: Sequence[str]) -> str:
    return ", ".join(map(shown, first[:20]))


def _first_rows(
    name: str, path: Path, data_dir: Path, delimiter: str | None
) -> tuple[list[str], list[list[str]]]:
    """The first line's cells, and those of some rows after it."""
    lines = Lines([path], data_dir)
    rows = tab_separated(lines) if delimiter is None else quoted(lines, delimiter)
    found = [row for _, row in itertools.islice(rows, _LOOKED_AT)]
    if not found:
        raise UserError(f"{name}: the file is empty; expected a table with a row in each line")
    if isinstance(found[0], Fault):
        raise UserError(f"{name}: its first line is {found[0].reason}; expected a row, or a header")
    cells = [
        [cell.decode("utf-8", "replace").strip() for cell in row]
        for row in found
        if not isinstance(row, Fault)
    ]
    if not any(cells[0]):
        raise UserError(
            f"{name}: its first line is empty; expected the columns' names, or a row: take the "
            "empty line out"
        )
    return cells[0], cells[1:]


def _delimiter(path: Path, data_dir: Path) -> str:
    """What separates most rows into as many columns as the first, quotes heeded."""

    def agreed(delimiter: str) -> tuple[int, int]:
        try:
            read = itertools.islice(quoted(Lines([path], data_dir), delimiter), _LOOKED_AT)
            widths = [len(row) for _, row in read if not isinstance(row, Fault)]
        except UserError:  # a quote that is never closed, as it seems with this one
            return 0, 0
        return (widths.count(widths[0]), widths[0]) if widths and widths[0] > 1 else (0, 0)

    return max(_DELIMITERS, key=agreed)


def _columns(
    first: Sequence[str],
    rows: Sequence[Sequence[str]],
    fields: Sequence[str],
    given: Given,
    known: Mapping[str, Sequence[str]],
) -> dict[str, str | int]:
    """What is given, and what is plain."""
    found = dict(given)
    lower = {
        name.lower(): name for place, name in reversed([*enumerate(first)])
        if first.count(name) == 1 and name not in _column(rows, place)
    }  # fmt: skip
    for field in fields:
        for name in known[field]:
            if field not in found and name in lower and not _taken(lower[name], first, found):
                found[field] = lower[name]
    text = found.get("text")
    other = _PAIRS.get(text.lower()) if isinstance(text, str) and "text" not in given else None
    if "label" in found and other in lower and "text_b" not in given:
        found["text_b"] = lower[other]
    left = [field for field in fields if field not in found]
    if not left:
        return found
    if found and len(first) == len(fields) == 2:
        # The other column of two.
        free = [place for place, name in enumerate(first) if not _taken(name, first, found)]
        if len(free) != 1 or first[0] == first[1]:
            return found
        by_name = any(isinstance(one, str) for one in found.values())
        return {**found, left[0]: first[free[0]] if by_name else free[0]}
    if found or len(first) != len(fields):
        return found
    return _without_names(first, rows, fields, known)


def _column(rows: Sequence[Sequence[str]], place: int) -> list[str]:
    return [row[place] for row in rows if len(row) > place]


def _place(column: str | int, first: Sequence[str]) -> int | None:
    if isinstance(column, int):
        return column
    return first.index(column) if column in first else None


def _taken(name: str, first: Sequence[str], found: Given) -> bool:
    return first.index(name) in [_place(one, first) for one in found.values()]


def _without_names(
    first: Sequence[str],
    rows: Sequence[Sequence[str]],
    fields: Sequence[str],
    known: Mapping[str, Sequence[str]],
) -> dict[str, str | int]:
    """As many columns as fields, and no name among them that is known.

    The labels are what has fewer values. Of two texts under names of their own nobody can tell
    which is which.
    """
    places = {field: place for place, field in enumerate(fields)}
    if "label" in fields:
        values = [{row[place] for row in rows if len(row) == 2} for place in (0, 1)]
        if not rows or len(values[0]) == len(values[1]):
            return {}
        label = 0 if len(values[0]) < len(values[1]) else 1
        places = {"text": 1 - label, "label": label}
    if not _is_header(first, rows, places, known):
        return {**places}
    by_name = "label" in fields or len(fields) == 1
    return {field: first[place] for field, place in places.items()} if by_name else {}


def _is_header(
    first: Sequence[str],
    rows: Sequence[Sequence[str]],
    places: Mapping[str, int],
    known: Mapping[str, Sequence[str]],
) -> bool | None:
    """Whether a first line has columns' names: those that are known, or words in place of texts,
    with a label that no row has. None: texts are single words, too, and it may be either."""
    cells = {field: first[place] for field, place in places.items()}
    others = {field: _column(rows, place) for field, place in places.items()}
    own = {field for field, cell in cells.items() if cell not in others[field]}
    if any(cells[field].lower() in known[field] for field in own):
        return True
    different = len({*cells.values()}) == len(cells) and "label" not in {*cells} - own
    if not different or not all(map(_may_be_name, cells.values())):
        return False
    texts = [others[field] for field in cells if field != "label"]
    if all(sum(map(_may_be_name, one)) <= _NAMES_AMONG_ROWS * len(one) for one in texts):
        return True
    return None


def _may_be_name(cell: str) -> bool:
    return (
        any(map(str.isalpha, cell))
        and cell[-1] not in ".!?,;:"
        and len(cell) <= _NAMED
        and len(cell.split()) <= _MOST_WORDS
    )
