"""Sentences of files in CoNLL's columns: a word and its tags a line, an empty line after each."""

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tfkd.data.text.sources import Fault, Lines, Value

# Of CoNLL-U: words that are written as one, and words that are not written.
_NOT_A_WORD = re.compile(rb"\d+[-.]\d+\Z")
_DOCUMENT = b"-DOCSTART-"
# Of CoNLL-U's ten, word and part of speech; of any other, the first and the last.
_UNIVERSAL, _OTHER = {"text": 1, "label": 3}, {"text": 0, "label": -1}
# Sentences that are looked at, and the share of their words that may have spaces.
_LOOKED_AT, _WITH_SPACES = 50, 0.05


class ConllReader:
    """A row a sentence: of each field its column's words, with spaces between.

    Columns are apart by tabs, or, in files without any, by spaces. Lines that begin with `#` before
    a sentence of a file with tabs are comments, and -DOCSTART- is no word. A space in a word
    becomes a no-break space. A file's last sentence needs no empty line after it.

    Args:
        paths: The files.
        data_dir: The data folder, for the names of places.
        columns: Each field's column, from 0; -1 is the last.
    """

    def __init__(self, paths: Sequence[Path], data_dir: Path, columns: Sequence[int]):
        self._paths, self._data_dir, self._columns = paths, data_dir, columns
        self._lines = Lines(paths, data_dir)
        self._number = 0

    def __iter__(self) -> Iterator[tuple[Value, ...] | Fault]:
        for path in self._paths:
            self._lines = Lines([path], self._data_dir)
            for number, words in sentences(self._lines):
                self._number = number
                yield self._row(words)

    def _row(self, words: list[list[bytes]]) -> tuple[Value, ...] | Fault:
        fewest = max(column + 1 if column >= 0 else -column for column in self._columns)
        if any(len(word) < fewest for word in words):
            return Fault(f"a word of fewer than {fewest} columns")
        return tuple(
            b" ".join(word[column].strip().replace(b" ", "\u00a0".encode()) for word in words)
            for column in self._columns
        )

    def place(self, field: int) -> str:
        return self._lines.place(self._number)


def sentences(lines: Lines) -> Iterator[tuple[int, list[list[bytes]]]]:
    """The words of each sentence of a file, each word its columns; with the first one's line."""
    tabs: bool | None = None
    first, words = 0, []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            if words:
                yield first, words
            words = []
            continue
        if not words and line.startswith(b"#") and b"\t" not in line and tabs is not False:
            continue
        if tabs is None:
            tabs = b"\t" in line
        columns = line.split(b"\t") if tabs else line.split()
        if columns[0] == _DOCUMENT or (tabs and _NOT_A_WORD.match(columns[0])):
            continue
        first = first if words else number
        words.append(columns)
    if words:
        yield first, words


def conll_columns(path: Path, data_dir: Path) -> dict[str, int] | None:
    """The columns of words and tags in a file of CoNLL's form; None: it has another.

    It is one where all lines have as many columns, two or more, hardly a word has a space, and
    empty lines end sentences, some of several words.
    """
    found = list(itertools.islice(sentences(Lines([path], data_dir)), _LOOKED_AT))
    words = [word for _, sentence in found for word in sentence]
    alike = len({*map(len, words)}) == 1 and len(words[0]) > 1
    if not alike or len(found) < 2 or len(words) <= len(found):
        return None
    columns = _UNIVERSAL if len(words[0]) == 10 and words[0][0].isdigit() else _OTHER
    spaces = sum(b" " in word[columns["text"]].strip() for word in words)
    return dict(columns) if spaces <= _WITH_SPACES * len(words) else None
