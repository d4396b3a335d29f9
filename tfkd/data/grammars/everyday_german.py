"""German for what a sentence of the corpus `everyday` means: one way to say each."""

from tfkd.data.grammars.everyday_meaning import Clause, Meaning, Name, Phrase, Pronoun
from tfkd.data.grammars.generated_phrases import CONTRACTED, DEFINITE, PRONOUNS, STRONG

_AT = {"nominative": 0, "accusative": 1, "dative": 2}


def in_german(meaning: Meaning) -> str:
    """The sentence: the verb second, and last in a subordinate clause."""
    main = meaning.clause
    if meaning.saying:
        third, plural = meaning.saying[1], meaning.saying[0]
        verb = plural if _plural(main.subject) else third
        text = f"{_subject(main.subject)} {verb}, {_subordinate(meaning.second, 'dass')}"
    elif meaning.second:
        text = f"{_main(main)}, {_subordinate(meaning.second, meaning.conjunction[0])}"
    else:
        text = _main(main)
    return text[0].upper() + text[1:] + "."


def _main(clause: Clause) -> str:
    finite, end = _verb(clause)
    subject = _subject(clause.subject)
    if clause.time and clause.early:
        first = [clause.time[0], finite, subject]
    else:
        first = [subject, finite] + ([clause.time[0]] if clause.time else [])
    return " ".join([*first, *_middle(clause), *end])


def _subordinate(clause: Clause, opening: str) -> str:
    finite, end = _verb(clause)
    if clause.verb and end == [clause.verb.prefix]:
        finite, end = clause.verb.prefix + finite, []
    time = [clause.time[0]] if clause.time else []
    words = [opening, _subject(clause.subject), *time, *_middle(clause), *end, finite]
    return " ".join(words)


def _plural(subject: Name | Pronoun | Phrase) -> bool:
    if isinstance(subject, Pronoun):
        subject = subject.of
    return isinstance(subject, Phrase) and subject.plural


def _subject(subject: Name | Pronoun | Phrase) -> str:
    if isinstance(subject, Name):
        return subject.name
    if isinstance(subject, Phrase):
        return phrase(subject, "nominative")
    if isinstance(subject.of, Name):
        return {"he": "er", "she": "sie"}[subject.of.pronoun]
    return PRONOUNS["p" if subject.of.plural else subject.of.noun.gender]


def _verb(clause: Clause) -> tuple[str, list[str]]:
    """The finite verb, and what closes the clause."""
    plural = _plural(clause.subject)
    if clause.verb is None:
        return (("waren" if plural else "war") if clause.past else "sind" if plural else "ist"), []
    verb = clause.verb
    if clause.modal:
        return clause.modal[0] if plural else clause.modal[1], [verb.infinitive]
    if not clause.past:
        return verb.plural if plural else verb.third, [verb.prefix] if verb.prefix else []
    forms = {"sein": ("ist", "sind"), "haben": ("hat", "haben")}[verb.auxiliary]
    return forms[plural], [verb.prefix + verb.participle]


def _middle(clause: Clause) -> list[str]:
    words = []
    if clause.object:
        words.append(phrase(clause.object, "accusative"))
    if clause.place:
        place = f"{clause.place[0]} {phrase(clause.place[1], 'dative')}"
        for long, short in CONTRACTED.items():
            place = short + place.removeprefix(long) if place.startswith(long) else place
        words.append(place)
    if clause.town:
        words.append(f"in {clause.town[0]}")
    if clause.predicate:
        degree, adjective = clause.predicate
        words += [degree[0], adjective.bare] if degree else [adjective.bare]
    return words


def phrase(said: Phrase, case: str) -> str:
    """A noun phrase in a case: nominative, accusative or dative."""
    at = _AT[case]
    noun, plural = said.noun, said.plural
    gender = "p" if plural or noun.gender == "p" else noun.gender
    determiner, shown = _determiner(said.determiner, gender, at)
    words = [determiner] if determiner else []
    if said.adjective:
        words.append(said.adjective.stem + _ending(gender, at, said.determiner, shown))
    words.append(_noun(said, at))
    return " ".join(words)


def _determiner(name: str, gender: str, at: int) -> tuple[str, bool]:
    """The word, and whether it shows gender and case (else the adjective must)."""
    if not name or (name == "ein" and gender == "p"):
        return "", False
    if name == "der":
        return DEFINITE[gender][at], True
    bare = (gender in "mn" and at == 0) or (gender == "n" and at == 1)
    if bare and name != "dies":
        return name, False
    return name + STRONG[gender][at], True


def _ending(gender: str, at: int, determiner: str, shown: bool) -> str:
    if not shown:
        return STRONG[gender][at]
    weak = gender != "p" and (at == 0 or (at == 1 and gender != "m"))
    return "e" if weak else "en"


def _noun(said: Phrase, at: int) -> str:
    noun = said.noun
    if said.plural and noun.plural:
        ends = noun.plural.endswith(("n", "s"))
        return noun.plural + "n" if at == 2 and not ends else noun.plural
    return noun.oblique if noun.oblique and at else noun.german
