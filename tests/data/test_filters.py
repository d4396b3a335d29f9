"""Rules of filter stages, on rows broken on purpose, against definitions of their own."""

import html
import math
import random
import unicodedata
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.filters.best_share import worse_than_share
from tfkd.data.filters.duplicates import Duplicates
from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins
from tfkd.spec.errors import UserError
from tfkd.spec.options.filters import RULES, DuplicatesRuleOptions, LanguageRuleOptions

SAID = {
    "source": "der alte mann sieht die kleine frau am see und lacht laut über drei hunde",
    "target": "the old man sees the small woman at the lake and laughs at three dogs",
}
WORDS = {side: text.split() for side, text in SAID.items()}


def made(kind, **options):
    register_builtins()
    entry = registry.lookup("filter", kind)
    return registry.load(entry)(RULES[kind](**options))


def clean(chance):
    """A pair that no rule of this file drops."""
    number = chance.randint(10, 9999)
    at = chance.sample(range(13), 8)
    row = {side: " ".join(words[i] for i in at) for side, words in WORDS.items()}
    return {"source": f"{row['source']} {number:,}.".replace(",", "."),
            "target": f"{row['target']} {number:,}."}  # fmt: skip


class _Tags(HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=False)
        self.found = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found = True

    handle_endtag = lambda self, tag: setattr(self, "found", True)  # noqa: E731


def digits(text):
    """Numbers of a text, word by word: the digits of each word that has some."""
    found = ("".join(one for one in word if one.isdigit()) for word in text.split())
    return Counter(one for one in found if one)


def urls(text):
    """By the words that begin as addresses do."""
    words = (word.strip("().,;:") for word in text.split())
    return sorted(word for word in words if word.startswith(("http", "www.")) or "@" in word)


def letters(text):
    dense = [one for one in text if not one.isspace()]
    return sum(unicodedata.category(one).startswith("L") for one in dense) / len(dense)


def said_again(text, n):
    words = text.split()
    grams = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    return sum(grams.values()) and (sum(grams.values()) - len(grams)) / sum(grams.values())


def put(row, chance, word):
    """The row with a word within one of its sides."""
    side = chance.choice(["source", "target"])
    words = row[side].split()
    words.insert(chance.randrange(len(words)), word)
    return {**row, side: " ".join(words)}


# Of each rule: its options, how a row is broken, and whether a row is by another definition.
BROKEN = {
    "length": (
        {"least": 3, "most": 12, "longest_word": 15},
        lambda row, chance: {
            **row,
            chance.choice(["source", "target"]): chance.choice(
                ["ja", "ein " * 13 + "ende", "x" * 16 + " und dann", ""]
            ),
        },
        lambda row: not all(
            3 <= len(text.split()) <= 12 and max(map(len, text.split())) <= 15
            for text in row.values()
        ),
    ),
    "ratio": (
        {"most": 2.0},
        lambda row, chance: {**row, "target": row["target"] * 3},
        lambda row: not 0.5 <= len(row["source"]) / len(row["target"]) <= 2,
    ),
    "letters": (
        {"least": 0.6},
        lambda row, chance: put(row, chance, "-|=" * 25),
        lambda row: min(map(letters, row.values())) < 0.6,
    ),
    "same": (
        {},
        lambda row, chance: {**row, "target": f" {row['source'].upper()}  "},
        lambda row: row["source"].lower().split() == row["target"].lower().split(),
    ),
    "numbers": (
        {},
        lambda row, chance: put(row, chance, str(chance.randint(1, 99999))),
        lambda row: digits(row["source"]) != digits(row["target"]),
    ),
    "urls": (
        {},
        lambda row, chance: put(
            row, chance, chance.choice(["http://a.org/x?y=1,", "(www.b.de)", "me@c.fr."])
        ),
        lambda row: urls(row["source"]) != urls(row["target"]),
    ),
    "markup": (
        {},
        lambda row, chance: put(
            row, chance, chance.choice(["<br/>", "</p>", '<a href="b">c</a>', "&nbsp;", "&#8217;"])
        ),
        lambda row: any(
            _Tags(text).found or html.unescape(text) != text for text in row.values()
        ),
    ),
    "repeats": (
        {"n": 2, "most": 0.3},
        lambda row, chance: {**row, "target": " ".join([row["target"]] + ["und dann"] * 6)},
        lambda row: max(said_again(text, 2) for text in row.values()) > 0.3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_a_rule_drops_what_is_broken_and_nothing_else(kind):
    options, broken, is_so = BROKEN[kind]
    chance, rule = random.Random(kind), made(kind, **options)
    for _ in range(150):
        row = clean(chance)
        assert not is_so(row)
        assert not rule.drops(row), row
        bad = broken(row, chance)
        assert is_so(bad), bad
        assert rule.drops(bad), bad


@settings(deadline=None)
@given(of=st.integers(1, 120), part=st.integers(0, 120))
def test_what_is_at_a_threshold_is_kept(of, part):
    """A share as it is written, 11 of 20 as 0.55, is no less than itself, nor more."""
    part = min(part, of)
    share = part / of
    if share:
        row = {"text": "x" * part + "-" * (of - part)}
        assert not made("letters", least=share).drops(row)
        assert made("letters", least=share).drops({"text": f"{row['text']}-"})
        alike = Duplicates(DuplicatesRuleOptions(near=share)).alike
        assert alike(frozenset(range(of)), frozenset(range(part)))
        assert not alike(frozenset(range(of + 1)), frozenset(range(part)))
        pair = {"source": "x" * of, "target": "x" * part}
        assert not made("ratio", most=of / part).drops(pair)
        assert made("ratio", most=of / part).drops({**pair, "source": "x" * (of + 1)})
    if share < 1:
        words = [*map(str, range(of - part)), *["0"] * part]
        assert not made("repeats", n=1, most=share).drops({"text": " ".join(words)})
        assert of == 1 or made("repeats", n=1, most=share).drops({"text": " ".join([*words, "0"])})


@pytest.mark.parametrize(
    "text",
    [
        "हिन्दी में लिखी किताबें",
        "שָׁלוֹם עוֹלָם",
        "ภาษาไทยที่นี่",
        "中文没有空格",
        "مَرْحَبًا",
        unicodedata.normalize("NFD", "Việt ngữ"),
    ],
)
def test_marks_are_no_signs(text):
    assert not made("letters", least=1.0).drops({"text": text})
    assert made("letters", least=0.5).drops({"text": f"{text} {'-' * 40}"})


@pytest.mark.parametrize(
    ("pair", "drops"), [(("", ""), False), (("a", ""), True), (("", " a "), True)]
)
def test_empty_sides_have_no_ratio(pair, drops):
    assert made("ratio").drops(dict(zip(("source", "target"), pair, strict=True))) == drops


@pytest.mark.parametrize(
    "text", ["R&D", "a < b and c > d", "AT&T; und", "I <3 it", "fish & chips", "[sic]", "{x}"]
)
def test_signs_are_no_markup(text):
    assert not made("markup").drops({"text": text})


@pytest.mark.parametrize(
    ("source", "target", "same"),
    [
        ("1.000,50 Euro", "1,000.50 euros", True),
        ("um 12:30", "at 12.30", True),
        ("٣ Hunde", "3 dogs", True),
        ("١٬٠٠٠٫٥ كلم", "1,000.5 km", True),
        ("３，０００円", "3,000 yen", True),
        ("2 und 3", "2,3", False),
        ("3", "3 3", False),
        ("keine", "7", False),
    ],
)
def test_numbers_are_their_digits(source, target, same):
    assert made("numbers").drops({"source": source, "target": target}) != same


@pytest.mark.parametrize(
    ("source", "target", "same"),
    [
        ("Siehe www.a.de/x.", "See www.a.de/x for more", True),
        ("(http://a.org/?y=1,2)", "http://a.org/?y=1,2: look", True),
        ("an me@c.fr!", "to you@c.fr!", False),
        ("www.a.de und www.a.de", "www.a.de", False),
        ("mehr @ home", "more", True),
    ],
)
def test_what_ends_a_sentence_is_no_part_of_its_address(source, target, same):
    assert made("urls").drops({"source": source, "target": target}) != same


def test_rules_read_the_fields_that_they_are_told():
    row = {"source": "<b>", "target": "b", "label": "<b>"}
    assert made("markup").drops(row)
    assert not made("markup", on=["target"]).drops(row)
    assert not made("markup").drops({**row, "source": "b"})


@settings(deadline=None)
@given(
    numbers=st.lists(st.sampled_from([0.0, -0.0, 1.5, -2.25, 3e-40, 7.0, math.inf, math.nan])),
    keep=st.floats(0.01, 1.0),
    size=st.integers(1, 9),
)  # fmt: skip
def test_a_share_is_that_of_a_stable_sort(numbers, keep, size):
    scores = np.array(numbers, np.float32)
    blocks = [scores[at : at + size] for at in range(0, len(scores), size)]
    goes = np.concatenate([*worse_than_share(lambda: blocks, keep), np.zeros(0, bool)])
    finite = np.isfinite(scores)
    order = np.argsort(np.where(finite, scores, np.inf), kind="stable")
    kept = order[: int(np.ceil(round(keep * finite.sum(), 6)))]
    assert sorted(np.flatnonzero(~goes)) == sorted(kept)


_LINES = {
    "de": ["Zwei Hunde spielen im Schnee.", "Eine Frau liest ein Buch.", "Ich weiß es nicht.",
           "Der Zug kommt heute später an."],
    "en": ["Two dogs play in the snow.", "A woman reads a book.", "I do not know.",
           "The train arrives later today."],
    "fr": ["Deux chiens jouent dans la neige.", "Une femme lit un livre.", "Je ne sais pas.",
           "Le train arrive plus tard aujourd'hui."],
}  # fmt: skip


def test_languages_are_told_apart():
    pytest.importorskip("py3langid")
    for options in ({}, {"among": ["de", "en", "fr"]}):
        for said in _LINES:
            rule = made("language", languages={"text": said}, **options)
            for language, lines in _LINES.items():
                assert [rule.drops({"text": line}) for line in lines] == [language != said] * 4
    sure = made("language", languages={"text": "de"}, among=["de", "nl"], sure=0.99)
    assert not sure.drops({"text": "Wat is"})


def test_an_unknown_language_is_refused():
    pytest.importorskip("py3langid")
    from tfkd.data.filters.language import LanguageRule

    with pytest.raises(UserError, match=r"does not know xx. Expected codes of ace, af, "):
        LanguageRule(LanguageRuleOptions(languages={"text": "xx"}))
