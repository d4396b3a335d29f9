"""A corpus's soft targets in shards, each of which can be made by itself.

A shard's content depends on the corpus, the teacher and its number alone: not on who makes it, nor
on what else is made. So a corpus can be scored by several processes, and in any order.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from tfkd.spec.errors import UserError
from tfkd.targets.by_part import ByPart, Predict
from tfkd.targets.store import SoftTargetStore
from tfkd.targets.writer import StoreWriter

Progress = Callable[[int, int], None]


class Scored(NamedTuple):
    """What a shard holds; see `StoreWriter.write`.

    Attributes:
        counts: int `[examples]`, tokens of each.
        ids: int `[n, K]`, n the sum of `counts`.
        log_probabilities: float `[n, K]`.
        sums: Sums over the n tokens.
    """

    counts: np.ndarray
    ids: np.ndarray
    log_probabilities: np.ndarray
    sums: dict[str, float]


class Scoring:
    """A corpus that is to be scored, in shards.

    Args:
        ends: int `[shards]`, the example after the last of each.
        rows: int `[shards]`, what each asks a teacher: rows, one a pass.
        make: `(first example, last + 1, predict, K, told) -> Scored`, where `told` is called with
            how many rows a batch had.
    """

    def __init__(
        self,
        ends: np.ndarray,
        rows: np.ndarray,
        make: Callable[[int, int, Predict | ByPart, int, Callable[[int], None]], Scored],
    ):
        self.ends, self.rows, self._make = ends, rows, make

    def __len__(self) -> int:
        return len(self.ends)

    def first(self, number: int) -> int:
        """The first example of a shard; of the number behind the last, all examples."""
        return int(self.ends[number - 1]) if number else 0

    def shard(
        self,
        number: int,
        predict: Predict | ByPart,
        top_k: int,
        told: Callable[[int], None] = lambda rows: None,
    ) -> Scored:
        """Makes one shard.

        Args:
            number: Which, from 0.
            predict: As of `score_masked`.
            top_k: K.
            told: Called with the rows of each batch, once it is done.
        """
        return self._make(self.first(number), int(self.ends[number]), predict, top_k, told)

    def into(
        self, writer: StoreWriter, predict: Predict | ByPart, progress: Progress | None = None
    ) -> SoftTargetStore:
        """Makes the shards that a store lacks, in their order, and closes it.

        Args:
            writer: Writes the store; its header names K.
            predict: As of `score_masked`.
            progress: Called with (rows done, rows in all) after each batch.
        """
        for number in self.missing(writer):
            told = self.progress(number, progress)
            found = self.shard(number, predict, writer.manifest.header.top_k, told)
            writer.write(int(self.ends[number]), *found)
        return writer.finish()

    def missing(self, writer: StoreWriter) -> Iterator[int]:
        """The numbers of the shards that a store lacks, as it is when each is asked for.

        Raises:
            UserError: It has shards of another size.
        """
        while (number := len(writer.manifest.shards)) < len(self.ends):
            if writer.next_example != self.first(number):
                raise UserError(
                    f"{writer.folder}: holds shards of another size; remove it and score again"
                )
            yield number

    def progress(self, number: int, progress: Progress | None) -> Callable[[int], None]:
        """What a shard tells of its batches, as rows of the whole corpus."""
        done, total = int(self.rows[:number].sum()), int(self.rows.sum())

        def told(rows: int) -> None:
            nonlocal done
            done += rows
            if progress is not None:
                progress(done, total)

        return told
