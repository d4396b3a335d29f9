"""Writing a store of soft targets, shard by shard."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from tfkd.data.files import write_atomically
from tfkd.spec.errors import UserError
from tfkd.targets.encoding import encode
from tfkd.targets.manifest import FILE, Header, Manifest, Shard, read_manifest
from tfkd.targets.own_rows import (
    Row,
    fault_in_rows,
    pieces_fingerprint,
    row_hashes,
    rows_fingerprint,
    write_pieces,
    write_rows,
)
from tfkd.targets.store import SoftTargetStore, check_shard


class StoreWriter:
    """Writes soft targets so that a killed run goes on after its last whole shard.

    `StoreWriter.for_rows` is the way in for a program of your own, whose store a spec then names:
    `{targets: {store: FOLDER}, model: student, data: train}`.

    A shard's file is written whole or not at all, and only then named in the manifest, which is
    replaced whole. What a killed run has left is either named there and kept, or written anew.

    Args:
        folder: Made if it is missing.
        header: What the store is of.

    Raises:
        UserError: The folder holds soft targets of something else, or damaged ones.

    Example:
        >>> writer = StoreWriter(folder, Header("corpus", "vocabulary", 8000, 8, examples=2))
        >>> writer.write(2, counts=[3, 1], ids=ids, log_probabilities=log_probabilities)
        >>> store = writer.finish()
    """

    def __init__(self, folder: str | PathLike, header: Header):
        self.folder = Path(folder)
        self._checks = False  # a teacher's distribution is one
        self.folder.mkdir(parents=True, exist_ok=True)
        for unfinished in self.folder.glob(".*.part"):
            unfinished.unlink(missing_ok=True)  # what a killed run was just writing
        self.manifest = Manifest(header, [])
        if (self.folder / FILE).exists():
            found = read_manifest(self.folder)
            if (field := header.differs(found.header)) is not None:
                raise UserError(
                    f"{self.folder}: holds soft targets with another {field}: "
                    f"{getattr(found.header, field)}, and {getattr(header, field)} is asked for; "
                    "choose another folder, or remove this one"
                )
            for shard in found.shards:
                check_shard(self.folder, shard, found)
            self.manifest = found

    @classmethod
    def for_rows(
        cls,
        folder: str | PathLike,
        rows: Iterable[Row],
        *,
        top_k: int,
        pieces: Sequence[str] | None = None,
        vocabulary: str | None = None,
        vocabulary_size: int | None = None,
    ) -> "StoreWriter":
        """A writer of what your own teacher says of a corpus's rows: one behind a service, or in
        another framework.

        `tfkd.open_rows` gives rows, ids and pieces as the student of a spec reads them. Written are
        the K most likely pieces of each position; of classes all of them, one row each.

        Args:
            folder: Made if it is missing; a program that was stopped goes on in it.
            rows: Of each row its texts in the order of the corpus's fields, like (source, target);
                a text alone; or, of text that is packed into blocks, the ids of the block.
            top_k: K; of classes how many there are.
            pieces: The vocabulary's pieces, or the classes' names, in the order of their ids.
            vocabulary: In place of `pieces` a tokenizer's `fingerprint()`.
            vocabulary_size: V, beside `vocabulary`.

        Raises:
            UserError: The folder holds soft targets of something else, or damaged ones.
            ValueError: Neither or both of `pieces` and `vocabulary` are given, a piece stands
                twice, there are fewer than K, or a text is no UTF-8.

        Example:
            >>> writer = StoreWriter.for_rows(folder, ["good", "bad"], top_k=2, pieces=["-", "+"])
            >>> said = np.log([[0.9, 0.1], [0.2, 0.8]])
            >>> writer.write(2, counts=[1, 1], ids=[[1, 0], [1, 0]], log_probabilities=said)
            >>> store = writer.finish()
        """
        if (pieces is None) == (vocabulary is None) or (vocabulary and not vocabulary_size):
            raise ValueError(
                "Invalid value for argument `pieces`. Expected the pieces; or `vocabulary`, their "
                "tokenizer's fingerprint, with `vocabulary_size`. Received: "
                f"pieces={None if pieces is None else len(pieces)}, vocabulary={vocabulary!r}, "
                f"vocabulary_size={vocabulary_size}"
            )
        size = vocabulary_size if pieces is None else len(pieces)
        if not 1 <= top_k <= size:
            raise ValueError(
                f"Invalid value for argument `top_k`. Expected 1 to {size}, the number of pieces. "
                f"Received: {top_k}"
            )
        if pieces is not None and len({*pieces}) < size:
            first = {one: place for place, one in reversed([*enumerate(pieces)])}
            place = next(place for place, one in enumerate(pieces) if first[one] < place)
            raise ValueError(
                "Invalid value for argument `pieces`. Expected each once. Received: "
                f"{pieces[place]!r} a second time at {place}"
            )
        hashes = row_hashes(rows)
        header = Header(
            corpus=rows_fingerprint(hashes),
            vocabulary=vocabulary if pieces is None else pieces_fingerprint(pieces),
            vocabulary_size=size,
            top_k=top_k,
            examples=len(hashes),
            details={"written_by": "a program of the user's"},
        )
        writer = cls(folder, header)
        write_rows(writer.folder, hashes)
        if pieces is not None:
            write_pieces(writer.folder, pieces)
        writer._checks = True
        return writer

    @property
    def next_example(self) -> int:
        """The first example that is not written yet."""
        return self.manifest.shards[-1].last if self.manifest.shards else 0

    def write(
        self,
        last: int,
        counts: np.ndarray,
        ids: np.ndarray,
        log_probabilities: np.ndarray,
        sums: Mapping[str, float] | None = None,
    ) -> None:
        """Adds the shard of the examples next_example ... last - 1.

        Args:
            last: The example after the shard's last.
            counts: int `[last - next_example]`: tokens of each; 0 for one without soft targets.
            ids: int `[n, K]`, n the sum of `counts`.
            log_probabilities: float `[n, K]`.
            sums: Sums over the n tokens, for `teacher_forced_metrics`; see `row_sums`.

        Raises:
            ValueError: The arguments do not fit each other, the store, or probabilities.
        """
        header, first = self.manifest.header, self.next_example
        counts = np.asarray(counts)
        if not (counts.astype(np.int64) == counts).all() or (counts < 0).any():
            raise ValueError(
                "Invalid value for argument `counts`. Expected whole numbers of 0 or more. "
                f"Received: {counts}"
            )
        counts = counts.astype(np.int64)
        ids, log_probabilities = np.asarray(ids), np.asarray(log_probabilities)
        if not first < last <= header.examples or len(counts) != last - first:
            raise ValueError(
                f"Invalid value for argument `last`. Expected {first + 1} to {header.examples}, "
                f"and a count for each example. Received: last={last}, {len(counts)} counts"
            )
        if ids.ndim != 2 or ids.shape[1] != header.top_k:
            raise ValueError(
                f"Invalid value for argument `ids`. Expected the shape [n, {header.top_k}]. "
                f"Received: {ids.shape}"
            )
        if ids.size and ids.dtype.kind not in "iu":
            raise ValueError(
                f"Invalid value for argument `ids`. Expected whole numbers. Received: {ids.dtype}"
            )
        if self._checks and ids.shape == log_probabilities.shape and len(ids) == counts.sum():
            found = fault_in_rows(ids, log_probabilities, counts, header.vocabulary_size)
            if found is not None:
                raise ValueError(f"Row {first + found[0] + 1} of the corpus, {found[1]}")
        number = len(self.manifest.shards)
        shard = write_shard(
            self.folder, header, number, first, counts, ids, log_probabilities, sums or {}
        )
        self.take([shard])

    def take(self, shards: Sequence[Shard]) -> None:
        """Adds shards whose files `write_shard` has put in place, in their order.

        Raises:
            ValueError: One does not begin where the one before it ends.
        """
        if not shards:
            return
        ends = [self.next_example, *(shard.last for shard in shards[:-1])]
        if [shard.first for shard in shards] != ends:
            raise ValueError(
                f"Invalid value for argument `shards`. Expected those from example {ends[0]} on. "
                f"Received: {[(shard.first, shard.last) for shard in shards]}"
            )
        self._replace(Manifest(self.manifest.header, [*self.manifest.shards, *shards]))

    def finish(self) -> SoftTargetStore:
        """Closes the store and opens it for reading.

        Raises:
            ValueError: Examples are missing.
        """
        header = self.manifest.header
        if self.next_example != header.examples:
            raise ValueError(
                f"Expected all {header.examples} examples to be written. Received: the first "
                f"{self.next_example}"
            )
        if not self.manifest.complete:
            self._replace(Manifest(header, self.manifest.shards, complete=True))
        return SoftTargetStore(self.folder, verify=False)

    def _replace(self, manifest: Manifest) -> None:
        manifest.write(self.folder)
        self.manifest = manifest


def write_shard(
    folder: Path,
    header: Header,
    number: int,
    first: int,
    counts: np.ndarray,
    ids: np.ndarray,
    log_probabilities: np.ndarray,
    sums: Mapping[str, float],
) -> Shard:
    """Writes the file of a shard, whole or not at all; returns what a manifest says of it.

    Args:
        folder: The store's.
        header: What the store is of.
        number: Of the shard, from 0.
        first: Its first example.
        counts: int64 `[examples]`, tokens of each.
        ids: int `[n, K]`, n the sum of `counts`.
        log_probabilities: float `[n, K]`.
        sums: Sums over the n tokens.
    """
    data = encode(ids, log_probabilities, counts, header.vocabulary_size)
    shard = Shard(
        file=f"shard-{number:05d}.bin",
        first=first,
        last=first + len(counts),
        rows=len(ids),
        absent=_ranges(first + np.flatnonzero(counts == 0)),
        sha256=hashlib.sha256(data).hexdigest(),
        sums={name: float(value) for name, value in sums.items()},
    )
    write_atomically(folder / shard.file, data)
    return shard


def _ranges(numbers: np.ndarray) -> list[list[int]]:
    """Rising numbers as ranges [from, to)."""
    if not len(numbers):
        return []
    cuts = np.flatnonzero(np.diff(numbers) > 1)
    starts = numbers[np.concatenate([[0], cuts + 1])]
    ends = numbers[np.concatenate([cuts, [len(numbers) - 1]])] + 1
    return [[int(a), int(b)] for a, b in zip(starts, ends, strict=True)]
