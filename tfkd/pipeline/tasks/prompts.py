"""Prompts from a corpus: the first half of a line, and what follows it there."""

from typing import Any

_FIELDS = ("text", "source")
_CANDIDATES = 4


def halves(line: str) -> tuple[str, str]:
    """The first half of a line's words, of an odd number the larger, and the rest with its space;
    of a line without spaces the characters count."""
    words = line.split()
    if len(words) < 2:
        middle = (len(line) + 1) // 2
        return line[:middle], line[middle:]
    place = 0
    for word in words[: (len(words) + 1) // 2]:
        place = line.index(word, place) + len(word)
    return line[:place], line[place:]


def prompts_of(text: Any, most: int) -> list[tuple[str, str]]:
    """Prompts with what follows them, of at most so many of a corpus's lines, evenly spaced; lines
    of fewer than two characters are left out.

    Args:
        text: A text corpus with a field `text`, or `source`.
        most: How many.
    """
    field = next(name for name in _FIELDS if name in text.fields)
    # Text like WikiText's has more empty lines than others.
    step = max(1, len(text) // (_CANDIDATES * most))
    found = [halves(text.line(field, row)) for row in range(0, len(text), step)]
    found = [(prompt, rest) for prompt, rest in found if rest.strip()]
    return found[:: max(1, -(-len(found) // most))]
