"""Stores that a program of the user's has written, held against corpus and student."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfkd.data.files import sha256_of
from tfkd.data.tokenizers.same_pieces import other_lists
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.inputs.own_folders import checked_manifest, own_folder
from tfkd.pipeline.inputs.own_rows import Rows
from tfkd.spec.errors import UserError
from tfkd.targets import SoftTargetStore
from tfkd.targets.manifest import FILE
from tfkd.targets.own_rows import PIECES, fault_in_rows, read_pieces, read_rows


class Said(NamedTuple):
    """What somebody's teacher says of the examples first ... last - 1 of a corpus.

    Attributes:
        first, last: Which.
        counts: int `[last - first]`, positions of each.
        ids: int `[n, K]`.
        log_probabilities: float `[n, K]`.
    """

    first: int
    last: int
    counts: np.ndarray
    ids: np.ndarray
    log_probabilities: np.ndarray


class OwnStore:
    """A store of the user's for one corpus of a targets stage.

    Args:
        node: The stage.
        index: The corpus's number.
        rows: Its rows.
        predicted: What the student predicts: a tokenizer, or classes.
        data_dir: The data folder.

    Raises:
        UserError: It is damaged, or of other rows, pieces or classes than the student's.
    """

    def __init__(self, node: Node, index: int, rows: Rows, predicted: Any, data_dir: Path):
        where = f"stages.{node.label}.targets.store"
        self._folder = own_folder(node.options.targets.store[index], data_dir, where)
        self._where, self._rows = f"{where}: {self._folder}", rows
        header = checked_manifest(self._folder, where).header
        if sha256_of(self._folder / FILE) != node.identity["stores"][index]:
            raise UserError(
                f"{self._where}: it was written anew since this run was planned. Start the run "
                "again when the program that writes it is done"
            )
        self._size = header.vocabulary_size
        self._table = self._check_pieces(header, predicted)
        self._check_rows(header)
        self._store = SoftTargetStore(self._folder)
        self.top_k = header.top_k
        if node.task.Options.over_classes and self.top_k != predicted.size:
            raise UserError(
                f"{self._where}: K is {self.top_k}, and {predicted.size} classes are told apart. "
                "Expected the probability of each class"
            )

    def said(self) -> Iterator[Said]:
        """What is stored, in ids of the student's.

        Raises:
            UserError: A row has other positions than the student reads, or no distributions.
        """
        for number, (first, last, counts, ids, said) in enumerate(self._store.shards()):
            file = self._store.manifest.shards[number].file
            due = self._rows.ids(first, last)
            other = np.flatnonzero((counts != due.lengths) & (counts > 0))
            if len(other):
                row = int(other[0])
                raise UserError(
                    f"{self._where}/{file}: row {first + row + 1} of {self._rows.name} has "
                    f"{counts[row]:,} positions; expected {due.lengths[row]:,}, one for each id "
                    "that the student predicts there (`tfkd.open_rows(...).ids()`), or none"
                )
            wrong = fault_in_rows(ids.astype(np.int64), said.astype(np.float32), counts, self._size)
            if wrong is not None:
                row = first + wrong[0] + 1
                raise UserError(f"{self._where}/{file}: row {row} of {self._rows.name}, {wrong[1]}")
            yield Said(first, last, counts, ids if self._table is None else self._table[ids], said)

    def _check_pieces(self, header: Any, predicted: Any) -> np.ndarray | None:
        """Refuses other pieces, one by one; of classes, which stand in any order, the student's id
        of each."""
        theirs = read_pieces(self._folder, header.vocabulary)
        classes = getattr(predicted, "names", None)
        ours = list(predicted.vocabulary if classes is None else classes)
        if theirs is None:
            if header.vocabulary != predicted.fingerprint():
                raise UserError(
                    f"{self._where}: its vocabulary has the fingerprint {header.vocabulary[:12]}, "
                    f"and the student's {predicted.fingerprint()[:12]}. Expected the tokenizer of "
                    "the student (see `tfkd.open_rows(...).pieces`)"
                )
            self._check_size("the student's vocabulary", len(ours))
            return None
        self._check_size(PIECES, len(theirs))
        if classes is not None and sorted(theirs) == sorted(ours):
            return np.array([predicted.place(name) for name in theirs])
        if said := other_lists(ours, theirs):
            what = "pieces" if classes is None else "classes"
            raise UserError(
                f"{self._where}: the {what} of the student and of the store are others: {said}. "
                "Expected the same (see `tfkd.open_rows(...).pieces`)"
            )
        return None

    def _check_size(self, whose: str, size: int) -> None:
        """Refuses another V than there are pieces: ids take 2 or 4 bytes by it."""
        if size != self._size:
            raise UserError(
                f"{self._where}: its vocabulary_size is {self._size:,}, and {whose} has {size:,} "
                "pieces. Expected as many: write the store anew"
            )

    def _check_rows(self, header: Any) -> None:
        """Refuses rows of other texts, and names the first."""
        name, theirs = self._rows.name, read_rows(self._folder, header.corpus)
        if len(theirs) != len(self._rows):
            raise UserError(
                f"{self._where}: it has {len(theirs):,} rows, and {name} has {len(self._rows):,}. "
                "Expected the rows that are left of the corpus when it is read, in their order: "
                "`tfkd.open_rows` gives them"
            )
        other = np.flatnonzero(theirs != self._rows.hashes())
        if len(other):
            row = int(other[0])
            raise UserError(
                f"{self._where}: row {row + 1} was written of another text than {name} has there, "
                f"{self._rows.shown(row)} ({len(other):,} such rows). Expected the rows of "
                f"{name} as they are read, in their order: `tfkd.open_rows` gives them"
            )
