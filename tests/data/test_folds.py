"""Rows that share a text, or are joined by rows between, are in one part, on any machine."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.folds import normalized, part_by_text, parts_of, text_hashes


def parts(corpora, folds=3):
    return parts_of([[text_hashes(field) for field in fields] for fields in corpora], folds)


def joined(rows):
    """Groups of rows by brute force: each row's texts are merged with all that meet them."""
    groups = []
    for number, texts in enumerate(rows):
        texts, members = {normalized(text) for text in texts}, {number}
        for other in [group for group in groups if group[0] & texts]:
            texts |= other[0]
            members |= other[1]
            groups.remove(other)
        groups.append((texts, members))
    return [members for _, members in groups]


row = st.tuples(*2 * [st.sampled_from([f"text {n}" for n in range(30)])])


@settings(deadline=None, max_examples=60)
@given(st.lists(row, min_size=1, max_size=40), st.lists(row, max_size=20), st.integers(2, 20),
       st.randoms())  # fmt: skip
def test_rows_that_are_joined_are_in_one_part_in_any_order(first, second, folds, random):
    def found(one, other):
        columns = [[list(field) for field in zip(*rows, strict=True)] for rows in (one, other)]
        columns = [fields or [[], []] for fields in columns]
        return np.concatenate(parts(columns, folds))

    rows = [*first, *second]
    whole = found(first, second)
    for members in joined(rows):
        assert len({int(whole[number]) for number in members}) == 1
    order = list(range(len(rows)))
    random.shuffle(order)
    mixed = found([rows[number] for number in order], [])
    np.testing.assert_array_equal(mixed, whole[order])


def test_a_long_chain_is_one_part():
    rows = 5000
    order = np.random.default_rng(1).permutation(rows)
    sources, targets = [f"s{n}" for n in order], [f"s{n + 1}" for n in order]
    (found,) = parts([[sources, targets]], 7)
    assert len({*found.tolist()}) == 1


def test_parts_are_of_like_size_and_pinned():
    (found,) = parts([[[f"sentence {n}" for n in range(10_000)]]], 5)
    np.testing.assert_allclose(np.bincount(found) / 10_000, 0.2, atol=0.02)
    assert found[:8].tolist() == [1, 4, 0, 1, 4, 4, 4, 4]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A dog runs.", "a dog  runs"),
        ("Ein Hund läuft!", "ein hund la\u0308uft"),
        ("ﬁne", "FINE"),
        ("Straße", "STRASSE"),
        ("one, two", "one two"),
    ],
)
def test_near_copies_are_one_text(one, other):
    assert normalized(one) == normalized(other)


@pytest.mark.parametrize(("one", "other"), [("?!", "!?"), ("a b", "ab"), ("कि", "की"), ("", ".")])
def test_other_texts_are_others(one, other):
    assert normalized(one) != normalized(other)


@settings(deadline=None, max_examples=60)
@given(st.lists(row, min_size=1, max_size=20), st.lists(row, min_size=1, max_size=20))
def test_rows_of_another_corpus_are_known_by_their_texts(known, others):
    columns = [text_hashes(field) for field in zip(*known, strict=True)]
    (parts,) = parts_of([columns], 3)
    part_of = {
        normalized(text): int(part)
        for texts, part in zip(known, parts, strict=True)
        for text in texts
    }
    expected = []
    for texts in others:
        found = {part_of[normalized(text)] for text in texts if normalized(text) in part_of}
        expected.append(found.pop() if len(found) == 1 else -1)
    fields = [
        text_hashes([f" {text.upper()}!" for text in one]) for one in zip(*others, strict=True)
    ]
    found = part_by_text([(field, parts) for field in columns], fields)
    assert found.tolist() == expected


def test_a_time_limit_ends_the_joining_of_rows():
    def check():
        raise TimeoutError

    with pytest.raises(TimeoutError):
        parts_of([[text_hashes(["a"]), text_hashes(["b"])]], 2, check=check)
