"""Whether two tokenizers have one list of pieces: what a teacher says of words needs that."""

from typing import Any

_SHOWN = 10


def other_pieces(ours: Any, theirs: Any) -> str:
    """The first ten ids whose pieces differ, in words; empty where the lists are the same.

    Args:
        ours: A tokenizer, with `vocabulary`.
        theirs: Another.
    """
    return other_lists(list(ours.vocabulary), list(theirs.vocabulary))


def other_lists(one: list[str], other: list[str]) -> str:
    """The same of two lists of pieces."""
    if one == other:
        return ""
    length = max(len(one), len(other))
    differing = [
        place
        for place in range(length)
        if place >= len(one) or place >= len(other) or one[place] != other[place]
    ]
    shown = ", ".join(
        f"{place} is {_piece(one, place)} and {_piece(other, place)}"
        for place in differing[:_SHOWN]
    )
    more = len(differing) - _SHOWN
    said = f"{len(differing):,} of {length:,} pieces differ: {shown}"
    return said + (f", and {more:,} more" if more > 0 else "")


def _piece(pieces: list[str], place: int) -> str:
    return repr(pieces[place]) if place < len(pieces) else "none"
