"""Noun phrases and clauses in two languages: agreement, case, the place of the verb."""

from dataclasses import dataclass

from tfkd.data.grammars.generated_words import Noun, Verb

CASES = ("nominative", "accusative", "dative")
# The endings of `dies-` by gender (p: plural) and case; `der` and weak adjectives follow from them.
STRONG = {
    "m": ("er", "en", "em"),
    "f": ("e", "e", "er"),
    "n": ("es", "es", "em"),
    "p": ("e", "e", "en"),
}
DEFINITE = {
    "m": ("der", "den", "dem"),
    "f": ("die", "die", "der"),
    "n": ("das", "das", "dem"),
    "p": ("die", "die", "den"),
}
ENGLISH = {"der": "the", "dies": "this", "ein": "a", "mein": "my", "kein": "no", "unser": "our"}
PRONOUNS = {"m": "er", "f": "sie", "n": "es", "p": "sie"}
# `in dem` and `an dem` are one word.
CONTRACTED = {"in dem ": "im ", "an dem ": "am "}


@dataclass(frozen=True)
class Person:
    """A subject that is a pronoun: `ich`, `wir`, or one that stands for a noun."""

    german: str
    english: str
    form: str  # first, third or plural

    def in_german(self, case: str) -> str:
        return self.german

    def in_english(self) -> str:
        return self.english

    def pronoun(self) -> "Person":
        return self


@dataclass(frozen=True)
class Phrase:
    """A noun phrase. `determiner` is der, dies, ein, mein, unser, kein or a number's two words."""

    noun: Noun
    plural: bool
    determiner: str | tuple[str, str]
    adjective: tuple[str, str, str] | None = None
    relative: "Relative | None" = None

    @property
    def form(self) -> str:
        return "plural" if self.plural else "third"

    @property
    def agreement(self) -> str:
        """The gender that determiners and endings follow: all genders share the plural."""
        return "p" if self.plural else self.noun.gender

    def pronoun(self) -> Person:
        english = "they" if self.plural else self.noun.pronoun
        return Person(PRONOUNS[self.agreement], english, self.form)

    def in_german(self, case: str) -> str:
        words = [self._determiner(case)]
        if self.adjective:
            words.append(self.adjective[0] + self._adjective_ending(case))
        words.append(self._noun(case))
        return " ".join(words) + (self.relative.in_german() if self.relative else "")

    def in_english(self) -> str:
        noun = self.noun.english_plural if self.plural else self.noun.english
        words = [self.adjective[2], noun] if self.adjective else [noun]
        if isinstance(self.determiner, tuple):
            words.insert(0, self.determiner[1])
        elif self.determiner == "dies" and self.plural:
            words.insert(0, "these")
        elif self.determiner == "ein":
            words.insert(0, "an" if words[0][0] in "aeiou" else "a")
        else:
            words.insert(0, ENGLISH[self.determiner])
        return " ".join(words) + (self.relative.in_english() if self.relative else "")

    def _determiner(self, case: str) -> str:
        at = CASES.index(case)
        if isinstance(self.determiner, tuple):
            return self.determiner[0]
        if self.determiner == "der":
            return DEFINITE[self.agreement][at]
        bare = self.determiner != "dies" and self.agreement in "mn" and case == "nominative"
        if bare or (self.determiner != "dies" and self.agreement == "n" and case == "accusative"):
            return self.determiner
        return self.determiner + STRONG[self.agreement][at]

    def _adjective_ending(self, case: str) -> str:
        at = CASES.index(case)
        if isinstance(self.determiner, tuple):
            return STRONG[self.agreement][at]
        shown = self.determiner in ("der", "dies") or self._determiner(case) != self.determiner
        if not shown:
            # `ein` without an ending leaves it to the adjective: ein großer Hund, ein kleines Haus.
            return STRONG[self.agreement][at]
        singular = self.agreement != "p" and (
            case == "nominative" or (case == "accusative" and self.agreement != "m")
        )
        return "e" if singular else "en"

    def _noun(self, case: str) -> str:
        if not self.plural:
            return (
                self.noun.oblique
                if self.noun.oblique and case != "nominative"
                else self.noun.german
            )
        plural = self.noun.plural
        return plural + "n" if case == "dative" and not plural.endswith(("n", "s")) else plural


@dataclass(frozen=True)
class Clause:
    """A subject, a verb and what goes with it.

    Attributes:
        subject: Who.
        verb: Does; None for `sein` with `predicate`.
        objects: (case, phrase) in German order.
        tense: present, past, or one of `MODALS`.
        time: German and English, or None.
        place: German preposition, phrase, English preposition, or None.
        predicate: An adjective.
    """

    subject: Person | Phrase
    verb: Verb | None
    objects: tuple[tuple[str, Phrase], ...] = ()
    tense: str | tuple[str, ...] = "present"
    time: tuple[str, str] | None = None
    place: tuple[str, Phrase, str] | None = None
    predicate: tuple[str, str, str] | None = None

    def german_main(self, front: str | None = None) -> str:
        """The verb second, after `front` or the subject."""
        finite, end = self._german_verb()
        subject = self.subject.in_german("nominative")
        first = [subject, finite] if front is None else [front, finite, subject]
        return " ".join([*first, *self._middle(timed=front != self._time_word()), *end])

    def german_question(self) -> str:
        """The verb first."""
        finite, end = self._german_verb()
        subject = self.subject.in_german("nominative")
        return " ".join([finite, subject, *self._middle(), *end])

    def german_subordinate(self, opening: str, subject: bool = True) -> str:
        """The verb last; a separable prefix joins it again."""
        finite, end = self._german_verb()
        if end and self.verb and end[-1] == self.verb.prefix:
            finite, end = end[-1] + finite, end[:-1]
        said = [self.subject.in_german("nominative")] if subject else []
        return " ".join([opening, *said, *self._middle(), *end, finite])

    def english_main(self, subject: bool = True, timed: bool = True) -> str:
        form = self.subject.form
        said = [self.subject.in_english()] if subject else []
        return " ".join([*said, self._english_verb(form), *self._english_rest(timed)])

    def english_question(self) -> str:
        subject, form = self.subject.in_english(), self.subject.form
        if self.verb is None:
            return " ".join([self._english_verb(form), subject, *self._english_rest()])
        if isinstance(self.tense, tuple):
            auxiliary, base = self.tense[3], self.verb.english
            if self.tense[5]:
                auxiliary, base = "does" if form == "third" else "do", f"want to {base}"
        else:
            auxiliary = "did" if self.tense == "past" else "does" if form == "third" else "do"
            base = self.verb.english
        return " ".join([auxiliary, subject, base, *self._english_rest()])

    def _time_word(self) -> str | None:
        return self.time[0] if self.time else None

    def _german_verb(self) -> tuple[str, list[str]]:
        """The finite verb, and what closes the clause."""
        at = ("first", "third", "plural").index(self.subject.form)
        if self.verb is None:
            forms = ("war", "war", "waren") if self.tense == "past" else ("bin", "ist", "sind")
            return forms[at], []
        verb = self.verb
        if self.tense == "present":
            finite = (verb.first, verb.third, verb.infinitive)[at]
            return finite, [verb.prefix] if verb.prefix else []
        if self.tense == "past":
            forms = (
                ("bin", "ist", "sind") if verb.perfect_with == "sein" else ("habe", "hat", "haben")
            )
            return forms[at], [verb.prefix + verb.participle]
        return self.tense[at], [verb.prefix + verb.infinitive]

    def _middle(self, timed: bool = True) -> list[str]:
        words = [self.time[0]] if self.time and timed else []
        words += [phrase.in_german(case) for case, phrase in self.objects]
        if self.place:
            place = f"{self.place[0]} {self.place[1].in_german('dative')}"
            for long, short in CONTRACTED.items():
                place = short + place.removeprefix(long) if place.startswith(long) else place
            words.append(place)
        return [*words, self.predicate[1]] if self.predicate else words

    def _english_verb(self, form: str) -> str:
        if self.verb is None:
            if self.tense == "past":
                return "were" if form == "plural" else "was"
            return {"first": "am", "third": "is", "plural": "are"}[form]
        if self.tense == "present":
            return self.verb.english_third if form == "third" else self.verb.english
        if self.tense == "past":
            return self.verb.english_past
        modal = self.tense[4] if form == "third" else self.tense[3]
        return f"{modal} {self.tense[5]}{self.verb.english}"

    def _english_rest(self, timed: bool = True) -> list[str]:
        words = [self.predicate[2]] if self.predicate else []
        words += [phrase.in_english() for _, phrase in self.objects]
        if self.verb and self.verb.particle:
            words.append(self.verb.particle)
        if self.place:
            words.append(f"{self.place[2]} {self.place[1].in_english()}")
        return [*words, self.time[1]] if self.time and timed else words


@dataclass(frozen=True)
class Relative:
    """A relative clause about its own subject: `, der schläft,` and `who sleeps`."""

    clause: Clause

    def in_german(self) -> str:
        subject = self.clause.subject
        opening = DEFINITE[subject.agreement][0]
        return f", {self.clause.german_subordinate(opening, subject=False)},"

    def in_english(self) -> str:
        human = self.clause.subject.noun.pronoun != "it"
        who = "who" if human or self.clause.subject.noun.english == "child" else "that"
        return f" {who} {self.clause.english_main(subject=False)}"
