"""Which rows the rule of duplicates takes for one another, against brute force."""

import random

import numpy as np
import pytest

from tfkd.data.filters import repeated
from tfkd.data.filters.duplicates import Duplicates, bands_for
from tfkd.data.filters.repeated import Repeated
from tfkd.spec.options.filters import DuplicatesRuleOptions

WORDS = [
    "the",
    "old",
    "man",
    "sees",
    "the",
    "small",
    "woman",
    "at",
    "the",
    "lake",
    "and",
    "laughs",
    "at",
    "three",
    "dogs",
]


@pytest.mark.parametrize("at_once", [1 << 19, 7])
def test_of_equal_rows_the_first_is_kept(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(repeated, "_AT_ONCE", at_once)
    chance = random.Random(1)
    rows = [{"text": str(chance.randint(0, 60))} for _ in range(300)]
    rule = Duplicates(DuplicatesRuleOptions())
    found = Repeated(tmp_path / "keys", len(rows), rule.bands)
    out = set(chance.sample(range(300), 40))
    left = np.array([row for row in range(300) if row not in out])
    for part in np.array_split(left, 4):
        found.add(part, rule.keys([rows[row] for row in part]))
    gone = np.zeros(300, bool)
    dropped = list(found.find(gone, lambda row: rule.seen(rows[row]), rule.alike))
    seen: set[str] = set()
    wanted = []
    for row in left:
        if rows[row]["text"] in seen:
            wanted.append(row)
        seen.add(rows[row]["text"])
    assert sorted(dropped) == wanted == list(np.flatnonzero(gone))
    assert not (tmp_path / "keys").exists()


def test_bands_find_what_is_as_alike_as_is_asked_for():
    for similarity in (0.5, 0.7, 0.8, 0.95):
        number, rows = bands_for(similarity)
        assert number * rows <= 128
        assert 1 - (1 - similarity**rows) ** number >= 0.99


def grams(text, n=5):
    text = " ".join(text.lower().split())
    return {text[i : i + n] for i in range(max(1, len(text) - n + 1))}


def test_near_duplicates_are_those_of_brute_force(tmp_path):
    pytest.importorskip("rensa")
    chance, threshold = random.Random(2), 0.7
    texts = []
    for _ in range(300):
        if texts and chance.random() < 0.6:
            words = chance.choice(texts).split()
            for _ in range(chance.randint(0, 3)):
                words[chance.randrange(len(words))] = chance.choice(WORDS)
        else:
            words = [chance.choice(WORDS) for _ in range(14)]
        texts.append(" ".join(words))
    rule = Duplicates(DuplicatesRuleOptions(near=threshold))
    rows = [{"text": text} for text in texts]
    keys = Repeated(tmp_path / "keys", len(rows), rule.bands)
    keys.add(np.arange(300), rule.keys(rows))
    found = set(keys.find(np.zeros(300, bool), lambda row: rule.seen(rows[row]), rule.alike))
    sets = [grams(text) for text in texts]

    def alike(one, other):
        return len(sets[one] & sets[other]) / len(sets[one] | sets[other]) >= threshold

    assert all(any(alike(row, other) for other in range(row)) for row in found)
    kept: list[int] = []
    for row in range(300):
        if not any(alike(row, other) for other in kept):
            kept.append(row)
    wanted = set(range(300)) - set(kept)
    assert 50 < len(wanted) < 250
    # Rows that go for one that is gone itself are no longer kept against later ones.
    assert len(wanted - found) <= 0.02 * len(wanted)
    assert len(found - wanted) <= 0.1 * len(wanted)
