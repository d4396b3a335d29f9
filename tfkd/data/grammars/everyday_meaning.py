"""What a sentence of the corpus `everyday` says, before any language does; drawn by Zipf's law."""

import bisect
import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from tfkd.data.grammars.everyday_lexicon import (
    VARIETIES,
    Adjective,
    Choice,
    Lexicon,
    Noun,
    Verb,
    lexicon,
    listed,
)

Item = TypeVar("Item")
_BRITISH, _FORMAL = 0.6, 0.4  # where nothing in the sentence tells
_TOLD, _TONE = 0.97, 0.85  # how sure a town is of its variety, and a word of its register


@dataclass(frozen=True)
class Name:
    """A person with a name: he or she."""

    name: str
    pronoun: str


@dataclass(frozen=True)
class Pronoun:
    """Who was spoken of before."""

    of: "Name | Phrase"


@dataclass(frozen=True)
class Phrase:
    """A noun with what belongs to it; `determiner` is der, ein, mein, dies or none."""

    noun: Noun
    determiner: str = "der"
    plural: bool = False
    adjective: Adjective | None = None


@dataclass(frozen=True)
class Clause:
    """Who does what, when and where.

    Attributes:
        subject: Who.
        verb: What; None where an adjective is said of the subject.
        object: To what.
        past: Whether it is over.
        modal: One of the lexicon's modals.
        denied: Whether it is denied (`kein`).
        time: German and English.
        early: Whether German begins with the time.
        place: German preposition, noun, English preposition.
        town: German, English and the variety it draws.
        predicate: A degree, or none, and an adjective.
    """

    subject: Name | Pronoun | Phrase
    verb: Verb | None
    object: Phrase | None = None
    past: bool = False
    modal: tuple[str, str, Choice] | None = None
    denied: bool = False
    time: tuple[str, Choice] | None = None
    early: bool = False
    place: tuple[str, Phrase, Choice] | None = None
    town: tuple[str, str, str] | None = None
    predicate: tuple[tuple[str, Choice] | None, Adjective] | None = None


@dataclass(frozen=True)
class Meaning:
    """A sentence: a clause; two with a conjunction; or one that somebody says, in a few words.

    Attributes:
        clause: The main clause.
        second: The subordinate one.
        conjunction: What joins the two; German and English.
        saying: A verb of saying, whose subject is the main clause's.
    """

    clause: Clause
    second: Clause | None = None
    conjunction: tuple[str, Choice] | None = None
    saying: tuple[str, str, Choice] | None = None

    def varieties(self) -> list[float]:
        """p(z | meaning), in the order of `VARIETIES`."""
        british, formal = _BRITISH, _FORMAL
        names = []
        for clause in filter(None, (self.clause, self.second)):
            for phrase in (clause.subject, clause.object, clause.place and clause.place[1]):
                if isinstance(phrase, Phrase):
                    names.append(phrase.noun.german)
            if clause.town and clause.town[2] in "ba":
                british = _TOLD if clause.town[2] == "b" else 1 - _TOLD
        if any(name in listed("formal") for name in names):
            formal = _TONE
        elif any(name in listed("plain") for name in names):
            formal = 1 - _TONE
        return [
            (british if country == "b" else 1 - british) * (formal if tone == "f" else 1 - formal)
            for country, tone in VARIETIES
        ]


class MeaningDraw:
    """Draws a meaning from a stream of uniform numbers, taken in order."""

    def __init__(self, numbers: Iterator[float]):
        self._numbers = numbers
        self._words: Lexicon = lexicon()

    def meaning(self) -> Meaning:
        kind = next(self._numbers)
        if kind < 0.62:
            return Meaning(self._clause(town=True))
        if kind < 0.88:
            first = self._clause(timed=False)
            about = first.subject if self._chance(0.5) else None
            second = self._clause(about=Pronoun(about) if about else None, timed=False)
            conjunction = self._zipf(self._words.conjunctions, 0.5)
            return Meaning(first, replace(second, past=first.past, modal=None), conjunction)
        saying = self._zipf(self._words.saying, 0.5)
        return Meaning(Clause(self._person(), None), self._clause(), saying=saying)

    def _clause(
        self, about: Pronoun | None = None, timed: bool = True, town: bool = False
    ) -> Clause:
        subject = about or self._person()
        past = self._chance(0.4)
        kind = next(self._numbers)
        time = None
        if timed and self._chance(0.4):
            time = self._zipf(self._words.times["past" if past else "present"], 0.6)
        clause = Clause(subject, None, past=past, time=time, early=self._chance(0.5))
        if kind < 0.15:
            degree = self._zipf(self._words.degrees, 1.0) if self._chance(0.6) else None
            adjective = self._words.adjectives[self._zipf(listed("of_people"), 0.9)]
            return replace(clause, predicate=(degree, adjective))
        modal = None if past or not self._chance(0.25) else self._zipf(self._words.modals, 0.5)
        where = next(self._numbers)
        place = self._place() if where < (0.6 if kind < 0.35 else 0.2) else None
        found = None
        if town and place is None and self._chance(0.35):
            found = self._zipf(self._words.towns, 1.0)
        clause = replace(clause, modal=modal, place=place, town=found)
        if kind < 0.35:
            return replace(clause, verb=self._zipf(self._words.intransitive, 1.0))
        verb = self._zipf(self._words.verbs, 0.9)
        thing = self._words.things[self._zipf(tuple(verb.objects), 1.0)]
        denied = modal is None and self._chance(0.1)
        return replace(clause, verb=verb, object=self._object(thing, denied), denied=denied)

    def _person(self) -> Name | Phrase:
        if self._chance(0.4):
            names = listed("names")
            place = self._zipf(range(len(names)), 1.0)
            return Name(names[place], "he" if place % 2 else "she")
        noun = self._zipf(self._words.people, 1.0)
        adjective = None
        if self._chance(0.25):
            name = self._zipf(listed("of_people"), 0.9)
            adjective = self._words.adjectives[name]
        determiner = self._one(("der", "der", "der", "ein", "mein", "dies"))
        return Phrase(noun, determiner, self._chance(0.2) and determiner != "ein", adjective)

    def _object(self, noun: Noun, denied: bool) -> Phrase:
        adjective = None
        if self._chance(0.4):
            own = [one for one in self._words.adjectives.values() if noun.german in one.beside]
            if noun.german not in listed("abstract") and (not own or self._chance(0.4)):
                own = [self._words.adjectives[name] for name in listed("of_things")]
            adjective = self._zipf(own, 0.6) if own else None
        if denied:
            return Phrase(noun, "kein", not noun.counted, adjective)
        if not noun.counted:
            return Phrase(noun, self._one(("", "", "der", "mein")), noun.gender == "p", adjective)
        plural = self._chance(0.25)
        kinds = ("der", "mein", "", "dies") if plural else ("der", "der", "ein", "ein", "mein")
        return Phrase(noun, self._one(kinds), plural, adjective)

    def _place(self) -> tuple[str, Phrase, Choice]:
        german, noun, english = self._zipf(self._words.places, 1.0)
        return german, Phrase(noun, self._one(("der", "der", "der", "ein", "dies"))), english

    def _chance(self, probability: float) -> bool:
        return next(self._numbers) < probability

    def _one(self, items: Sequence[Item]) -> Item:
        return items[int(next(self._numbers) * len(items))]

    def _zipf(self, items: Sequence[Item], power: float) -> Item:
        """Draws items with probabilities in proportion to 1 / rank^power."""
        sums = _zipf_sums(len(items), power)
        number = next(self._numbers) * sums[-1]
        return items[bisect.bisect_right(sums, number)]


@functools.cache
def _zipf_sums(count: int, power: float) -> list[float]:
    return list(itertools.accumulate((rank + 1) ** -power for rank in range(count)))
