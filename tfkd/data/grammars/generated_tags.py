"""Tagged rows that the package makes itself: sentences with the part of speech of each word."""

import re
from collections.abc import Iterator

from tfkd.data.grammars import generated_words as known
from tfkd.data.grammars.generated import german_english

REVISION = 1  # to be raised when a row of any seed changes


def _tags() -> dict[str, str]:
    tags = dict.fromkeys(".,?", "MARK")
    for noun in (*known.CLASSES["any"], *(place for _, place, _ in known.PLACES)):
        tags |= dict.fromkeys((noun.english, noun.english_plural), "NOUN")
    for verb in (*known.TRANSITIVE, *known.DITRANSITIVE, *known.INTRANSITIVE):
        tags |= dict.fromkeys((verb.english, verb.english_third, verb.english_past), "VERB")
    adjectives = known.ADJECTIVES + known.THING_ADJECTIVES
    return tags | {english: "ADJECTIVE" for *_, english in adjectives}


def tagged(rows: int, seed: int) -> Iterator[tuple[str, str]]:
    """English sentences of the grammar, whose tables of words tell the parts of speech.

    Args:
        rows: How many. Fewer rows of a seed are the first of more.
        seed: Any integer.

    Yields:
        Words and marks with spaces between, and as many of NOUN, VERB, ADJECTIVE, MARK and OTHER.
    """
    tags = _tags()
    for _, english in german_english(rows, seed):
        words = re.findall(r"\w+|[.,?]", english)
        yield " ".join(words), " ".join(tags.get(word.lower(), "OTHER") for word in words)
