"""Columns of tab-separated and of comma-separated files, by place or by the header's names."""

import csv
import difflib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tfkd.data.text.sources import LINE_BREAKS, Fault, Lines, Value
from tfkd.spec.errors import UserError
from tfkd.spec.options.soft_labels import flat
from tfkd.spec.wording import shown

# The line that a row begins at, in its file, and the row's cells.
Rows = Iterator[tuple[int, list[bytes] | Fault]]
# Characters of a cell: Python's own limit, 131,072, is less than long documents have; without
# any, a quote never closed would take a whole file into the memory.
_FIELD = 2**24


def tab_separated(lines: Lines) -> Rows:
    """Cells between tabs; no quoting, as the corpora in this form are written."""
    for number, line in enumerate(lines, start=1):
        yield number, line.split(b"\t")


def _next_cells(reader: Iterator[list[str]]) -> list[str]:
    """The next row, whatever its cells' length; the limit is the process's, so it is set back."""
    before = csv.field_size_limit(_FIELD)
    try:
        return next(reader)
    finally:
        csv.field_size_limit(before)


def quoted(lines: Lines, delimiter: str = ",") -> Rows:
    """Cells of CSV as RFC 4180 has them: one in quotes may hold the delimiter, doubled quotes and
    line breaks, which become a space, since a row's field is one line. A row of more cells than the
    first one's is bad: a delimiter within a cell that is not quoted has moved all behind it.

    Raises:
        UserError: Quotes that do not match have taken several lines for one row: how many rows
            are lost, nobody can tell.
    """
    # Latin-1 gives every byte a character: what is no UTF-8 is found later, with its field.
    reader = csv.reader(
        (f"{line.decode('latin-1')}\n" for line in lines), delimiter=delimiter, strict=True
    )
    most = None
    while True:
        number = reader.line_num + 1
        try:
            cells = _next_cells(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if reader.line_num > number:
                raise UserError(
                    f"{lines.place(number)}: a quote that is opened here is not closed well "
                    f"({error}); in CSV a quote within a field is written twice: mend the line, or "
                    "read a file without quoting as `tsv`."
                ) from None
            long = "field larger than" in str(error)
            yield number, Fault(f"longer than {_FIELD:,} characters" if long else "quoted wrongly")
        else:
            most = len(cells) if most is None else most
            if len(cells) > most:
                yield number, Fault(f"more than {most} columns")
                continue
            yield number, [LINE_BREAKS.sub(" ", cell).encode("latin-1") for cell in cells]


class TableReader:
    """Columns of a table's rows.

    Args:
        paths: The files.
        data_dir: The data folder, for the names of places.
        columns: Each field's column: its place from 0, or its name in the header of each file; or a
            list of them, whose cells stand in one with blanks between.
        header: Whether each file's first line is a header.
        rows: Cuts a file's lines into cells.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        data_dir: Path,
        columns: Sequence[int | str | Sequence[int | str]],
        header: bool,
        rows: Callable[[Lines], Rows] = tab_separated,
    ):
        self._paths, self._data_dir = paths, data_dir
        self._columns, self._header, self._rows = columns, header, rows
        self._named = any(isinstance(one, str) for one in flat(columns))
        self._lines = Lines(paths, data_dir)
        self._number = 0

    def __iter__(self) -> Iterator[tuple[Value, ...] | Fault]:
        for path in self._paths:
            self._lines = Lines([path], self._data_dir)
            columns = [one if isinstance(one, list) else [one] for one in self._columns]
            last = None if self._named else max(flat(columns))
            for number, cells in self._rows(self._lines):
                self._number = number
                if self._header and self._number == 1:
                    columns = [[self._column(one, cells) for one in each] for each in columns]
                    last = max(flat(columns))
                elif isinstance(cells, Fault):
                    yield cells
                elif len(cells) <= last:
                    yield Fault(f"fewer than {last + 1} columns", bad=any(map(bytes.strip, cells)))
                else:
                    yield tuple(b" ".join(cells[one] for one in each) for each in columns)

    def _column(self, column: int | str, cells: list[bytes] | Fault) -> int:
        """A column's place, from 0.

        Raises:
            UserError: The header does not have its name, or has it twice.
        """
        if isinstance(column, int):
            return column
        names = [] if isinstance(cells, Fault) else [
            cell.decode("utf-8", "replace").strip() for cell in cells
        ]  # fmt: skip
        if names.count(column) == 1:
            return names.index(column)
        found = "two columns" if column in names else "no column"
        near = difflib.get_close_matches(column, names, n=1, cutoff=0.5)
        meant = f"did you mean {near[0]}? " if near and column not in names else ""
        raise UserError(
            f"{self.place(0)}: the header has {found} {shown(column)}, but "
            f"{', '.join(map(shown, names[:20]))}; {meant}Expected in `columns` a name that stands "
            "there once, or a column's place, from 0."
        )

    def place(self, field: int) -> str:
        return self._lines.place(self._number)

    def begins(self, field: int) -> bool:
        """Whether the row that was yielded last is the first line of its file."""
        return self._number == 1
