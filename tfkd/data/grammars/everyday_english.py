"""English for what a sentence of the corpus `everyday` means: many ways, chosen word by word."""

import re
from collections.abc import Callable

from tfkd.data.grammars.everyday_lexicon import Choice, choice, paired
from tfkd.data.grammars.everyday_meaning import Clause, Meaning, Name, Phrase, Pronoun

Pick = Callable[[Choice], str]
_DETERMINERS = {"der": "the", "mein": "my", "": ""}
_THIS = {False: "this", True: "these"}
_NOT = choice("not:8@f n't:8@p")
# Where a time stands: at the end, or in front.
_WHERE = choice("end:7 front:3")
_BARE_MODALS = frozenset(("can", "should", "must", "may", "ought to"))
_THAT = choice("that:7@f none:5@p")


def in_english(meaning: Meaning, pick: Pick) -> str:
    """The sentence; `pick` takes one of a choice's words, each time that there are several.

    Two sequences of picks never give the same sentence.
    """
    main = meaning.clause
    if meaning.saying:
        verb = inflected(pick(meaning.saying[2]), _plural(main.subject), False)
        that = pick(_THAT)
        said = f"{_subject(main.subject, pick)} {verb}{' that' if that == 'that' else ''}"
        text = f"{said} {_clause(meaning.second, pick, alone=False)}"
    else:
        text = _clause(main, pick, alone=True)
        if meaning.second:
            joined = pick(meaning.conjunction[1])
            text += f" {joined} {_clause(meaning.second, pick, alone=False)}"
    text = re.sub(r"\ba (?=[aeiouAEIOU]|hono?u?r|honest)", "an ", text)
    return text[0].upper() + text[1:] + "."


def _clause(clause: Clause, pick: Pick, alone: bool) -> str:
    subject = _subject(clause.subject, pick)
    plural = _plural(clause.subject)
    words = [subject, *_verb(clause, plural, pick)]
    if clause.object:
        words.append(_phrase(clause.object, pick))
    if clause.predicate:
        degree, adjective = clause.predicate
        words += [pick(degree[1])] if degree else []
        words.append(pick(adjective.english))
    if clause.place:
        where, place = clause.place[2], clause.place[1]
        words += [pick(where), _phrase(place, pick)]
    if clause.town:
        words.append(f"in {clause.town[1]}")
    if clause.time:
        time = pick(clause.time[1])
        if alone and pick(_WHERE) == "front":
            words.insert(0, f"{time},")
        else:
            words.append(time)
    return " ".join(word for word in words if word)


def _plural(subject: Name | Pronoun | Phrase) -> bool:
    if isinstance(subject, Pronoun):
        subject = subject.of
    return isinstance(subject, Phrase) and subject.plural


def _subject(subject: Name | Pronoun | Phrase, pick: Pick) -> str:
    if isinstance(subject, Name):
        return subject.name
    if isinstance(subject, Phrase):
        return _phrase(subject, pick)
    if _plural(subject):
        return "they"
    return subject.of.pronoun if isinstance(subject.of, Name) else subject.of.noun.pronoun


def _phrase(said: Phrase, pick: Pick) -> str:
    noun, plural = said.noun, said.plural or said.noun.gender == "p"
    words = []
    if said.determiner == "dies":
        words.append(_THIS[plural and noun.counted])
    elif said.determiner == "ein" and noun.counted:
        words.append("a")
    elif said.determiner == "kein":
        words.append("a" if noun.counted else "any")
    else:
        words.append(_DETERMINERS.get(said.determiner, ""))
    if said.adjective:
        words.append(pick(said.adjective.of(noun.german)))
    english = pick(noun.english)
    words.append(pluralised(english) if said.plural and noun.counted else english)
    return " ".join(word for word in words if word)


def _verb(clause: Clause, plural: bool, pick: Pick) -> list[str]:
    if clause.verb is None:
        return [inflected("be", plural, clause.past)]
    choices = clause.verb.english
    if clause.object:
        choices = clause.verb.objects[clause.object.noun.german]
    verb = pick(choices)
    if clause.modal:
        modal = pick(clause.modal[2])
        said = modal if modal in _BARE_MODALS else inflected(modal, plural, False)
        return [said, verb]
    if clause.denied:
        auxiliary = "did" if clause.past else "do" if plural else "does"
        return [f"{auxiliary} not" if pick(_NOT) == "not" else f"{auxiliary}n't", verb]
    return [inflected(verb, plural, clause.past)]


def inflected(verb: str, plural: bool, past: bool) -> str:
    """A verb's form: `pick up` -> `picks up`, `picked up`; plural: the subject's."""
    base, space, rest = verb.partition(" ")
    if base == "be":
        form = ("were" if plural else "was") if past else ("are" if plural else "is")
    elif past:
        form = paired("past").get(base) or _with(base, "ed")
    elif plural:
        form = base
    else:
        form = "has" if base == "have" else _with(base, "s")
    return form + space + rest


def pluralised(noun: str) -> str:
    """A noun's plural, of its last word: `cell phone` -> `cell phones`."""
    found = paired("plurals").get(noun)
    return found or _with(noun, "s")


def _with(word: str, ending: str) -> str:
    """The word with `s` or `ed`, spelt as English spells it."""
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "i" + ("es" if ending == "s" else "ed")
    if ending == "ed":
        return word + ("d" if word.endswith("e") else "ed")
    return word + ("es" if word.endswith(("s", "sh", "ch", "x", "z", "o")) else "s")
