"""Reading a store of soft targets."""

import hashlib
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.objectives.prediction_sums import teacher_forced_metrics
from tfkd.spec.errors import UserError
from tfkd.targets.encoding import example_starts, row_bytes, split
from tfkd.targets.manifest import Manifest, Shard, read_manifest


class SoftTargetStore:
    """A teacher's K most likely ids for each target token of a corpus, with log-probabilities.

    Log-probabilities are at temperature 1, so that every temperature follows from them. Row t of
    an example belongs to its target's token t, the last row to the end. Made by `StoreWriter`.

    Args:
        folder: Where it lies.
        corpus: The fingerprint that its corpus must have; None: any.
        vocabulary: The fingerprint that its vocabulary must have; None: any.
        verify: Whether to check every file's SHA-256 first.

    Raises:
        UserError: It is unfinished or damaged, or of another corpus or vocabulary.
    """

    def __init__(
        self,
        folder: str | PathLike,
        *,
        corpus: str | None = None,
        vocabulary: str | None = None,
        verify: bool = True,
    ):
        self.folder = Path(folder)
        self.manifest: Manifest = read_manifest(self.folder)
        header = self.manifest.header
        if not self.manifest.complete:
            raise UserError(
                f"{self.folder}: scoring was not finished; run the same command again to go on"
            )
        for what, expected in (("corpus", corpus), ("vocabulary", vocabulary)):
            found = getattr(header, what)
            if expected is not None and expected != found:
                raise UserError(
                    f"{self.folder}: these soft targets are of another {what}: {found}, and "
                    f"{expected} is asked for; score the teacher on this {what}"
                )
        if verify:
            self.verify()
        self._ids: list[np.ndarray] = []
        self._log_probabilities: list[np.ndarray] = []
        self._counts = np.zeros(header.examples, np.int64)
        for shard in self.manifest.shards:
            ids, log_probabilities = self._map(shard)
            self._ids.append(ids)
            self._log_probabilities.append(log_probabilities)
            present = np.ones(shard.last - shard.first, bool)
            for start, end in shard.absent:
                present[start - shard.first : end - shard.first] = False
            starts = np.append(example_starts(log_probabilities), shard.rows)
            self._counts[shard.first : shard.last][present] = np.diff(starts)
        self._starts = np.cumsum(self._counts) - self._counts
        rows = [shard.rows for shard in self.manifest.shards]
        self._first_rows = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)

    def __len__(self) -> int:
        return self.manifest.header.examples

    @property
    def top_k(self) -> int:
        """K."""
        return self.manifest.header.top_k

    @property
    def rows(self) -> int:
        """Tokens that have soft targets."""
        return self.manifest.rows

    @property
    def rows_present(self) -> np.ndarray:
        """bool `[examples]`: which have soft targets; too long pairs have none."""
        return self._counts > 0

    @property
    def counts(self) -> np.ndarray:
        """int64 `[examples]`: rows of each, the end's counted; 0 without soft targets."""
        return self._counts

    @property
    def metrics(self) -> dict[str, float]:
        """What the teacher check asks for, over all rows: `positions`, `accuracy`, `loss`,
        `entropy`, `coverage`, `mass`."""
        return total_metrics(self.manifest.shards)

    def take(self, examples: np.ndarray, width: int, *, cut: bool = False) -> dict[str, np.ndarray]:
        """The soft targets of some examples, padded.

        Args:
            examples: int `[B]`; -1 is the filler of a batch.
            width: T, at least the longest of the examples' rows.
            cut: Of longer ones the first T, where they are numbered by order and a student's view
                may end before its teacher's.

        Returns:
            `ids` int32 `[B, T, K]`, `log_probabilities` float16 `[B, T, K]`, and `present` bool
            `[B, T]`: False, and the others 0, at padding, fillers, and examples without rows.

        Raises:
            ValueError: An example has more rows than `width`.
            IndexError: An example does not exist.
        """
        examples = np.asarray(examples, np.int64)
        if examples.size and not -1 <= examples.min() <= examples.max() < len(self):
            raise IndexError(
                f"examples must lie in -1 ... {len(self) - 1}. Received: {examples.min()} ... "
                f"{examples.max()}"
            )
        counts = np.where(examples < 0, 0, self._counts[examples]) if len(self) else examples * 0
        if cut:
            counts = np.minimum(counts, width)
        if counts.max(initial=0) > width:
            raise ValueError(
                f"Invalid value for argument `width`. Expected at least {counts.max()}, the tokens "
                f"of example {examples[counts.argmax()]}. Received: width={width}"
            )
        present = np.arange(width) < counts[:, None]
        shape = (len(examples), width, self.top_k)
        out = {
            "ids": np.zeros(shape, np.int32),
            "log_probabilities": np.zeros(shape, np.float16),
            "present": present,
        }
        within = np.flatnonzero(counts)
        # Examples never cross a shard's border.
        shards = np.searchsorted(self._first_rows, self._starts[examples[within]], "right") - 1
        for shard in np.unique(shards):
            chosen = within[shards == shard]
            inside = present[chosen]
            first = self._starts[examples[chosen]] - self._first_rows[shard]
            rows = (first[:, None] + np.arange(width))[inside]
            position = np.nonzero(inside)
            place = (chosen[position[0]], position[1])
            out["ids"][place] = self._ids[shard][rows]
            out["log_probabilities"][place] = -np.abs(self._log_probabilities[shard][rows])
        return out

    def shards(self) -> Iterator[tuple[int, int, np.ndarray, np.ndarray, np.ndarray]]:
        """What is stored, file by file: the examples first ... last - 1, int64 `[last - first]`
        rows of each, and ids and float16 log-probabilities, `[rows, K]`."""
        for shard, ids, stored in zip(
            self.manifest.shards, self._ids, self._log_probabilities, strict=True
        ):
            counts = self._counts[shard.first : shard.last]
            yield shard.first, shard.last, counts, np.asarray(ids), -np.abs(stored)

    def verify(self) -> None:
        """Checks every file's size and SHA-256.

        Raises:
            UserError: A file is missing or not as it was written; names it.
        """
        for shard in self.manifest.shards:
            check_shard(self.folder, shard, self.manifest)

    def _map(self, shard: Shard) -> tuple[np.ndarray, np.ndarray]:
        header = self.manifest.header
        data = np.zeros(0, np.uint8)
        if shard.rows:
            data = np.memmap(self.folder / shard.file, np.uint8, "r")
        return split(data, shard.rows, header.top_k, header.vocabulary_size)


class PartStores:
    """The stores of an example set's parts, as what a batcher calls.

    Args:
        stores: For each part of the example set its store; None where it was not scored.
        cut: As of `SoftTargetStore.take`.

    Raises:
        ValueError: There is no store, or they differ in K.
    """

    def __init__(self, stores: Sequence[SoftTargetStore | None], *, cut: bool = False):
        self.stores, self._cut = list(stores), cut
        found = {store.top_k for store in stores if store is not None}
        if len(found) != 1:
            raise ValueError(
                "Invalid value for argument `stores`. Expected stores of one K. Received: "
                f"{sorted(found)}"
            )
        (self.top_k,) = found

    def __call__(self, example_set: Any, examples: np.ndarray, width: int) -> dict[str, np.ndarray]:
        """See `SoftTargetStore.take`; parts without a store have no rows."""
        parts, rows = example_set.locate(examples)
        shape = (len(parts), width, self.top_k)
        out = {
            "ids": np.zeros(shape, np.int32),
            "log_probabilities": np.zeros(shape, np.float16),
            "present": np.zeros(shape[:2], bool),
        }
        for index in np.unique(parts[parts >= 0]):
            store = self.stores[index]
            if store is None:
                continue
            chosen = np.flatnonzero(parts == index)
            for name, values in store.take(rows[chosen], width, cut=self._cut).items():
                out[name][chosen] = values
        return out


def check_shard(folder: Path, shard: Shard, manifest: Manifest) -> None:
    """Raises UserError if a shard's file is missing or not as it was written."""
    path = folder / shard.file
    header = manifest.header
    expected = shard.rows * row_bytes(header.vocabulary_size, header.top_k)
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except FileNotFoundError:
        raise UserError(f"{path}: missing; remove {folder} and score again") from None
    if size != expected or digest != shard.sha256:
        raise UserError(
            f"{path}: damaged: it is not as it was written (SHA-256 {digest[:12]}, {size} bytes; "
            f"expected {shard.sha256[:12]}, {expected} bytes); remove {folder} and score again"
        )


def total_metrics(shards: Sequence[Shard]) -> dict[str, float]:
    """The means over all shards' tokens."""
    totals: dict[str, float] = {"positions": 0}
    for shard in shards:
        for name, value in shard.sums.items():
            totals[name] = totals.get(name, 0.0) + value
    return teacher_forced_metrics(totals)
