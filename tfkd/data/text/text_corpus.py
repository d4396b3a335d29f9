"""A corpus on the disk: one file of lines a field, with the place of each line."""

import contextlib
import json
import mmap
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import numpy as np

from tfkd.data.files import write_atomically
from tfkd.data.strict_json import read_json
from tfkd.data.text.corpora import Corpus

WORDS = "words.npy"
# What is read at once of lines that may be whole books.
_ROWS, _BYTES = 4096, 1 << 22


class Rows:
    """Rows as a corpus: what a stage that makes its own gives to `write_text_corpus`.

    Args:
        fields: The names of the fields.
        rows: A value of each a row.
    """

    words = None

    def __init__(self, fields: Sequence[str], rows: Iterable[Sequence[str]]):
        self.fields, self._rows, self._read = tuple(fields), rows, 0

    def __iter__(self) -> Iterator[Sequence[str]]:
        for row in self._rows:
            self._read += 1
            yield row

    def report(self) -> dict[str, Any]:
        """What was read, all of it kept."""
        return {"read": self._read, "kept": self._read, "dropped": {}, "files": {}}


def write_text_corpus(corpus: Corpus, folder: Path) -> dict:
    """Writes a corpus's rows as `FIELD.txt`, `FIELD.offsets.npy` and, last, `corpus.json`.

    Lines and their places are written as they stream by: memory does not grow with them.

    Args:
        corpus: The rows.
        folder: An existing folder.

    Returns:
        What `corpus.json` holds: the report, with `rows` and `fields`.
    """
    folder = Path(folder)
    fields = corpus.fields
    rows = 0

    # All fields are written in one pass over the rows: each file's writer opens the next one.
    def write(index: int, files: list[BinaryIO]) -> None:
        if index < len(fields):
            path = folder / f"{fields[index]}.txt"
            write_atomically(path, lambda file: write(index + 1, [*files, file]))
            return
        nonlocal rows
        ends = [0] * len(fields)
        for places in offsets:
            places.write(np.int64(0).tobytes())
        for values in corpus:
            rows += 1
            for at, (file, value) in enumerate(zip(files, values, strict=True)):
                ends[at] += file.write(value.encode("utf-8") + b"\n")
                offsets[at].write(ends[at].to_bytes(8, sys.byteorder))

    with contextlib.ExitStack() as stack:
        offsets = [stack.enter_context(TemporaryFile(dir=folder)) for _ in fields]
        write(0, [])
        for name, places in zip(fields, offsets, strict=True):
            write_atomically(folder / f"{name}.offsets.npy", partial(_save, places, rows + 1))
    if corpus.words is not None:
        write_atomically(folder / WORDS, lambda file: np.save(file, corpus.words))
    report = {**corpus.report(), "rows": rows, "fields": list(fields)}
    write_atomically(folder / "corpus.json", json.dumps(report, indent=1, ensure_ascii=False))
    return report


def _save(numbers: BinaryIO, count: int, file: BinaryIO) -> None:
    """Writes int64 numbers that lie in a file as `np.save` does."""
    header = {"descr": np.dtype(np.int64).str, "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(file, header)
    numbers.seek(0)
    shutil.copyfileobj(numbers, file)


class TextCorpus:
    """A corpus that `write_text_corpus` wrote; its lines stay on the disk until they are asked for.

    Attributes:
        fields: The names of the fields.
        report: `corpus.json`.
        words: int64 `[rows, 2]`: words of each row before its tokenization was undone, and ends of
            lines; None where the corpus says nothing of it.
    """

    def __init__(self, folder: Path, report: dict):
        self.fields: tuple[str, ...] = tuple(report["fields"])
        self.report = report
        self._rows = report["rows"]
        words = folder / WORDS
        self.words: np.ndarray | None = np.load(words) if words.exists() else None
        self._offsets: dict[str, np.ndarray] = {}
        self._bytes: dict[str, mmap.mmap] = {}
        for name in self.fields:
            self._offsets[name] = np.load(folder / f"{name}.offsets.npy", mmap_mode="r")
            with open(folder / f"{name}.txt", "rb") as file:
                self._bytes[name] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            size = len(self._bytes[name])
            if len(self._offsets[name]) != self._rows + 1 or self._offsets[name][-1] != size:
                raise ValueError(f"{folder}: {name}.txt is not the file of {name}.offsets.npy.")

    @classmethod
    def open(cls, folder: Path) -> "TextCorpus":
        """Opens a folder that `write_text_corpus` filled."""
        folder = Path(folder)
        return cls(folder, read_json(folder / "corpus.json"))

    def __len__(self) -> int:
        return self._rows

    def line(self, field: str, row: int) -> str:
        """One row's field. Negative rows count from the end."""
        if not -self._rows <= row < self._rows:
            raise IndexError(f"Row {row} of {self._rows}.")
        row %= self._rows
        start, stop = self._offsets[field][row : row + 2]
        return self._bytes[field][start : stop - 1].decode("utf-8")

    def lines(self, field: str, start: int = 0, stop: int | None = None) -> Iterator[str]:
        """The field of rows `start` to `stop` (excluded), as a stream."""
        for first, last in self.blocks(field, start, stop, rows=_ROWS, size=_BYTES):
            begin, end = self._offsets[field][[first, last]]
            yield from self._bytes[field][begin : end - 1].decode("utf-8").split("\n")

    def blocks(
        self, field: str, start: int = 0, stop: int | None = None, *, rows: int, size: int
    ) -> Iterator[tuple[int, int]]:
        """Rows `start` to `stop` in runs of at most `rows`, and of `size` bytes of the field or one
        row: where each run starts and ends."""
        start, stop, _ = slice(start, stop).indices(self._rows)
        offsets = self._offsets[field]
        while start < stop:
            window = offsets[start : min(start + rows, stop) + 1]
            fitting = int(np.searchsorted(window, window[0] + size, side="right")) - 1
            yield start, start + max(fitting, 1)
            start += max(fitting, 1)
