"""A shortlist as CTranslate2 reads it: `vmap.txt`, the target pieces that may translate a piece."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.data.files import write_atomically

VMAP = "vmap.txt"


def write_vmap(
    shortlist: Any, source: Sequence[str], target: Sequence[str], folder: Path
) -> dict[str, Any]:
    """Writes `vmap.txt`: `source piece TAB target pieces, a space between two` a line; the first
    has no source piece, and what is always listed. CTranslate2 adds the end and the unknown piece.

    Pieces with white space in them, which that file has no form for, are on no list.

    Args:
        shortlist: A `tfkd.decoding.Shortlist`.
        source: The source's pieces.
        target: The target's.
        folder: The export's.

    Returns:
        The option by which a search goes by the file.
    """
    plain = np.array([bool(piece) and not any(map(str.isspace, piece)) for piece in target])

    def line(key: str, listed: np.ndarray) -> str:
        kept = [target[place] for place in listed if place >= 0 and plain[place]]
        return f"{key}\t{' '.join(kept)}\n" if kept else ""

    lines = [line("", shortlist.always)]
    for piece, listed in zip(source, shortlist.best, strict=True):
        if piece and not any(map(str.isspace, piece)):
            lines.append(line(piece, listed))
    write_atomically(folder / VMAP, "".join(lines))
    return {"use_vmap": True}
