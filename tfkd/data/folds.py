"""Which rows may be scored by which of K models: rows of like text are in one part."""

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Sequence

import numpy as np

_BYTES = 8


def normalized(text: str) -> str:
    """A text less what near copies differ in: NFKC, letters and digits alone, without case, with
    single spaces between words; a text without any letter or digit as it is, in NFKC."""
    whole = unicodedata.normalize("NFKC", text)
    kept = "".join(
        one if one.isalnum() or unicodedata.category(one)[0] == "M" else " "
        for one in whole.casefold()
    )
    return " ".join(kept.split()) or whole


def text_hashes(lines: Iterable[str]) -> np.ndarray:
    """A number of 64 bits for each text, `[rows]`, the same of texts that are equal when they are
    `normalized`; on any machine the same."""
    found = bytearray()
    for line in lines:
        found += hashlib.blake2b(normalized(line).encode("utf-8"), digest_size=_BYTES).digest()
    return np.frombuffer(bytes(found), "<u8")


def part_by_text(
    known: Sequence[tuple[np.ndarray, np.ndarray]], fields: Sequence[np.ndarray]
) -> np.ndarray:
    """The part that each row of another corpus has by its texts, int64 `[rows]`; -1 of a row none
    of whose texts is known, or whose texts are in several parts.

    Args:
        known: Of each field of the corpora that have parts `text_hashes` of its rows, and the rows'
            parts.
        fields: Of each field of the other corpus the `text_hashes` of its rows.
    """
    hashes, places = np.unique(np.concatenate([one for one, _ in known]), return_index=True)
    parts = np.concatenate([part for _, part in known])[places].astype(np.int64)
    found = np.full(len(fields[0]), -1, np.int64)
    several = np.zeros(len(found), bool)
    for field in fields:
        place = np.minimum(np.searchsorted(hashes, field), len(hashes) - 1)
        part = np.where(hashes[place] == field, parts[place], -1)
        several |= (part >= 0) & (found >= 0) & (part != found)
        found = np.where(found < 0, part, found)
    return np.where(several, -1, found)


def parts_of(
    corpora: Sequence[Sequence[np.ndarray]],
    folds: int,
    *,
    check: Callable[[], None] = lambda: None,
) -> list[np.ndarray]:
    """The part of each row, 0 to `folds` - 1, uint8 `[rows]` of each corpus.

    Rows that have a text in common, in whichever field and corpus, are in one part, and so are
    those that are joined by a third (a source with two targets, each of which has another source).
    The part is the smallest hash of all texts so joined, modulo `folds`: it depends on neither the
    order of rows and files nor the machine, and a row that comes later moves only what it joins.

    Args:
        corpora: Of each corpus its fields, and of each field the `text_hashes` of its rows.
        folds: K.
        check: Called now and then; what it raises ends the work.
    """
    hashes = np.unique(np.concatenate([field for fields in corpora for field in fields]))
    of_rows = [[np.searchsorted(hashes, field) for field in fields] for fields in corpora]
    pairs = [(first, other) for first, *others in of_rows for other in others]
    # The smallest text that each is known to be joined with: hashes rise with their places.
    least = np.arange(len(hashes))
    while pairs:
        before = least.copy()
        for one, other in pairs:
            check()
            smaller = np.minimum(least[one], least[other])
            np.minimum.at(least, one, smaller)
            np.minimum.at(least, other, smaller)
            # The heads of both, too, so that what they head follows at once.
            np.minimum.at(least, before[one], smaller)
            np.minimum.at(least, before[other], smaller)
        least = least[least]
        if (least == before).all():
            break
    part = (hashes[least] % np.uint64(folds)).astype(np.uint8)
    return [part[fields[0]] for fields in of_rows]
