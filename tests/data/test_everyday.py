"""The corpus with many translations: its probabilities are exact, its sentences grammatical."""

import itertools
import math
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.grammars.everyday import drawing, everyday, with_ceiling
from tfkd.data.grammars.everyday_english import in_english, inflected, pluralised
from tfkd.data.grammars.everyday_german import in_german, phrase
from tfkd.data.grammars.everyday_lexicon import VARIETIES, choice, lexicon
from tfkd.data.grammars.everyday_meaning import Clause, Meaning, MeaningDraw, Name, Phrase
from tfkd.data.stateless import keys, uniform

ROWS = list(everyday(5000, 1))
WORDS = lexicon()


def meanings(count, seed):
    numbers = uniform(keys(seed, 0, np.arange(count), "test"), 64).tolist()
    return [MeaningDraw(iter(row)).meaning() for row in numbers]


class Scripted:
    """Takes the picks that it was given, then the first of each choice; notes all choices."""

    def __init__(self, script):
        self.script, self.seen = script, []

    def __call__(self, choice):
        at = len(self.seen)
        place = self.script[at] if at < len(self.script) else 0
        self.seen.append((choice, place))
        return choice.words[place]


def every_translation(meaning, most=1500):
    """All translations with their probabilities, by walking through all sequences of picks."""
    found, scripts = [], [()]
    while scripts and len(found) < most:
        script = scripts.pop()
        said = Scripted(script)
        text = in_english(meaning, said)
        places = [place for _, place in said.seen]
        for at in range(len(script), len(said.seen)):
            for other in range(1, len(said.seen[at][0].words)):
                scripts.append((*places[:at], other))
        shares = np.prod([option.shares[place] for option, place in said.seen], axis=0)
        found.append((text, float(np.dot(meaning.varieties(), shares))))
    return found, not scripts


def test_the_probabilities_of_all_translations_add_up_to_1():
    whole = 0
    for meaning in meanings(30, 3):
        found, complete = every_translation(meaning)
        if complete:
            whole += 1
            assert math.fsum(share for _, share in found) == pytest.approx(1, abs=1e-9)
            # No translation comes about in two ways, so each one's probability is one walk's.
            assert len({text for text, _ in found}) == len(found)
    assert whole > 10


def test_translations_come_as_often_as_their_probability_says():
    """Each of a meaning's translations, in 800 draws: within five standard errors."""
    draws, tried = 800, 0
    numbers = uniform(keys(7, 0, np.arange(draws), "test"), 64).tolist()
    for meaning in meanings(30, 5):
        found, complete = every_translation(meaning, most=60)
        if not complete or len(found) < 3:
            continue
        tried += 1
        seen = Counter(in_english(meaning, drawing(meaning, iter(row))) for row in numbers)
        assert set(seen) <= {text for text, _ in found}
        for text, share in found:
            error = math.sqrt(share * (1 - share) * draws)
            assert abs(seen[text] - share * draws) < 5 * error + 1, text
    assert tried > 5


def test_a_row_s_probability_and_its_likeliest_translation_are_those_of_all_there_are():
    tried = 0
    numbers = uniform(keys(3, 0, np.arange(300), "everyday meaning"), 64).tolist()
    for numbered, row in zip(numbers, with_ceiling(300, 3), strict=True):
        found, complete = every_translation(MeaningDraw(iter(numbered)).meaning(), most=300)
        if not complete:
            continue
        tried += 1
        shares = dict(found)
        assert math.exp(row.log_probability) == pytest.approx(shares[row.english])
        assert shares[row.likeliest] == pytest.approx(max(shares.values()))
    assert tried > 100


@pytest.mark.long
def test_the_entropy_is_the_documented_one():
    rows = list(with_ceiling(8000, 11))
    nats = -np.array([row.log_probability for row in rows])
    error = nats.std() / len(rows) ** 0.5
    assert abs(nats.mean() - 1.77) < 4 * error < 0.08
    words = np.mean([len(row.english.split()) for row in rows])
    assert words == pytest.approx(8.3, abs=0.1)
    assert math.exp(1.77) == pytest.approx(5.8, abs=0.1)
    assert np.mean([row.likeliest == row.english for row in rows]) == pytest.approx(0.41, abs=0.02)


def test_the_rows_with_a_ceiling_are_the_rows():
    for row, pair in zip(with_ceiling(50, 1), ROWS, strict=False):
        assert (row.german, row.english) == pair


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(0, 100))
def test_fewer_rows_are_the_first_of_more(seed, rows):
    assert list(everyday(rows, seed)) == list(everyday(100, seed))[:rows]


def test_chunks_do_not_show():
    # Rows are drawn in chunks of 2,048.
    assert ROWS[:2100] == list(everyday(2100, 1))


def test_varied_and_long_tailed():
    assert len(set(ROWS)) > 0.98 * len(ROWS)
    counts = Counter(word for _, english in ROWS for word in re.findall(r"[\w'-]+", english))
    assert len(counts) > 900
    assert sum(count == 1 for count in counts.values()) > 60  # words that 5,000 rows show once


def test_an_article_is_spelt_by_the_sound_that_follows():
    english = " ".join(english for _, english in ROWS).lower()
    followers = {form: set(re.findall(rf"\b{form} ([\w'-]+)", english)) for form in ("a", "an")}
    assert "honest" in followers["an"]
    for word in followers["a"] | followers["an"]:
        assert (word in followers["an"]) == (word[0] in "aeiou" or word.startswith("hon")), word


def test_sentences_look_like_sentences():
    for pair in ROWS:
        for side in pair:
            assert re.fullmatch(r"[A-ZÄÖÜ][\w'-]*(,? [\w'-]+)*\.", side), side
        assert "  " not in pair[0] + pair[1]


def test_words_go_with_their_neighbours_and_their_variety():
    heavy = WORDS.adjectives["stark"].of("Regen")
    assert heavy.words[np.argmax(heavy.shares[:, 0])] == "heavy"
    assert WORDS.adjectives["stark"].of("Kaffee").words[0] == "strong"
    flat = WORDS.things["Wohnung"].english
    at = {name: place for place, name in enumerate(flat.words)}
    assert flat.shares[at["flat"], VARIETIES.index(("b", "p"))] > 0.95
    assert flat.shares[at["apartment"], VARIETIES.index(("a", "f"))] > 0.95
    told = Meaning(Clause(Name("Anna", "she"), WORDS.intransitive[0], town=("Leeds", "Leeds", "b")))
    assert sum(told.varieties()[:2]) == pytest.approx(0.97)


def test_german_agrees():
    """Against the tables of a grammar book."""
    man, girl, boy, door = (
        next(one for one in (*WORDS.people, *WORDS.things.values()) if one.german == name)
        for name in ("Mann", "Mädchen", "Junge", "Tür")
    )
    big, dear = WORDS.adjectives["groß"], WORDS.adjectives["teuer"]
    cases = ("nominative", "accusative", "dative")
    book = {
        (man, "der", False): ["der große Mann", "den großen Mann", "dem großen Mann"],
        (man, "ein", False): ["ein großer Mann", "einen großen Mann", "einem großen Mann"],
        (girl, "mein", False): ["mein großes Mädchen"] * 2 + ["meinem großen Mädchen"],
        (boy, "dies", False): [
            "dieser große Junge",
            "diesen großen Jungen",
            "diesem großen Jungen",
        ],
        (man, "", True): ["große Männer", "große Männer", "großen Männern"],
        (man, "mein", True): [
            "meine großen Männer",
            "meine großen Männer",
            "meinen großen Männern",
        ],
        (door, "kein", False): ["keine große Tür", "keine große Tür", "keiner großen Tür"],
    }
    for (noun, determiner, plural), wanted in book.items():
        said = Phrase(noun, determiner, plural, big)
        assert [phrase(said, case) for case in cases] == wanted
    assert phrase(Phrase(door, "ein", False, dear), "accusative") == "eine teure Tür"


def test_the_german_verb_stands_where_it_belongs():
    verbs = {verb.infinitive: verb for verb in (*WORDS.verbs, *WORDS.intransitive)}
    anna, door = Name("Anna", "she"), Phrase(WORDS.things["Tür"])
    opens = Clause(anna, verbs["aufmachen"], door)
    assert in_german(Meaning(opens)) == "Anna macht die Tür auf."
    because = (WORDS.conjunctions[0], Clause(anna, verbs["warten"], past=True))
    both = Meaning(because[1], opens, because[0])
    assert in_german(both) == "Anna hat gewartet, weil Anna die Tür aufmacht."
    today = next(time for time in WORDS.times["past"] if time[0] == "gestern")
    went = Clause(anna, verbs["bleiben"], past=True, time=today, early=True)
    assert in_german(Meaning(went)) == "Gestern ist Anna geblieben."


@pytest.mark.parametrize(
    ("verb", "forms"),
    [
        ("pick up", ("picks up", "pick up", "picked up")),
        ("carry", ("carries", "carry", "carried")),
        ("stay", ("stays", "stay", "stayed")),
        ("have to", ("has to", "have to", "had to")),
        ("be in", ("is in", "are in", "was in")),
        ("go for", ("goes for", "go for", "went for")),
        ("purchase", ("purchases", "purchase", "purchased")),
    ],
)
def test_english_verbs_are_inflected(verb, forms):
    assert tuple(inflected(verb, *form) for form in [(0, 0), (1, 0), (0, 1)]) == forms


def test_english_nouns_are_inflected():
    names = ["cell phone", "loaf of bread", "lorry", "watch", "journey", "policeman"]
    wanted = ["cell phones", "loaves of bread", "lorries", "watches", "journeys", "policemen"]
    assert [pluralised(name) for name in names] == wanted


def test_a_choice_s_shares_are_a_distribution_in_each_variety():
    found = choice("film:3@b movie:5@a picture")
    np.testing.assert_allclose(found.shares.sum(axis=0), 1)
    for number, word in [(0.0, 0), (found.shares[0, 0] + 1e-9, 2), (1 - 1e-12, 2)]:
        assert abs(found.draw(number, 0) - word) <= 1
    assert list(itertools.chain(found.words)) == ["film", "movie", "picture"]
