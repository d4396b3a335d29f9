"""What a store that somebody's own program has written says of its rows and of its vocabulary.

Beside the shards and the manifest such a store has `rows.bin`, a number of 64 bits for the texts of
each row, and `pieces.json`, the pieces (or classes) in the order of their ids: so that whoever
reads the store can hold both against the student's, one by one. Their SHA-256 stand in the
manifest, as `corpus` and `vocabulary` of the header.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from tfkd.data.files import write_atomically
from tfkd.data.strict_json import parse_json
from tfkd.spec.errors import UserError
from tfkd.targets.encoding import ABOVE

ROWS, PIECES = "rows.bin", "pieces.json"
# What the fingerprints of such a header begin with.
OF_ROWS, OF_PIECES = "rows:", "pieces:"
# What the probabilities of one position may have above 1, or all of them differ from it: they are
# stored as float16 logarithms.
TOLERANCE = 0.01
# Less mass than that on all K, and nothing is said of a position.
_LEAST = 1e-9
_BYTES = 8

# The texts of a row, a field's after the other; one text alone; or the ids of a packed block.
Row = str | Sequence[str] | np.ndarray


def row_hashes(rows: Iterable[Row]) -> np.ndarray:
    """A number for each row, uint64 `[rows]`, the same on any machine: 8 bytes of BLAKE2b of its
    texts in UTF-8 with tabs between, or of its ids as little-endian int32.

    Args:
        rows: Of each row its texts in the order of the corpus's fields, like (source, target); a
            text alone; or, of documents that are packed into blocks, the ids of the block.

    Raises:
        ValueError: A text is no UTF-8.
    """
    found = bytearray()
    for number, row in enumerate(rows, 1):
        if isinstance(row, np.ndarray):
            data = row.astype("<i4").tobytes()
        else:
            try:
                data = (row if isinstance(row, str) else "\t".join(row)).encode("utf-8")
            except UnicodeEncodeError as error:
                raise ValueError(
                    f"Row {number}: half a character ({error.object[error.start]!r}), which UTF-8 "
                    "cannot have. Expected the texts as `tfkd.open_rows` gives them"
                ) from None
        found += hashlib.blake2b(data, digest_size=_BYTES).digest()
    return np.frombuffer(bytes(found), "<u8")


def rows_fingerprint(hashes: np.ndarray) -> str:
    """What a header says of rows."""
    return OF_ROWS + hashlib.sha256(hashes.astype("<u8").tobytes()).hexdigest()


def pieces_fingerprint(pieces: Sequence[str]) -> str:
    """What a header says of a vocabulary that is known by its pieces."""
    return OF_PIECES + hashlib.sha256(_text(pieces).encode("utf-8")).hexdigest()


def write_rows(folder: Path, hashes: np.ndarray) -> None:
    """Writes `rows.bin`, whole or not at all."""
    write_atomically(folder / ROWS, hashes.astype("<u8").tobytes())


def write_pieces(folder: Path, pieces: Sequence[str]) -> None:
    """Writes `pieces.json`, whole or not at all."""
    write_atomically(folder / PIECES, _text(pieces))


def read_rows(folder: Path, fingerprint: str) -> np.ndarray:
    """The rows of a store, uint64 `[rows]`.

    Raises:
        UserError: The file is missing, or other than its manifest says.
    """
    path = folder / ROWS
    data = _bytes(path)
    found = np.frombuffer(data[: len(data) // _BYTES * _BYTES], "<u8")
    if len(data) % _BYTES or rows_fingerprint(found) != fingerprint:
        raise UserError(f"{path}: it is not the file that the manifest names; write the store anew")
    return found


def read_pieces(folder: Path, fingerprint: str) -> list[str] | None:
    """The pieces of a store; None of one that names its vocabulary by fingerprint.

    Raises:
        UserError: The file is missing, or other than its manifest says.
    """
    if not fingerprint.startswith(OF_PIECES):
        return None
    path = folder / PIECES
    data = _bytes(path)
    try:
        pieces = parse_json(data)
        same = pieces_fingerprint(pieces) == fingerprint
    except (ValueError, TypeError):
        same = False
    if not same:
        raise UserError(f"{path}: it is not the file that the manifest names; write the store anew")
    return pieces


def fault_in_rows(
    ids: np.ndarray, log_probabilities: np.ndarray, counts: np.ndarray, size: int
) -> tuple[int, str] | None:
    """What is wrong with distributions, and where; None where nothing is.

    Args:
        ids: int `[n, K]`.
        log_probabilities: float `[n, K]`.
        counts: int `[examples]` with sum n.
        size: V, how many ids there are.

    Returns:
        The first wrong example, from 0, and what is found at which of its positions, and expected.
    """
    outside = ((ids < 0) | (ids >= size)).any(1)
    no_number = np.isnan(log_probabilities) | (log_probabilities > ABOVE)
    mass = np.exp(np.minimum(log_probabilities, 0).astype(np.float64)).sum(1)
    ordered = np.sort(ids, 1)
    twice = (ordered[:, 1:] == ordered[:, :-1]).any(1)
    least = 1 - TOLERANCE if ids.shape[1] == size else _LEAST
    wrong = outside | no_number.any(1) | ~((mass <= 1 + TOLERANCE) & (mass >= least)) | twice
    if not wrong.any():
        return None
    row = int(np.flatnonzero(wrong)[0])
    ends = np.cumsum(counts)
    example = int(np.searchsorted(ends, row, side="right"))
    where = f"position {row - int(ends[example] - counts[example]) + 1}"
    if outside[row]:
        one = ids[row][(ids[row] < 0) | (ids[row] >= size)][0]
        return example, f"{where}: the id {one}; expected 0 to {size - 1}"
    if no_number[row].any():
        one = log_probabilities[row][no_number[row]][0]
        return example, f"{where}: the log-probability {one:.6g}; expected a number of 0 or less"
    if twice[row]:
        one = ordered[row, 1:][ordered[row, 1:] == ordered[row, :-1]][0]
        return example, f"{where}: the id {one} stands there twice; expected each once"
    if mass[row] < _LEAST:
        return example, (
            f"{where}: none of its {ids.shape[1]} ids has any probability; expected some, or a "
            "count of 0 for a row that nothing is said of"
        )
    most = "1" if least > _LEAST else "1 at the most"
    return example, (
        f"{where}: its probabilities add up to {mass[row]:.6g}; expected {most}, give or take "
        f"{TOLERANCE}"
    )


def _text(pieces: Sequence[str]) -> str:
    return json.dumps(list(pieces), ensure_ascii=True, indent=0)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: it cannot be read ({error.strerror or error})") from None
