"""Which rows of a whole corpus stand in it before, by keys on the disk: memory stays as it is
however many rows there are."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

# Keys that are sorted at once, 16 bytes each with their rows.
_AT_ONCE = 1 << 19
# Rows of one key that another is held against: more alike keys than that are no n-grams of a text.
_COMPARED = 32
_ENTRY = np.dtype([("key", "<u8"), ("row", "<i8")])


class Repeated:
    """Keys of rows, written by parts of their range, each of which is then looked through alone.

    Args:
        folder: A folder for them alone; what is in it is removed.
        rows: About how many rows there will be.
        bands: Keys of a row; the first is compared with other rows' first, and so on.
    """

    def __init__(self, folder: Path, rows: int, bands: int):
        self._folder, self._bands = folder, bands
        self._parts = max(1, -(-rows // _AT_ONCE))
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def add(self, rows: np.ndarray, keys: np.ndarray) -> None:
        """Notes keys.

        Args:
            rows: int64 `[n]`, rising, and above those of all calls before.
            keys: uint64 `[n, bands]`.
        """
        for band in range(self._bands):
            entries = np.empty(len(rows), _ENTRY)
            entries["key"], entries["row"] = keys[:, band], rows
            part = (entries["key"] >> np.uint64(40)) % np.uint64(self._parts)
            for number in range(self._parts):
                chosen = entries[part == number]
                if len(chosen):
                    with open(self._path(band, number), "ab") as file:
                        file.write(chosen.tobytes())

    def find(
        self,
        gone: np.ndarray,
        seen: Callable[[int], Any],
        alike: Callable[[Any, Any], bool],
    ) -> Iterator[int]:
        """Rows of which an earlier one is kept that is alike, each once; marks them in `gone`.

        Of rows with one key each is held against the kept ones before it, at most the first 32.
        What is kept of one key may go by another, so that a row may go for one that is gone itself.

        Args:
            gone: bool or uint8 `[rows]`, true of rows that are out already.
            seen: What a row is compared by.
            alike: Whether two of these are one.
        """
        for band in range(self._bands):
            for number in range(self._parts):
                path = self._path(band, number)
                if path.exists():
                    yield from self._repeated(np.fromfile(path, _ENTRY), gone, seen, alike)
                    path.unlink()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _repeated(self, entries: Any, gone: Any, seen: Any, alike: Any) -> Iterator[int]:
        entries = entries[np.argsort(entries["key"], kind="stable")]  # of one key in row order
        keys, rows = entries["key"], entries["row"]
        starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if len(keys) else []
        ends = np.r_[starts[1:], len(keys)] if len(keys) else []
        for start, end in zip(starts, ends, strict=True):
            if end - start == 1:
                continue
            kept: list[Any] = []
            for row in map(int, rows[start:end]):
                if gone[row]:
                    continue
                own = seen(row)
                if any(alike(one, own) for one in kept):
                    gone[row] = True
                    yield row
                elif len(kept) < _COMPARED:
                    kept.append(own)

    def _path(self, band: int, part: int) -> Path:
        return self._folder / f"{band:03d}-{part:05d}.keys"
