"""The generated corpus: a function of (seed, row), varied, and grammatical."""

import functools
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.grammars.generated import german_english
from tfkd.data.grammars.generated_phrases import CASES, Clause, Person, Phrase, Relative
from tfkd.data.grammars.generated_words import DITRANSITIVE, MODALS, PEOPLE, PLACES, TRANSITIVE

NOUNS = {noun.english: noun for noun in PEOPLE}
VERBS = {verb.english: verb for verb in TRANSITIVE + DITRANSITIVE}


@functools.cache
def rows():
    """Two chunks."""
    return tuple(german_english(8000, 1))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(0, 300))
def test_fewer_rows_are_the_first_of_more(seed, count):
    assert list(german_english(count, seed)) == list(german_english(300, seed))[:count]


def test_chunks_do_not_show():
    # Rows are drawn in chunks of 4,096.
    assert rows()[:5000] == tuple(german_english(5000, 1))


def test_varied_and_no_two_seeds_alike():
    assert len(set(rows())) > 7_900
    other = set(german_english(2000, 2))
    assert len(other & set(rows())) < 100
    words = {word.strip(".,?") for german, _ in rows() for word in german.split()}
    assert len(words) > 500


def test_a_sentence_means_one_thing():
    # One translation for each German sentence: a model can learn it whole.
    assert len({german for german, _ in rows()}) == len(set(rows()))


def test_sentences_look_like_sentences():
    for pair in rows():
        for side in pair:
            assert re.fullmatch(r"[A-ZÄÖÜ][A-Za-zÄÖÜäöüß]*(,? [A-Za-zÄÖÜäöüß]+)*[.?]", side), side
            assert len(side.split()) < 45
        assert (pair[0][-1] == "?") == (pair[1][-1] == "?")


def phrase(noun, determiner, plural=False, adjective=("groß", "groß", "big")):
    return Phrase(NOUNS[noun], plural, determiner, adjective)


def test_determiners_and_adjectives_agree():
    """Against the tables of a grammar book."""
    book = {
        ("man", "der"): ["der große Mann", "den großen Mann", "dem großen Mann"],
        ("woman", "der"): ["die große Frau", "die große Frau", "der großen Frau"],
        ("child", "der"): ["das große Kind", "das große Kind", "dem großen Kind"],
        ("man", "ein"): ["ein großer Mann", "einen großen Mann", "einem großen Mann"],
        ("woman", "ein"): ["eine große Frau", "eine große Frau", "einer großen Frau"],
        ("child", "ein"): ["ein großes Kind", "ein großes Kind", "einem großen Kind"],
        ("boy", "dies"): ["dieser große Junge", "diesen großen Jungen", "diesem großen Jungen"],
        ("child", "dies"): ["dieses große Kind", "dieses große Kind", "diesem großen Kind"],
    }
    for (noun, determiner), wanted in book.items():
        assert [phrase(noun, determiner).in_german(case) for case in CASES] == wanted
    plurals = {
        "der": ["die großen Kinder", "die großen Kinder", "den großen Kindern"],
        "mein": ["meine großen Kinder", "meine großen Kinder", "meinen großen Kindern"],
        ("zwei", "two"): ["zwei große Kinder", "zwei große Kinder", "zwei großen Kindern"],
    }
    for determiner, wanted in plurals.items():
        plural = phrase("child", determiner, plural=True)
        assert [plural.in_german(case) for case in CASES] == wanted
    # The dative plural's n is not doubled.
    for noun, wanted in {"woman": "Frauen", "girl": "Mädchen", "man": "Männern"}.items():
        assert phrase(noun, "der", True, None).in_german("dative") == f"den {wanted}"


def test_the_verb_stands_where_it_belongs():
    clause = Clause(
        phrase("woman", "der", adjective=None),
        VERBS["pick"],
        (("accusative", phrase("boy", "der", adjective=None)),),
        "present",
        ("heute", "today"),
    )
    assert clause.german_main() == "die Frau holt heute den Jungen ab"
    assert clause.german_main(front="heute") == "heute holt die Frau den Jungen ab"
    assert clause.german_subordinate("weil") == "weil die Frau heute den Jungen abholt"
    assert clause.german_question() == "holt die Frau heute den Jungen ab"
    assert clause.english_main() == "the woman picks the boy up today"
    assert clause.english_question() == "does the woman pick the boy up today"


def test_tenses_and_objects():
    give = VERBS["give"]
    objects = (
        ("dative", phrase("man", "ein", adjective=None)),
        ("accusative", phrase("child", "mein", adjective=None)),
    )
    wir = Person("wir", "we", "plural")
    past = Clause(wir, give, objects, "past")
    assert past.german_main() == "wir haben einem Mann mein Kind gegeben"
    assert past.german_subordinate("dass") == "dass wir einem Mann mein Kind gegeben haben"
    assert past.english_question() == "did we give a man my child"
    wants = Clause(phrase("man", "der", adjective=None), VERBS["open"], (), MODALS[0])
    assert wants.german_main() == "der Mann will aufmachen"
    assert wants.english_main() == "the man wants to open"
    assert wants.english_question() == "does the man want to open"


def test_places_contract_and_relatives_agree():
    garden = PLACES[0]
    subject = phrase("girl", "der", adjective=None)
    place = (garden[0], Phrase(garden[1], False, "der"), garden[2])
    sees = Clause(subject, VERBS["see"], (), "present", None, place)
    whole = Phrase(subject.noun, False, "der", None, Relative(sees))
    assert whole.in_german("nominative") == "das Mädchen, das im Garten sieht,"
    assert whole.in_english() == "the girl who sees in the garden"
    assert whole.pronoun().german == "es"
