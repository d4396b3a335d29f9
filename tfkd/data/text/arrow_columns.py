"""Rows of columns in memory's own form: Parquet files, and folders that `datasets` saved."""

import contextlib
import difflib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from tfkd.data.json_values import Number
from tfkd.data.text.source_files import shown
from tfkd.data.text.sources import NO_LABELS, Fault, Labels, Value, pick
from tfkd.outside.regular_files import open_regular, readable
from tfkd.spec.errors import UserError
from tfkd.spec.options.soft_labels import flat

# Rows that are in the memory at once, beside what Parquet unpacks for them.
_ROWS = 1024
# What a stream of Arrow's begins with, but those of its first years, and ends with.
_GOES_ON = b"\xff" * 4
_END = _GOES_ON + bytes(4)


class ArrowReader:
    """Values of some columns, row by row.

    Args:
        paths: The files.
        data_dir: The data folder, for the names of places.
        keys: Each field's column, or columns; `a/b` reaches into a nested one.
        labels: By index of the fields that are no text: what makes text of their values.
        parquet: Whether the files are Parquet; else they are streams of Arrow's.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        data_dir: Path,
        keys: Sequence[str | list[str]],
        labels: Labels = NO_LABELS,
        parquet: bool = True,
    ):
        self._paths, self._data_dir, self._keys, self._labels = paths, data_dir, keys, labels
        self._parquet = parquet
        self._path, self._number = paths[0], 0

    def __iter__(self) -> Iterator[tuple[Value, ...] | Fault]:
        for path in self._paths:
            self._path, self._number = path, 0
            with self._readable(), open_regular(path) as file:
                for batch in self._batches(file):
                    yield from self._rows(batch)

    def _rows(self, batch: Any) -> Iterator[tuple[Value, ...] | Fault]:
        for record in _records(batch):
            self._number += 1
            broken = isinstance(record, Fault)
            yield record if broken else pick(_plain(record), self._keys, self._labels)

    def _batches(self, file: BinaryIO) -> Iterator[Any]:
        arrow = _arrow(shown(self._path, self._data_dir))
        opened = arrow.PythonFile(file, mode="r")
        if self._parquet:
            from pyarrow import parquet

            table = parquet.ParquetFile(opened, pre_buffer=False)
            names = self._columns(table.schema_arrow, arrow)
            yield from table.iter_batches(_ROWS, columns=names, use_threads=False)
            return
        self._refuse_cut(file)
        stream = arrow.ipc.open_stream(opened)
        names = self._columns(stream.schema, arrow)
        for batch in stream:
            for start in range(0, batch.num_rows, _ROWS):
                yield batch.slice(start, _ROWS).select(names)

    def _refuse_cut(self, file: BinaryIO) -> None:
        """Refuses a stream without its end: one that is cut off between batches reads well."""
        ends = file.seek(0, 2)
        file.seek(0)
        begins = file.read(len(_GOES_ON))
        file.seek(max(0, ends - len(_END)))
        if begins == _GOES_ON and file.read() != _END:
            raise UserError(f"{self.place(0)}: the file is cut off; fetch it or write it again.")
        file.seek(0)

    def _columns(self, schema: Any, arrow: Any) -> list[str]:
        """The names of the columns that are read.

        Raises:
            UserError: One is not there, or there are two of its name.
        """
        names = list(schema.names)
        found = {key: self._column(key, names) for key in flat(self._keys)}
        for key, name in found.items():
            if key != name:
                self._refuse_missing(key, schema.field(name).type, arrow)
        return list(dict.fromkeys(found.values()))

    def _refuse_missing(self, key: str, kind: Any, arrow: Any) -> None:
        """Refuses a column within another that it does not have."""
        for step in key.split("/")[1:]:
            inside = [one.name for one in kind] if arrow.types.is_struct(kind) else []
            if step not in inside:
                has = f"; it has {', '.join(map(repr, inside[:20]))}" if inside else ""
                raise UserError(
                    f"{shown(self._path, self._data_dir)}: there is no {step!r} within "
                    f"{key.removesuffix(f'/{step}')!r}{has}. Expected in `fields` a column of "
                    "text, a/b for b within a."
                )
            kind = kind.field(step).type

    def _column(self, key: str, names: list[str]) -> str:
        wanted = key if key in names else key.partition("/")[0]
        if names.count(wanted) == 1:
            return wanted
        near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.5)
        said = "two columns" if wanted in names else "no column"
        meant = f"did you mean {near[0]!r}? " if near and wanted not in names else ""
        raise UserError(
            f"{shown(self._path, self._data_dir)}: it has {said} {wanted!r}, but "
            f"{', '.join(map(repr, names[:20]))}; {meant}Expected in `fields` a name that it has "
            "once."
        )

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        """Inside, a file that cannot be read, or is damaged, is the user's to mend."""
        try:
            yield
        except UserError:
            raise
        except Exception as error:
            if not isinstance(error, OSError) and not type(error).__module__.startswith("pyarrow"):
                raise
            said = str(error).strip().splitlines()[:1] or [type(error).__name__]
            form = "Parquet" if self._parquet else "Arrow"
            raise UserError(
                f"{self.place(0)}: it cannot be read as {form} from here on ({said[0]}); fetch it "
                "or write it again."
            ) from error

    def place(self, field: int) -> str:
        return f"{shown(self._path, self._data_dir)}:{self._number}"


def rows_in(path: Path, parquet: bool) -> int:
    """The rows of a file, without their values.

    Raises:
        UserError: It cannot be read.
    """
    arrow = _arrow(str(path))
    try:
        with readable(path), open_regular(path) as file:
            opened = arrow.PythonFile(file, mode="r")
            if parquet:
                from pyarrow import parquet as form

                return form.ParquetFile(opened).metadata.num_rows
            return sum(batch.num_rows for batch in arrow.ipc.open_stream(opened))
    except (arrow.ArrowException, OSError) as error:
        raise UserError(f"{path} cannot be read ({error})") from error


def _arrow(what: str) -> Any:
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError as error:
        raise UserError(
            f"{what} is read by pyarrow, which cannot be imported ({error}): pip install "
            "'tfkd[parquet]'"
        ) from None
    return pyarrow


def _records(batch: Any) -> Iterator[Any]:
    """A batch's rows; a fault for each that has text which is not UTF-8, as no reader checks."""
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:
        for row in range(batch.num_rows):
            try:
                (record,) = batch.slice(row, 1).to_pylist()
            except UnicodeDecodeError:
                record = Fault("not UTF-8")
            yield record


def _plain(value: Any) -> Any:
    """A value as one of JSON is read: numbers as they are written."""
    if isinstance(value, str | bytes | bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return Number(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
