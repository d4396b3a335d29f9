"""Where an output differs from its reference, word by word."""

import re
from difflib import SequenceMatcher

_WORDS = re.compile(r"\w+|[^\w\s]")
# The comparison takes quadratic time; beyond this nobody reads the marks anyway.
_MOST_WORDS = 400


def mark_differences(text: str, reference: str, beside: str | None = None) -> list[tuple[str, str]]:
    """Cuts a text into stretches that its reference has, or has not.

    Args:
        text: The output.
        reference: What it is compared with.
        beside: Another system's output.

    Returns:
        (kind, stretch): `same`; `won`, words of the reference that the other output lacks there;
        `other`, words that the reference does not have at this place; and `missing`, words of the
        reference that the output lacks there (they stand between the stretches and are no part of
        the text). Without the missing ones the stretches make up the text again.
    """
    ours, theirs = list(_WORDS.finditer(text)), list(_WORDS.finditer(reference))
    if max(len(ours), len(theirs)) > _MOST_WORDS:
        return [("same", text)]
    matcher = _matched(ours, theirs)
    lacked = set() if beside is None else _lacked(beside, theirs)
    stretches: list[tuple[str, str]] = []
    done = 0

    def take(kind: str, end: int) -> None:
        nonlocal done
        if end > done:
            stretches.append((kind, text[done:end]))
            done = end

    for step, start, end, their_start, their_end in matcher.get_opcodes():
        if step == "equal":
            for first, last in _runs([their_start + k in lacked for k in range(end - start)]):
                take("same", ours[start + first].start())
                take("won", ours[start + last].end())
            continue
        here = ours[start].start() if start < len(ours) else len(text)
        take("same", here)
        if step == "delete" or step == "replace":
            take("other", ours[end - 1].end())
        else:
            lacking = reference[theirs[their_start].start() : theirs[their_end - 1].end()]
            stretches.append(("missing", lacking))
    take("same", len(text))
    return stretches


def _matched(ours: list[re.Match], theirs: list[re.Match]) -> SequenceMatcher:
    return SequenceMatcher(
        None, [word[0] for word in ours], [word[0] for word in theirs], autojunk=False
    )


def _lacked(text: str, reference: list[re.Match]) -> set[int]:
    """The places of the reference's words that a text does not have there."""
    words = list(_WORDS.finditer(text))
    if len(words) > _MOST_WORDS:
        return set()
    blocks = _matched(words, reference).get_matching_blocks()
    had = {block.b + place for block in blocks for place in range(block.size)}
    return set(range(len(reference))) - had


def _runs(flags: list[bool]) -> list[tuple[int, int]]:
    """First and last places of the runs of True."""
    starts = [i for i, flag in enumerate(flags) if flag and not (i and flags[i - 1])]
    ends = [i for i, flag in enumerate(flags) if flag and flags[i + 1 : i + 2] != [True]]
    return list(zip(starts, ends, strict=True))
