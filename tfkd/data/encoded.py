"""A field's token ids on the disk, read through memory mapping."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tfkd.data.files import write_atomically
from tfkd.data.id_shards import kept_shard, read_shard
from tfkd.data.ragged import Ragged
from tfkd.data.side_by_side import cores, side_by_side
from tfkd.data.strict_json import read_json
from tfkd.data.text.text_corpus import TextCorpus

# Lines encoded at once; and characters, after which of whole books fewer are.
CHUNK, CHUNK_CHARACTERS = 8192, 1 << 23
# Bytes of text, after each of which work in progress is kept.
SHARD = 1 << 26


def encode_corpus(
    text: TextCorpus,
    field: str,
    tokenizer,
    folder: Path,
    *,
    work: Path | None = None,
    of: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> dict:
    """Writes a field's bare ids (no special tokens): `ids.bin`, `offsets.npy`, then `meta.json`.

    Ids take 2 bytes each where the vocabulary has at most 65,536 pieces, else 4. Each core encodes
    `CHUNK` lines, or `CHUNK_CHARACTERS` and a line, at a time; beside them the ids of `SHARD` bytes
    of text are in memory, and 8 bytes a row.

    Args:
        text: The rows.
        field: One of its fields.
        tokenizer: Has `size`, `unknown_id`, `fingerprint()` and `encode(lines) -> Ragged`, which
            several threads may call.
        folder: An existing folder.
        work: A folder for what is done of longer texts: a call that was stopped goes on behind the
            last `SHARD` bytes, with the same text and tokenizer. None: nothing is kept.
        of: What text and tokenizer are, in a word: what `work` holds of another is not taken.
        progress: Called with (rows done, rows).

    Returns:
        What `meta.json` holds.
    """
    folder, rows = Path(folder), len(text)
    kind = np.dtype("<u2" if tokenizer.size <= 1 << 16 else "<u4")
    offsets = np.zeros(rows + 1, np.int64)
    unknown = 0
    shards = [] if work is None else EncodedShards(text, field, tokenizer, work, of, progress)

    def parts() -> Iterator[Ragged]:
        if len(shards) < 2:
            yield from _encoded(text, field, tokenizer, 0, rows, progress)
            return
        for number in range(len(shards)):
            yield shards.ids(number)

    def write(file: BinaryIO) -> None:
        nonlocal unknown
        start = 0
        for ids in parts():
            stop = start + len(ids)
            offsets[start + 1 : stop + 1] = offsets[start] + ids.offsets[1:]
            unknown += int(np.count_nonzero(ids.values == tokenizer.unknown_id))
            file.write(ids.values.astype(kind).tobytes())
            start = stop

    write_atomically(folder / "ids.bin", write)
    write_atomically(folder / "offsets.npy", lambda file: np.save(file, offsets))
    meta = {
        "field": field,
        "rows": rows,
        "tokens": int(offsets[-1]),
        "unknown": unknown,
        "dtype": kind.str,
        "tokenizer": tokenizer.fingerprint(),
        "vocabulary": tokenizer.size,
    }
    write_atomically(folder / "meta.json", json.dumps(meta, indent=1))
    return meta


class EncodedShards:
    """A field's ids in parts of `SHARD` bytes of text, each a file that is whole or not there.

    Args:
        text, field, tokenizer, work, of, progress: As of `encode_corpus`, which goes on from them.
    """

    def __init__(
        self,
        text: TextCorpus,
        field: str,
        tokenizer,
        work: Path,
        of: str,
        progress: Callable[[int, int], None] | None = None,
    ):
        self._of_text, self._progress = (text, field, tokenizer), progress
        self._work, self._of = work, of
        self._places = list(text.blocks(field, rows=len(text), size=SHARD))

    def __len__(self) -> int:
        return len(self._places)

    def kept(self, number: int) -> bool:
        """Whether a part is there."""
        return read_shard(self._path(number), self._of) is not None

    def make(self, number: int) -> None:
        """Makes a part that is not there."""
        self.ids(number)

    def ids(self, number: int) -> Ragged:
        """A part's ids, made where they are not there."""

        def make() -> Ragged:
            return Ragged.chained(_encoded(*self._of_text, *self._places[number], self._progress))

        self._work.mkdir(parents=True, exist_ok=True)
        return kept_shard(self._path(number), self._of, make)

    def _path(self, number: int) -> Path:
        return self._work / f"ids-{number:05d}.bin"


def _encoded(
    text: TextCorpus,
    field: str,
    tokenizer,
    start: int,
    stop: int,
    progress: Callable[[int, int], None] | None,
) -> Iterator[Ragged]:
    """The ids of some rows, some lines at a time."""
    chunks = _chunks(text.lines(field, start, stop))
    for _, ids in side_by_side(tokenizer.encode, chunks, cores()):
        yield ids
        start += len(ids)
        if progress is not None:
            progress(start, len(text))


def _chunks(lines: Iterable[str]) -> Iterator[list[str]]:
    """The lines in lists of at most `CHUNK`, which end with `CHUNK_CHARACTERS`."""
    chunk: list[str] = []
    characters = 0
    for line in lines:
        chunk.append(line)
        characters += len(line)
        if len(chunk) == CHUNK or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


class EncodedField:
    """Ids that `encode_corpus` wrote.

    Attributes:
        meta: `meta.json`.
        lengths: int32 `[rows]`, without special tokens.
    """

    def __init__(self, folder: Path, meta: dict):
        self.meta = meta
        self._offsets = np.load(folder / "offsets.npy", mmap_mode="r")
        kind = np.dtype(meta["dtype"])
        size = (folder / "ids.bin").stat().st_size
        if (
            len(self._offsets) != meta["rows"] + 1
            or self._offsets[-1] * kind.itemsize != size
            or meta["tokens"] != self._offsets[-1]
        ):
            raise ValueError(f"{folder}: ids.bin, offsets.npy and meta.json do not fit together.")
        # An empty file cannot be mapped.
        self._ids = np.memmap(folder / "ids.bin", kind, "r") if size else np.zeros(0, kind)
        self.lengths: np.ndarray = np.diff(self._offsets).astype(np.int32)

    @classmethod
    def open(cls, folder: Path) -> "EncodedField":
        """Opens a folder that `encode_corpus` filled."""
        folder = Path(folder)
        return cls(folder, read_json(folder / "meta.json"))

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, rows: np.ndarray) -> Ragged:
        """The ids of the given rows, int32, in the given order."""
        rows = np.asarray(rows, np.int64)
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(self.lengths[rows], out=offsets[1:])
        starts = np.repeat(self._offsets[rows] - offsets[:-1], self.lengths[rows])
        return Ragged(self._ids[starts + np.arange(offsets[-1])].astype(np.int32), offsets)

    def at(self, places: np.ndarray) -> np.ndarray:
        """int32 ids by their places in all rows end to end."""
        return np.asarray(self._ids[places], np.int32)
