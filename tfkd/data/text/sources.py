"""Rows of bytes or text from files, one reader a format, each able to name the place of its row."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tfkd.data.json_values import Twice, as_numbers, found_under, read_record
from tfkd.data.text.source_files import reading, shown
from tfkd.spec.errors import UserError

Value = bytes | str
Labels = Mapping[int, Callable[[object], object]]
NO_LABELS: Labels = {}
LINE_BREAKS = re.compile(r"[ \t]*[\r\n]+[ \t\r\n]*")


@dataclass(frozen=True)
class Fault:
    """A row that cannot be read, or is none.

    Attributes:
        reason: Why.
        field: In which field, an index into the fields.
        bad: Whether the data is broken; not so a blank line, or a row longer than the user wants.
    """

    reason: str
    field: int = 0
    bad: bool = True


class Reader(Protocol):
    """One pass over a source. `place` names the row that was yielded last, as "file:line"."""

    def __iter__(self) -> Iterator[tuple[Value, ...] | Fault]: ...

    def place(self, field: int) -> str: ...


class Lines:
    """The lines of some files, end to end, as bytes.

    Lines end at `\\n` and nowhere else: text may hold U+2028, U+0085, form feeds, ... A `\\r`
    before the `\\n` and a byte order mark at the start of a file are left out.
    """

    def __init__(self, paths: Sequence[Path], data_dir: Path):
        self._paths = paths
        self._data_dir = data_dir
        self._path: Path | None = None
        self._number = 0

    @property
    def begins(self) -> bool:
        """Whether the line that was yielded last is the first of its file."""
        return self._number == 1

    def __iter__(self) -> Iterator[bytes]:
        for path in self._paths:
            self._path, self._number = path, 0
            with reading(path, self.place) as file:
                for line in file:
                    self._number += 1
                    if self._number == 1:
                        line = self._without_mark(line)
                    yield line.rstrip(b"\r\n") if line.endswith(b"\n") else line

    def _without_mark(self, line: bytes) -> bytes:
        """A file's first line without the byte order mark."""
        if line.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise UserError(f"{self.place()}: the file is UTF-16; save it as UTF-8.")
        return line.removeprefix(b"\xef\xbb\xbf")

    def place(self, number: int | None = None) -> str:
        """The line that was yielded last, or another of its file."""
        return f"{shown(self._path, self._data_dir)}:{number or self._number}"


class ParallelReader:
    """Line n of each side; the sides must have equally many lines, which is checked before."""

    def __init__(self, sides: Sequence[Sequence[Path]], data_dir: Path):
        self._sides = [Lines(paths, data_dir) for paths in sides]

    def __iter__(self) -> Iterator[tuple[Value, ...] | Fault]:
        return zip(*self._sides, strict=True)

    def place(self, field: int) -> str:
        return self._sides[field].place()

    def begins(self, field: int) -> bool:
        """Whether a field of the row that was yielded last is the first line of its file."""
        return self._sides[field].begins


class JsonLinesReader:
    """Values of one JSON object a line. Numbers are taken as they are written, but for labels and
    marks (`labels`); line breaks in a value become a space, since a row's field is one line.

    Args:
        paths: The files.
        data_dir: The data folder, for the names of places.
        keys: Each field's key, or keys.
        labels: By index of the fields that are no text: what makes text of their values.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        data_dir: Path,
        keys: Sequence[str | list[str]],
        labels: Labels = NO_LABELS,
    ):
        self._lines = Lines(paths, data_dir)
        self._keys, self._labels = keys, labels

    def __iter__(self) -> Iterator[tuple[Value, ...] | Fault]:
        for line in self._lines:
            try:
                record = read_record(line)
            except UnicodeDecodeError:
                yield Fault("not UTF-8")
                continue
            except (ValueError, RecursionError):
                yield Fault("not JSON", bad=bool(line.strip()))
                continue
            yield pick(record, self._keys, self._labels)

    def place(self, field: int) -> str:
        return self._lines.place()


def pick(
    record: object, keys: Sequence[str | list[str]], labels: Labels = NO_LABELS
) -> tuple[Value, ...] | Fault:
    """The texts under `keys` (`a/b` reaches into nested mappings), or why there is none.

    Args:
        record: Nested mappings.
        keys: Each field's key; or a list of them, whose values stand in one text with blanks
            between, as those of a list do.
        labels: By index of the fields that are no text: what makes text of their values.
    """
    values: list[Value] = []
    for field, key in enumerate(keys):
        if isinstance(key, list):
            each = pick(record, key, dict.fromkeys(range(len(key)), as_numbers))
            if isinstance(each, Fault):
                return Fault(each.reason, field)
            values.append(" ".join(map(str, each)))
            continue
        value = found_under(record, key)
        if field in labels:
            value = labels[field](value)
        if isinstance(value, bytes):
            try:
                value = value.decode("utf-8")
            except UnicodeDecodeError:
                return Fault("not UTF-8", field)
        if value is None:
            return Fault(f"no `{key}`", field)
        if isinstance(value, Twice):
            return Fault(f"`{key}` given twice", field)
        if not isinstance(value, str):
            return Fault(f"`{key}` is not text", field)
        values.append(LINE_BREAKS.sub(" ", value))
    return tuple(values)
