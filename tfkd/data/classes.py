"""The classes of a label field: their names in order, learnt from corpora."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.data.checksummed import read_checksummed, write_checksummed
from tfkd.data.ragged import Ragged
from tfkd.spec.errors import UserError

FILE = "classes.json"
# The key of label ids in an example set, where other fields have their tokenizer's name.
LABELS = ("label", "classes")


class Classes:
    """Names of classes; a class's id is its place in the sorted names.

    It reads labels as a tokenizer reads text: `encode` gives one id a label, which is `size` for a
    name that is no class.

    Args:
        names: Distinct names, at least two.

    Raises:
        ValueError: There are fewer, or a name stands there twice.
    """

    def __init__(self, names: Iterable[str]):
        given = list(names)
        self.names = sorted(given)
        if len(set(given)) < max(2, len(given)):
            raise ValueError(
                "Invalid value for argument `names`. Expected at least two distinct names. "
                f"Received: {given[:5]}"
            )
        self.size = len(self.names)
        self.unknown_id = self.size
        self._places = {name: place for place, name in enumerate(self.names)}

    @classmethod
    def learn(cls, labels: Iterable[str], where: str) -> "Classes":
        """The distinct labels.

        Args:
            labels: A label a row.
            where: Where they stand, for the message.

        Raises:
            UserError: All rows have one label.
        """
        found = set(labels)
        if len(found) < 2:
            raise UserError(
                f"{where}: all rows have the label {next(iter(found), '')!r}, and one class leaves "
                "nothing to tell apart. Expected a label field with two values or more: see the "
                "corpus's `columns`"
            )
        return cls(found)

    def encode(self, labels: Sequence[str]) -> Ragged:
        """One id a label, `[0, size]`; `size` for what is no class."""
        ids = [self._places.get(label, self.size) for label in labels]
        return Ragged(np.array(ids, np.int32), np.arange(len(ids) + 1, dtype=np.int64))

    def place(self, name: str) -> int | None:
        """The id of a class; None for what is none."""
        return self._places.get(name)

    def fingerprint(self) -> str:
        """64 hexadecimal digits of the names in their order."""
        return hashlib.sha256(json.dumps(["classes", self.names]).encode()).hexdigest()

    def save(self, folder: Path) -> None:
        """Writes `classes.json`, with its checksum, into a folder."""
        write_checksummed(Path(folder) / FILE, {"classes": self.names})

    @classmethod
    def load(cls, folder: Path) -> "Classes":
        """Reads what `save` wrote.

        Raises:
            OSError, ValueError: It cannot be read, or has other bytes than were written.
        """
        return cls(read_checksummed(Path(folder) / FILE)["classes"])


def labels_in(line: str, several: bool) -> list[str]:
    """The labels of a row: its line, or the words of it."""
    return line.split() if several else [line]


class SeveralClasses:
    """Classes as what reads lines of several labels, with spaces between.

    Args:
        classes: The classes.
    """

    def __init__(self, classes: Classes):
        self._classes = classes
        self.size, self.unknown_id = classes.size, classes.unknown_id
        self.fingerprint = classes.fingerprint

    def encode(self, lines: Sequence[str]) -> Ragged:
        """The id of each label, a row a line."""
        rows = [line.split() for line in lines]
        values = self._classes.encode([label for row in rows for label in row]).values
        ends = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return Ragged(values, ends)


def label_ids(example_set: Any, examples: np.ndarray | None = None) -> np.ndarray:
    """The labels of some examples as ids, int64 `[B]`; -1 where there is none.

    Args:
        example_set: An `ExampleSet`.
        examples: int `[B]`, -1 for the filler of a batch; None: all.
    """
    if examples is None:
        examples = np.arange(len(example_set))
    rows = example_set.take(*LABELS, examples)
    found = np.full(len(rows), -1, np.int64)
    found[rows.lengths > 0] = rows.values
    return found
