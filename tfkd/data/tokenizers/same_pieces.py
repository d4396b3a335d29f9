"""Whether two tokenizers have one list of pieces, or cut text alike into those that one of them
keeps: what a teacher says of words needs that."""

import itertools
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


def cut_otherwise(kept: Any, whole: Any) -> str:
    """How a tokenizer of some of another's pieces cuts text otherwise than that one cuts text of
    these pieces, in words; empty where it does not.

    Args:
        kept: The tokenizer.
        whole: The other, of the same kind.
    """
    for name in ("lower_case", "strip_accents"):
        if (one := getattr(kept, name, None)) != (other := getattr(whole, name, None)):
            return f"{name} is {one} and {other}"
    if hasattr(whole, "cutting"):
        return _scored_otherwise(kept, whole)
    rules = (getattr(one, "rules", None) for one in (kept, whole))
    for name, (one, other) in _named(*rules).items():
        if one != other:
            return f"{name} is {one!r} and {other!r}"
    pieces, ours = {*kept.vocabulary}, list(getattr(kept, "merges", ()))
    theirs = [pair for pair in getattr(whole, "merges", ()) if "".join(pair) in pieces]
    for number, (one, other) in enumerate(itertools.zip_longest(ours, theirs), 1):
        if one != other:
            said = (repr(" ".join(pair)) if pair else "none" for pair in (one, other))
            return f"of the merges of these pieces number {number} is {' and '.join(said)}"
    return ""


def _scored_otherwise(kept: Any, whole: Any) -> str:
    (ours, scores), (theirs, others) = kept.cutting(), whole.cutting()
    for name, one in ours.items():
        if one != theirs[name]:
            return f"{name} is {one} and {theirs[name]}"
    for piece, (kind, score) in scores.items():
        if others.get(piece) != (kind, score):
            said = others.get(piece, ("none", "none"))[1]
            return f"the score of {piece!r} is {score:g} and {said}"
    return ""


def _named(kept: Any, whole: Any) -> dict[str, tuple[Any, Any]]:
    """The rules of two, but for the special pieces that no text is cut into."""
    names = () if kept is None else kept._fields
    return {name: (getattr(kept, name), getattr(whole, name)) for name in names[:-1]}


def _piece(pieces: list[str], place: int) -> str:
    return repr(pieces[place]) if place < len(pieces) else "none"
