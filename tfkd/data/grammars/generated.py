"""A parallel corpus that the package makes itself, for the quick start, --smoke and tests."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from tfkd.data.grammars import generated_words as words
from tfkd.data.grammars.generated_phrases import Clause, Person, Phrase, Relative
from tfkd.data.stateless import bits, keys

REVISION = 1  # to be raised when a row of any seed changes
DRAWS = 96  # random numbers a row has; the longest sentence takes about 60
CHUNK = 4096

Item = TypeVar("Item")
FIRST = (Person("ich", "I", "first"), Person("wir", "we", "plural"))


def german_english(rows: int, seed: int) -> Iterator[tuple[str, str]]:
    """Sentence pairs of a small grammar, each a function of (seed, row) alone.

    Gender, number and case agree; adjectives take their endings; the German verb stands second,
    first in questions and last in subordinate clauses, with participles, infinitives and separable
    prefixes at the end. About 10 words a side; of 50,000 rows 99 % are distinct.

    Args:
        rows: How many. Fewer rows of a seed are the first of more.
        seed: Any integer.

    Yields:
        (German, English).
    """
    for start in range(0, rows, CHUNK):
        numbers = np.arange(start, min(start + CHUNK, rows))
        for row in bits(keys(seed, 0, numbers, "german_english"), DRAWS).tolist():
            german, english = _Sentences(row).sentence()
            yield german[0].upper() + german[1:], english[0].upper() + english[1:]


class _Sentences:
    """Builds one sentence from a row's random numbers, taken in order."""

    def __init__(self, numbers: Sequence[int]):
        self._numbers = iter(numbers)

    def choose(self, items: Sequence[Item]) -> Item:
        return items[next(self._numbers) % len(items)]

    def chance(self, percent: int) -> bool:
        return next(self._numbers) % 100 < percent

    def sentence(self) -> tuple[str, str]:
        kinds = (
            (30, self.statement),
            (20, self.time_first),
            (15, self.reason),
            (12, self.condition),
            (13, self.report),
            (10, self.question),
        )
        number = next(self._numbers) % 100
        for percent, kind in kinds:
            if number < percent:
                return kind()
            number -= percent
        raise AssertionError("The shares of the kinds add up to 100.")

    def statement(self) -> tuple[str, str]:
        clause = self.clause(relative=True)
        return clause.german_main() + ".", clause.english_main() + "."

    def time_first(self) -> tuple[str, str]:
        clause = self.clause(timed=True)
        german, english = clause.time
        return (
            clause.german_main(front=german) + ".",
            f"{english} {clause.english_main(timed=False)}.",
        )

    def reason(self) -> tuple[str, str]:
        first = self.clause()
        german, english = self.choose(words.CONJUNCTIONS)
        # The second clause speaks of the first one's subject: a pronoun of its gender and number.
        second = self.clause(subject=first.subject.pronoun(), tense=_time_of(first))
        return (
            f"{first.german_main()}, {second.german_subordinate(german)}.",
            f"{first.english_main()} {english} {second.english_main()}.",
        )

    def condition(self) -> tuple[str, str]:
        german, english = self.choose(words.CONJUNCTIONS)
        first = self.clause()
        second = self.clause(tense=_time_of(first), untimed=True)
        return (
            second.german_main(front=first.german_subordinate(german) + ",") + ".",
            f"{english} {first.english_main()}, {second.english_main()}.",
        )

    def report(self) -> tuple[str, str]:
        verb = self.choose(words.SAYING)
        subject = self.subject(words.PEOPLE)
        clause = self.clause()
        at = ("first", "third", "plural").index(subject.form)
        english = verb[4] if subject.form == "third" else verb[3]
        german = clause.german_subordinate("dass")
        return (
            f"{subject.in_german('nominative')} {verb[at]}, {german}.",
            f"{subject.in_english()} {english} that {clause.english_main()}.",
        )

    def question(self) -> tuple[str, str]:
        clause = self.clause()
        return clause.german_question() + "?", clause.english_question() + "?"

    def clause(
        self,
        subject: Person | Phrase | None = None,
        tense: str | None = None,
        timed: bool = False,
        untimed: bool = False,
        relative: bool = False,
    ) -> Clause:
        if subject is None:
            subject = self.subject(words.PEOPLE + words.ANIMALS, relative)
        if tense is None:
            tense = self.choose(("present", "present", "past", "past", "modal"))
        elif tense == "present":
            tense = self.choose(("present", "present", "modal"))
        times = words.PAST_TIMES if tense == "past" else words.PRESENT_TIMES
        time = self.choose(times) if timed or (self.chance(20) and not untimed) else None
        kind = next(self._numbers) % 100
        if kind < 12:
            tense = "past" if tense == "past" else "present"
            return Clause(
                subject, None, tense=tense, time=time, predicate=self.choose(words.ADJECTIVES)
            )
        if tense == "modal":
            tense = self.choose(words.MODALS)
        if kind < 32:
            place = self.place() if self.chance(70) else None
            return Clause(subject, self.choose(words.INTRANSITIVE), (), tense, time, place)
        verb = self.choose(words.DITRANSITIVE if kind < 47 else words.TRANSITIVE)
        objects = tuple(
            ("accusative" if case == "a" else "dative", self.phrase(words.CLASSES[group]))
            for case, group in verb.takes
        )
        place = self.place() if len(objects) == 1 and self.chance(25) else None
        return Clause(subject, verb, objects, tense, time, place)

    def subject(self, nouns: Sequence[words.Noun], relative: bool = False) -> Person | Phrase:
        if self.chance(15):
            return self.choose(FIRST)
        phrase = self.phrase(nouns)
        if not relative or not self.chance(30):
            return phrase
        about = self.clause(subject=phrase)
        return Phrase(
            phrase.noun, phrase.plural, phrase.determiner, phrase.adjective, Relative(about)
        )

    def phrase(self, nouns: Sequence[words.Noun]) -> Phrase:
        noun = self.choose(nouns)
        plural = self.chance(30)
        if plural:
            chosen = self.choose(("der", "der", "mein", "dies", "unser", words.NUMBERS))
            determiner = self.choose(chosen) if isinstance(chosen, tuple) else chosen
        else:
            determiner = self.choose(("der", "der", "der", "ein", "ein", "mein", "dies", "kein"))
        living = noun in words.PEOPLE + words.ANIMALS
        adjectives = words.ADJECTIVES if living else words.THING_ADJECTIVES
        return Phrase(
            noun, plural, determiner, self.choose(adjectives) if self.chance(35) else None
        )

    def place(self) -> tuple[str, Phrase, str]:
        german, noun, english = self.choose(words.PLACES)
        determiner = self.choose(("der", "der", "ein", "dies"))
        adjective = self.choose(words.THING_ADJECTIVES[:5]) if self.chance(20) else None
        return german, Phrase(noun, False, determiner, adjective), english


def _time_of(clause: Clause) -> str:
    return "past" if clause.tense == "past" else "present"
