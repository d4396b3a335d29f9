"""Where an output differs from its reference, word by word."""

import re
from difflib import SequenceMatcher

_WORDS = re.compile(r"\w+|[^\w\s]")
# The comparison takes quadratic time; beyond this nobody reads the marks anyway.
_MOST_WORDS = 400


def mark_differences(text: str, reference: str) -> list[tuple[str, str]]:
    """Cuts a text into stretches that its reference has, or has not.

    Args:
        text: The output.
        reference: What it is compared with.

    Returns:
        (kind, stretch): `same`; `other`, words that the reference does not have at this place; and
        `missing`, words of the reference that the output lacks there (they stand between the
        stretches and are no part of the text). Without the missing ones the stretches make up the
        text again.
    """
    ours, theirs = list(_WORDS.finditer(text)), list(_WORDS.finditer(reference))
    if max(len(ours), len(theirs)) > _MOST_WORDS:
        return [("same", text)]
    matcher = SequenceMatcher(
        None, [word[0] for word in ours], [word[0] for word in theirs], autojunk=False
    )
    stretches: list[tuple[str, str]] = []
    done = 0

    def take(kind: str, end: int) -> None:
        nonlocal done
        if end > done:
            stretches.append((kind, text[done:end]))
            done = end

    for step, start, end, their_start, their_end in matcher.get_opcodes():
        if step == "equal":
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
