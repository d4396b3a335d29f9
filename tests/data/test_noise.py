"""Noise on texts: what each kind does to a text, how many rows it hits, and that each text is a
function of seed, variant and row."""

import itertools
import math
import unicodedata
from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tfkd.data.noise import changes
from tfkd.data.noise.text_noise import TextNoise
from tfkd.spec.options import TextNoiseOptions
from tfkd.spec.options.text_noise import KINDS

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=40) | st.text(
    "abcXYZ éß ,.!?'3-", max_size=60
)
ROWS = 4000
SOURCE = [f'He said: "don\'t go {n}, it is 3.5 km."' for n in range(ROWS)]
TARGET = [f"Er sagte: geh nicht {n}!" for n in range(ROWS)]
FIELDS = ("source", "target")
PAIRS = {"source": SOURCE, "target": TARGET}


def draws(seed):
    return lambda count: np.random.default_rng(seed).random(count)


def noise(variant=0, swap=False, fields=FIELDS, **kinds):
    return TextNoise(TextNoiseOptions(**kinds), fields, variant=variant, swap=swap)


def noisy(rows=range(ROWS), texts=PAIRS, **options):
    rows = np.asarray(rows)
    return noise(**options)(rows, {name: [one[r] for r in rows] for name, one in texts.items()})


def distance(one, other):
    """Insertions, deletions, replacements and swaps of neighbours: optimal string alignment."""
    table = np.zeros((len(one) + 1, len(other) + 1), int)
    table[:, 0], table[0] = range(len(one) + 1), range(len(other) + 1)
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            same = one[i - 1] == other[j - 1]
            best = [table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (not same)]
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                best.append(table[i - 2, j - 2] + 1)
            table[i, j] = min(best)
    return table[-1, -1]


@given(TEXTS)
def test_case_is_that_of_the_letters_alone(text):
    assert changes.upper(text) == text.upper()
    found = changes.title(text)
    assert found.upper() == text.upper()
    for before, after in zip(text.split(), found.split(), strict=True):
        alone = next((one for one in before if one.isalnum() or one == "_"), "")
        assert after == before.replace(alone, alone.upper(), 1)


@given(TEXTS)
def test_punctuation_is_dropped_and_no_word(text):
    def words(of):
        return [one for one in of if one.isalnum()]

    for everywhere in (False, True):
        found = changes.without_punctuation(text, everywhere=everywhere)
        assert words(found) == words(text)
        if not any(unicodedata.category(one).startswith("P") for one in text) or not words(text):
            assert found == text
    end = changes.without_punctuation(text)
    assert text.startswith(end)
    assume(words(text))
    assert not changes.is_punctuation(end[-1])


def test_marks_within_words_stay_and_signs_are_words():
    drop = changes.without_punctuation
    assert drop('He said: "don\'t", 3.5 well-known %!', everywhere=True) == (
        "He said don't 3.5 well-known %"
    )
    assert drop("Really?! ...") == "Really"
    assert drop("100 % (or so).") == "100 % (or so"
    assert drop("?!") == "?!"


def test_numbers_keep_their_signs():
    drop = partial(changes.without_punctuation, everywhere=True)
    for text in ("-5 Grad", "from -.5 to ,7", "-$5 or $-5", "\u20135 bis \u22123", "1.000,5 - -1"):
        assert drop(f"({text})!") == text.replace(" - ", " ")
    assert drop('- 5 apples ... 3, "4" and ...6 -x') == "5 apples 3 4 and 6 x"


@given(TEXTS, st.floats(0.01, 1), st.integers(0, 99))
def test_words_are_joined_and_split_with_all_their_letters(text, rate, seed):
    for change in (changes.joined, changes.split):
        found = change(text, rate, draws(seed))
        assert "".join(found.split()) == "".join(text.split())
    fewer, more = changes.joined(text, rate, draws(seed)), changes.split(text, rate, draws(seed))
    gaps = max(0, len(text.split()) - 1)
    assert max(1, len(text.split())) - gaps <= max(1, len(fewer.split())) <= max(1, gaps)
    could = any(a.isalpha() and b.isalpha() for a, b in itertools.pairwise(text))
    assert len(text.split()) + could <= len(more.split()) <= 2 * len(text.split())


@given(TEXTS, st.floats(0.01, 1), st.integers(0, 99))
def test_a_word_has_one_typo_at_most_and_a_text_one_at_least(text, rate, seed):
    found = changes.typos(text, rate, draws(seed))
    words = [word for word in text.split() if sum(map(str.isalpha, word)) > 1]
    assert (found == text) == (not words)
    assert distance(text, found) <= len(words)
    before, after = text.split(), found.split()
    assert len(before) == len(after)
    assert all(distance(*pair) <= 1 for pair in zip(before, after, strict=True))
    if rate == 1:
        assert all(
            pair[0] != pair[1] for pair in zip(before, after, strict=True) if pair[0] in words
        )


def test_every_kind_of_typo_occurs_as_often():
    text = "abcdefgh"
    found = [changes.typos(text, 0.5, draws(seed)) for seed in range(2000)]
    sizes = {-1: 0, 0: 0, 1: 0}
    for one in found:
        sizes[len(one) - len(text)] += 1
    swaps = sum(sorted(one) == sorted(text) for one in found)
    for count in (sizes[-1], sizes[1], swaps, sizes[0] - swaps):
        assert abs(count - 500) < 5 * math.sqrt(2000 * 0.25 * 0.75)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_hits_its_share_of_the_rows_on_its_sides(kind):
    found = noisy(**{kind: 0.3}, seed=5)
    hit = np.asarray([one != SOURCE[row] for row, one in enumerate(found["source"])])
    assert abs(hit.sum() - 0.3 * ROWS) < 4 * math.sqrt(ROWS * 0.3 * 0.7)
    both = kind in ("upper", "title", "tags")
    assert ("target" in found) == both
    if both:
        assert [one != TARGET[row] for row, one in enumerate(found["target"])] == hit.tolist()


def test_kinds_hit_rows_independently_and_cases_exclude_each_other():
    found = noisy(upper=0.4, title=0.6, tags={"share": 0.5, "of": ["%s"]})
    upper = np.asarray([one.isupper() for one in [t.replace("%s", "") for t in found["target"]]])
    tagged = np.asarray(["%s" in one for one in found["target"]])
    assert abs(upper.sum() - 0.4 * ROWS) < 4 * math.sqrt(ROWS * 0.24)
    assert abs((upper & tagged).sum() - 0.2 * ROWS) < 4 * math.sqrt(ROWS * 0.16)
    titled = [changes.title(text) for text in TARGET]
    rest = [one.replace(" %s", "").replace("%s ", "") for one in found["target"]]
    assert all(one in (titled[row], TARGET[row].upper()) for row, one in enumerate(rest))


def test_tags_stand_at_the_same_place_of_both_sides():
    found = noisy(tags={"share": 1.0, "of": ["<b>", "{0}"]})
    ways = {"around": 0, "before": 0, "behind": 0}
    for row, (source, target) in enumerate(zip(found["source"], found["target"], strict=True)):
        way = "around" if source[0] == "<" else "before" if source[0] == "{" else "behind"
        ways[way] += 1
        put = {"around": "<b>{}</b>", "before": "{{0}} {}", "behind": "{} {{0}}"}[way]
        assert (source, target) == (put.format(SOURCE[row]), put.format(TARGET[row]))
    assert min(ways["before"], ways["behind"]) > 0.2 * ROWS < ways["around"]


def test_a_tag_in_front_of_the_source_says_where_a_row_is_from():
    """Whatever it looks like, and of the side that is read."""
    tags = {"share": 1.0, "of": ["<BT>"], "at": "start", "sides": "source"}
    assert not TextNoiseOptions(tags=tags).changes_target
    assert TextNoiseOptions(tags={**tags, "sides": "both"}).changes_target
    assert noisy(tags=tags) == {"source": [f"<BT> {text}" for text in SOURCE]}
    assert noisy(tags=tags, swap=True) == {"target": [f"<BT> {text}" for text in TARGET]}
    both = noisy(tags={**tags, "sides": "both"})
    assert both == {name: [f"<BT> {text}" for text in texts] for name, texts in PAIRS.items()}


ALL = dict.fromkeys(KINDS, 0.2)


def test_a_text_is_the_same_whatever_is_read_beside_it_and_another_in_each_variant():
    whole = noisy(**ALL)
    rows = np.random.default_rng(1).permutation(ROWS)[:500]
    for some in (rows, rows[::-1], rows[:1]):
        part = noisy(some, **ALL)
        assert part == {name: [one[row] for row in some] for name, one in whole.items()}
    again = [noisy(variant=1, **ALL), noisy(**ALL, seed=2)]
    for other in again:
        same = np.mean([a == b for a, b in zip(whole["source"], other["source"], strict=True)])
        assert same < 0.5
    assert again[0] != again[1]


def test_the_side_that_is_read_is_disturbed_where_sides_are_swapped_and_texts_have_one():
    assert noise(typos=1.0).changed == ("source",)
    assert noise(typos=1.0, swap=True).changed == ("target",)
    assert noise(upper=1.0, swap=True).changed == ("target", "source")
    texts = noise(upper=1.0, fields=("text", "text_b", "label"))
    assert texts.changed == ("text", "text_b")
    made = texts(np.arange(1), {"text": ["a b"], "text_b": ["c"], "label": ["good"]})
    assert made == {"text": ["A B"], "text_b": ["C"]}


@pytest.mark.parametrize("text", ["", " ", "...", "42", "你好", "A", "A B"])
def test_a_text_that_has_nothing_to_change_stays(text):
    for kind in ("upper", "title", "typos", "punctuation", "split"):
        found = noisy(range(1), {"source": [text], "target": [text]}, **{kind: 1.0})
        expected = "你 好" if kind == "split" and text == "你好" else text
        assert (kind == "typos" and text == "你好") or found["source"] == [expected]
