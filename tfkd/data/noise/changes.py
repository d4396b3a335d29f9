"""What may happen to a text: case, dropped punctuation, joined and split words, typos, tags.

Each change of words takes `draws`, which gives so many uniform numbers on [0, 1), and hits each
word, or gap between words, with probability `rate`; where that hits none, the one with the smallest
number. A text that has nothing to change is given back as it is.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence

import numpy as np

Draws = Callable[[int], np.ndarray]

_WORD = re.compile(r"\S+")
_GAP = re.compile(r"(?<=\S)\s+(?=\S)")
_BEFORE = re.compile(r"\W*")
_SPACES = re.compile(r"(?<=\s)\s+")
# A number's sign, and the mark of decimals that has no digit before it.
_OF_NUMBER = re.compile(r"(?<!\w)[-\u2010-\u2013\uff0d](?=[$€£¥]?[.,]?\d)|(?<![\w.,])[.,](?=\d)")
_TAG = re.compile(r"<([^<>/\s]+)>\Z")
# Of the class of punctuation in Unicode, and yet read as words.
_SAID = frozenset("%&@#*/\\§‰†‡")


def upper(text: str) -> str:
    """All in upper case, as `str.upper` has it."""
    return text.upper()


def title(text: str) -> str:
    """The first letter of each word in upper case, the others as they are."""
    return _WORD.sub(_capital, text)


def _capital(word: re.Match) -> str:
    start = _BEFORE.match(word[0]).end()
    return word[0][:start] + word[0][start : start + 1].upper() + word[0][start + 1 :]


def is_punctuation(character: str) -> bool:
    """Whether a character is a punctuation mark; %, &, @, # and the like are words."""
    return unicodedata.category(character)[0] == "P" and character not in _SAID


def without_punctuation(text: str, *, everywhere: bool = False) -> str:
    """Without the marks at its end; or `everywhere`, but for those within a word, as in don't and
    3.5, and those that begin a number, as in -5 and .5. A text of marks alone stays."""
    if everywhere:
        last, begin = len(text) - 1, {found.start() for found in _OF_NUMBER.finditer(text)}
        kept = [
            one
            for at, one in enumerate(text)
            if not is_punctuation(one)
            or at in begin
            or (0 < at < last and text[at - 1].isalnum() and text[at + 1].isalnum())
        ]
        found = text if len(kept) == len(text) else _SPACES.sub("", "".join(kept)).strip()
    else:
        end = len(text)
        while end and (text[end - 1].isspace() or is_punctuation(text[end - 1])):
            end -= 1
        found = text[:end] if any(map(is_punctuation, text[end:])) else text
    return found if any(map(str.isalnum, found)) else text


def joined(text: str, rate: float, draws: Draws) -> str:
    """Without the white space between some words."""
    gaps = [gap.span() for gap in _GAP.finditer(text)]
    hit = _hit(draws(len(gaps)), rate)
    return _replaced(text, [(*gaps[at], "") for at in hit])


def split(text: str, rate: float, draws: Draws) -> str:
    """With a space between two letters of some words."""
    places = [inner for word in _WORD.finditer(text) if (inner := _pairs(text, *word.span()))]
    numbers = draws(2 * len(places)).reshape(2, -1)
    hit = _hit(numbers[0], rate)
    at = [_one(places[word], numbers[1, word]) for word in hit]
    return _replaced(text, [(place + 1, place + 1, " ") for place in at])


def typos(text: str, rate: float, draws: Draws) -> str:
    """With one mistake of typing in some words of two letters or more: two letters beside each
    other swapped, a letter dropped, doubled, or another one that lies beside it on a keyboard."""
    words = [span for word in _WORD.finditer(text) if _letters(text, *(span := word.span()))[1:]]
    numbers = draws(4 * len(words)).reshape(4, -1)
    found = []
    for at in _hit(numbers[0], rate):
        letters, pairs = _letters(text, *words[at]), _pairs(text, *words[at])
        swapped = [place for place in pairs if text[place] != text[place + 1]]
        beside = [place for place in letters if text[place].lower() in _BESIDE]
        ways = {"drop": letters, "double": letters, "swap": swapped, "other": beside}
        way = _one([name for name, places in ways.items() if places], numbers[1, at])
        place = _one(ways[way], numbers[2, at])
        one, stop = text[place], place + 1
        if way == "swap":
            one, stop = text[place + 1] + one, place + 2
        elif way == "other":
            other = _one(_BESIDE[one.lower()], numbers[3, at])
            one = other.upper() if one.isupper() else other
        else:
            one = one * 2 if way == "double" else ""
        found.append((place, stop, one))
    return _replaced(text, found)


def tagged(text: str, tag: str, *, behind: bool) -> str:
    """With a tag: `<b>` stands around the text, `<b>text</b>`, any other before or behind it."""
    if name := _TAG.match(tag):
        return f"{tag}{text}</{name[1]}>"
    return f"{text} {tag}" if behind else f"{tag} {text}"


def _hit(numbers: np.ndarray, rate: float) -> list[int]:
    """The places of numbers below the rate, at least one."""
    found = np.flatnonzero(numbers < rate)
    return (found if len(found) or not len(numbers) else [np.argmin(numbers)]).copy()


def _one(choices: Sequence, number: float):
    return choices[int(number * len(choices))]


def _letters(text: str, start: int, stop: int) -> list[int]:
    return [place for place in range(start, stop) if text[place].isalpha()]


def _pairs(text: str, start: int, stop: int) -> list[int]:
    """The places of letters that have a letter behind them."""
    return [at for at in range(start, stop - 1) if text[at].isalpha() and text[at + 1].isalpha()]


def _replaced(text: str, changes: Sequence[tuple[int, int, str]]) -> str:
    """The text with what stands from START to STOP replaced, for each (START, STOP, NEW)."""
    parts, done = [], 0
    for start, stop, new in changes:
        parts += [text[done:start], new]
        done = stop
    return "".join([*parts, text[done:]])


def _beside() -> dict[str, str]:
    """The letters that lie beside each on a keyboard of QWERTY."""
    rows = (("qwertyuiop", 0.0), ("asdfghjkl", 0.25), ("zxcvbnm", 0.75))
    places = {
        letter: complex(at + shift, row)
        for row, (letters, shift) in enumerate(rows)
        for at, letter in enumerate(letters)
    }
    return {
        one: "".join(other for other, at in places.items() if 0 < abs(at - place) < 1.3)
        for one, place in places.items()
    }


_BESIDE = _beside()
