"""The corpus `everyday`'s tables of words, read: what each is in German, and what English may say.

A choice of English words is a distribution over them for each variety of English. A row's variety
is not told by the German; the words of one sentence share it.
"""

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import numpy as np
import yaml

# British or American, plain or formal.
VARIETIES = tuple(itertools.product("ba", "pf"))
# How much rarer a word is where its mark is not the variety's.
_ELSEWHERE = {"b": 0.02, "a": 0.02, "p": 0.12, "f": 0.12}


@dataclass(frozen=True, eq=False)
class Choice:
    """What English may say for one thing.

    Attributes:
        words: The ways to say it, `[n]`.
        shares: How probable each is in each variety, `[n, varieties]`; columns add up to 1.
    """

    words: tuple[str, ...]
    shares: np.ndarray
    _sums: list[list[float]] = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "_sums", np.cumsum(self.shares, axis=0).T.tolist())

    def draw(self, number: float, variety: int) -> int:
        """The place of the word that a uniform number draws."""
        for index, least in enumerate(self._sums[variety]):
            if number < least:
                return index
        return len(self.words) - 1


@functools.cache
def choice(text: str) -> Choice:
    """Reads `word[:weight][@marks] ...`, with `_` for spaces and `|` between words alike."""
    words, weights = [], []
    for option in text.replace("|", " ").split():
        option, *marks = option.split("@")
        word, _, weight = option.partition(":")
        row = [float(weight or 5)] * len(VARIETIES)
        for index, variety in enumerate(VARIETIES):
            for mark in marks:
                if mark not in variety:
                    row[index] *= _ELSEWHERE[mark]
        words.append(word.replace("_", " "))
        weights.append(row)
    shares = np.array(weights)
    return Choice(tuple(words), shares / shares.sum(axis=0))


@dataclass(frozen=True)
class Noun:
    """A noun: German forms and gender (m, f, n; p: plural only), and its English words.

    `plural` is empty where German or English counts none of it.
    """

    german: str
    plural: str
    gender: str
    english: Choice
    oblique: str = ""
    pronoun: str = "it"

    @property
    def counted(self) -> bool:
        return bool(self.plural)


@dataclass(frozen=True)
class Verb:
    """A verb: infinitive, third person, participle and prefix of the German; its English words,
    and its objects' names with what it is called beside each (most frequent first)."""

    infinitive: str
    third: str
    participle: str
    auxiliary: str
    prefix: str
    english: Choice
    objects: Mapping[str, Choice] = field(default_factory=dict)

    @property
    def plural(self) -> str:
        """The finite plural, which is the infinitive less its prefix."""
        return self.infinitive.removeprefix(self.prefix)


@dataclass(frozen=True)
class Adjective:
    """An adjective: its German stem and the form without ending; its English words, and what it is
    called beside some nouns."""

    stem: str
    bare: str
    english: Choice
    beside: Mapping[str, Choice]

    def of(self, noun: str) -> Choice:
        return self.beside.get(noun, self.english)


@dataclass(frozen=True)
class Lexicon:
    """All tables, read."""

    people: Sequence[Noun]
    things: Mapping[str, Noun]
    places: Sequence[tuple[str, Noun, Choice]]
    towns: Sequence[tuple[str, str, str]]
    verbs: Sequence[Verb]
    intransitive: Sequence[Verb]
    adjectives: Mapping[str, Adjective]
    modals: Sequence[tuple[str, str, Choice]]
    saying: Sequence[tuple[str, str, Choice]]
    times: Mapping[str, Sequence[tuple[str, Choice]]]
    conjunctions: Sequence[tuple[str, Choice]]
    degrees: Sequence[tuple[str, Choice]]


@functools.cache
def tables() -> dict[str, Any]:
    """The file of words as it is written: tables, and lists of words."""
    text = resources.files("tfkd.data.grammars").joinpath("everyday_words.yaml").read_text("utf-8")
    return yaml.safe_load(text)


@functools.cache
def listed(name: str) -> tuple[str, ...]:
    """The words of one of the file's lists."""
    return tuple(tables()[name].split())


@functools.cache
def paired(name: str) -> dict[str, str]:
    """One of the file's lists of `word=form`, by word; `_` for blanks."""
    return dict(pair.replace("_", " ").split("=") for pair in listed(name))


@functools.cache
def lexicon() -> Lexicon:
    """The corpus's words."""
    people = tuple(_person(line.split()) for line in _lines("people"))
    things = {}
    for line in _lines("things"):
        german, plural, gender, *english = line.split()
        things[german] = Noun(german, plural.strip("-"), gender, choice(" ".join(english)))
    for person in people:
        things.setdefault(person.german, person)
    return Lexicon(
        people=people,
        things=things,
        places=tuple(_place(line.split()) for line in _lines("places")),
        towns=tuple(_town(line) for line in _lines("towns")),
        verbs=tuple(_verb(entry) for entry in _entries("verbs")),
        intransitive=tuple(_intransitive(line) for line in _lines("intransitive")),
        adjectives={one.bare: one for one in map(_adjective, _entries("adjectives"))},
        modals=_triples("modals"),
        saying=_triples("saying"),
        times=_times(),
        conjunctions=_pairs("conjunctions"),
        degrees=_pairs("degrees"),
    )


def _person(cells: list[str]) -> Noun:
    german, plural, gender, *english = cells
    # A girl is `she` in English; a child, whom nobody knows, `it`.
    pronoun = {"m": "he", "f": "she", "n": "she" if german == "Mädchen" else "it"}[gender]
    oblique = tables()["weak"].get(german, "")
    return Noun(german, plural, gender, choice(" ".join(english)), oblique, pronoun)


def _place(cells: list[str]) -> tuple[str, Noun, Choice]:
    german, name, plural, gender, where, *english = cells
    return german, Noun(name, plural, gender, choice(" ".join(english))), choice(where)


def _town(line: str) -> tuple[str, str, str]:
    names, country = line.split()
    german, english = names.replace("_", " ").split("=")
    return german, english, country


def _lines(table: str) -> list[str]:
    """A table's entries, which go on in lines that are set in."""
    return tables()[table].replace("\n  ", " ").splitlines()


def _entries(table: str) -> list[list[str]]:
    """Entries, each split at its bars."""
    return [entry.split(" | ") for entry in _lines(table)]


def _verb(sections: list[str]) -> Verb:
    infinitive, third, participle, auxiliary, prefix, *english = sections[0].split()
    own = choice(" ".join(english))
    objects = {}
    for section in sections[1:]:
        noun, *words = section.split()
        objects[noun] = own if words == ["="] else choice(" ".join(words))
    prefix = prefix.strip("-")
    return Verb(infinitive, third, participle, auxiliary, prefix, own, objects)


def _intransitive(line: str) -> Verb:
    infinitive, third, participle, auxiliary, *english = line.split()
    prefix = paired("prefixes").get(infinitive, "")
    return Verb(infinitive, third, participle, auxiliary, prefix, choice(" ".join(english)))


def _adjective(sections: list[str]) -> Adjective:
    stem, bare, *english = sections[0].split()
    beside = {}
    for section in sections[1:]:
        noun, *words = section.split()
        beside[noun] = choice(" ".join(words))
    return Adjective(stem, bare, choice(" ".join(english)), beside)


def _triples(table: str) -> tuple[tuple[str, str, Choice], ...]:
    cells = [line.split() for line in _lines(table)]
    return tuple((first, third, choice(" ".join(words))) for first, third, *words in cells)


def _pairs(table: str) -> tuple[tuple[str, Choice], ...]:
    cells = [line.split() for line in _lines(table)]
    return tuple((german, choice(" ".join(words))) for german, *words in cells)


def _times() -> dict[str, list[tuple[str, Choice]]]:
    found: dict[str, list[tuple[str, Choice]]] = {"present": [], "past": []}
    for line in _lines("times"):
        german, tenses, *words = line.split()
        for tense in found:
            if tense in tenses.replace("any", "present|past").split("|"):
                found[tense].append((german.replace("_", " "), choice(" ".join(words))))
    return found
