"""Alignments of pieces: tables, links and lexicons, held to the same with dictionaries."""

import math
import random
from collections import defaultdict
from types import SimpleNamespace

import numpy as np
import pytest

from tfkd.data.alignment import link_store, pairs
from tfkd.data.alignment.ibm_model import NOTHING, TENSION, IbmModel
from tfkd.data.alignment.lexicon import Lexicon
from tfkd.data.alignment.symmetrized import links_of, pharaoh, symmetrized
from tfkd.data.ragged import Ragged

SIZES = (7, 9)


def corpus(seed=3, rows=12):
    chance = random.Random(seed)
    return [
        tuple([chance.randrange(size) for _ in range(chance.randrange(6))] for size in SIZES)
        for _ in range(rows)
    ]


def as_ragged(rows):
    return tuple(Ragged.from_rows(side) for side in zip(*rows, strict=True))


def turned(rows):
    return [(target, source) for source, target in rows]


def by_hand(rows, passes, sizes):
    """p(t | s) and p(t | none) after some passes, and the expected links of the last."""
    table, none = defaultdict(lambda: 1.0), [1.0] * sizes[1]
    for _ in range(passes):
        counts, nothing = defaultdict(float), [0.0] * sizes[1]
        for source, target in rows:
            for j, t in enumerate(target):
                links, empty = posterior(table, none, source, target, j)
                for i, s in enumerate(source):
                    counts[s, t] += links[i]
                nothing[t] += empty
        sums = defaultdict(float)
        for (s, _), count in counts.items():
            sums[s] += count
        table = {key: count / sums[key[0]] for key, count in counts.items()}
        none = [one / sum(nothing) for one in nothing]
    return table, none, counts


def posterior(table, none, source, target, j):
    near = [
        math.exp(-TENSION * abs((i + 0.5) / len(source) - (j + 0.5) / len(target)))
        for i in range(len(source))
    ]
    likely = [
        (1 - NOTHING) * one / sum(near) * table[s, target[j]]
        for s, one in zip(source, near, strict=True)
    ]
    nothing = NOTHING * none[target[j]]
    total = sum(likely) + nothing
    return [one / total for one in likely], nothing / total


@pytest.mark.parametrize("together", [1, 1 << 20])
def test_tables_are_those_of_expectation_maximization_by_hand(together):
    """Whatever rows go together: both directions, and the links that a lexicon is made of."""
    rows = [one for one in corpus() if all(one)]  # what has no other side says nothing
    size = 1 if together == 1 else len(rows)
    parts = [as_ragged(rows[start : start + size]) for start in range(0, len(rows), size)]
    model = IbmModel.of_pairs(parts, SIZES)
    for _ in range(3):
        model = model.improved(parts)
    table, none, counts = by_hand(rows, 3, SIZES)
    other, other_none, other_counts = by_hand(turned(rows), 3, SIZES[::-1])
    pieces = [divmod(int(key), SIZES[1]) for key in model.keys]
    assert pieces == sorted(table)
    np.testing.assert_allclose(model.forward, [table[one] for one in pieces], rtol=1e-9)
    np.testing.assert_allclose(model.backward, [other[t, s] for s, t in pieces], rtol=1e-9)
    np.testing.assert_allclose(model.none_forward, none, rtol=1e-9)
    np.testing.assert_allclose(model.none_backward, other_none, rtol=1e-9)
    links = [(counts[s, t] + other_counts[t, s]) / 2 for s, t in pieces]
    np.testing.assert_allclose(model.links, links, rtol=1e-9)


def test_a_piece_links_to_what_it_most_likely_stands_for():
    rows = [*corpus(), ([1, 2], []), ([], [3])]
    sources, targets = as_ragged(rows)
    model = IbmModel.of_pairs([(sources, targets)], SIZES).improved([(sources, targets)])
    rows_too = [*rows, ([0, 6, 0, 6], [8, 8, 0])]  # pairs among them that were never seen
    found = [links_of(model, *as_ragged(rows_too), how) for how in ("intersection", "union")]
    known = defaultdict(float, zip(map(int, model.keys), model.forward, strict=True))
    back = defaultdict(float, zip(map(int, model.keys), model.backward, strict=True))
    for (source, target), both, either in zip(rows_too, *found, strict=True):
        tables = ({(s, t): known[s * 9 + t] for s in source for t in target},
                  {(t, s): back[s * 9 + t] for s in source for t in target})  # fmt: skip
        one, other = set(), set()
        for links, table, none, (a, b) in (
            (one, tables[0], model.none_forward, (source, target)),
            (other, tables[1], model.none_backward, (target, source)),
        ):
            for j in range(len(b)) if a else ():
                likely, nothing = (
                    posterior(table, none, a, b, j)
                    if any(table[s, b[j]] for s in a) or none[b[j]]
                    else ([0.0] * len(a), 1.0)
                )
                best = max(range(len(a)), key=lambda i: likely[i])
                if likely[best] > nothing:
                    links.add((best, j))
        other = {(i, j) for j, i in other}
        assert both == one & other
        assert either == one | other
    assert found[0][12] == found[0][13] == set()


def test_diagonal_growth_adds_neighbours_with_a_free_piece():
    forward = {(0, 0), (1, 1), (3, 2), (5, 4)}
    backward = {(0, 0), (1, 1), (2, 1), (5, 4), (5, 3), (0, 4)}
    #   (2, 1) is beside (1, 1), (3, 2) beside (2, 1), (5, 3) beside (5, 4); (0, 4) beside nothing.
    assert symmetrized(forward, backward, "intersection") == {(0, 0), (1, 1), (5, 4)}
    grown = symmetrized(forward, backward, "grow_diag")
    assert grown == {(0, 0), (1, 1), (5, 4), (2, 1), (3, 2), (5, 3)}
    # Both pieces have a link: nothing is added.
    square = {(0, 0), (1, 1)}
    assert symmetrized(square | {(0, 1)}, square, "grow_diag") == square
    assert pharaoh(grown) == "0-0 1-1 2-1 3-2 5-3 5-4"


def test_words_of_a_made_up_language_find_each_other():
    """Each source word has one translation, in another order, among words that have none."""
    chance = random.Random(1)
    rows = []
    for _ in range(400):
        words = [chance.randrange(1, 40) for _ in range(chance.randrange(2, 8))]
        target = [word + 5 for word in words]
        if len(target) > 2:
            target[0], target[1] = target[1], target[0]
        rows.append((words, [*target, 0]))
    part = as_ragged(rows)
    model = IbmModel.of_pairs([part], (40, 45))
    for _ in range(5):
        model = model.improved([part])
    lexicon = Lexicon.of(model, np.bincount(part[1].values, minlength=45))
    assert lexicon.best(1)[1:, 0].tolist() == list(range(6, 45))
    links = links_of(model, *part, "intersection")
    right = sum(
        target[j] == source[i] + 5
        for (source, target), row in zip(rows, links, strict=True)
        for i, j in row
    )
    assert right / sum(map(len, links)) > 0.97
    assert sum(map(len, links)) > 0.95 * sum(len(source) for source, _ in rows)


def test_a_lexicon_has_each_piece_s_likeliest_and_comes_back_from_its_file(tmp_path):
    rows = [one for one in corpus(rows=40) if all(one)]
    part = as_ragged(rows)
    model = IbmModel.of_pairs([part], SIZES).improved([part])
    counts = np.bincount(part[1].values, minlength=SIZES[1])
    whole, cut = Lexicon.of(model, counts), Lexicon.of(model, counts, 3)
    links = defaultdict(dict)
    for key, one in zip(model.keys, model.links, strict=True):
        links[int(key) // SIZES[1]][int(key) % SIZES[1]] = float(one)
    for s in range(SIZES[0]):
        entries = sorted(links[s].items(), key=lambda each: (-each[1], each[0]))
        start, stop = whole.offsets[s : s + 2]
        assert whole.ids[start:stop].tolist() == [t for t, _ in entries]
        shares = [one / sum(links[s].values()) for _, one in entries]
        np.testing.assert_allclose(whole.probabilities[start:stop], shares, rtol=1e-6)
        assert [t for t in cut.best(4)[s] if t >= 0] == [t for t, _ in entries[:3]]
    order = sorted(range(SIZES[1]), key=lambda t: (-counts[t], t))
    assert whole.frequent(4).tolist() == order[:4]
    whole.save(tmp_path / "lexicon.safetensors")
    again = Lexicon.load(tmp_path / "lexicon.safetensors")
    for name, value in vars(whole).items():
        np.testing.assert_array_equal(value, getattr(again, name))


@pytest.mark.parametrize("at_once", [5, 1 << 16])
def test_links_of_a_batch_stand_at_their_target_pieces(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(link_store, "_LINES", at_once)
    monkeypatch.setattr(link_store, "MOST", 3)
    path = tmp_path / "links.txt"
    path.write_text("1-0 0-0 2-1\n\n12-2\n0-1 3-1 2-1 1-1\n", "utf-8")
    store = link_store.LinkStore.read(path)
    assert len(store) == 4
    rows = SimpleNamespace(locate=lambda examples: (np.minimum(examples, 0), examples))
    found = store(rows, np.array([3, -1, 0, 1, 2, 0]), 4)["links"]
    first = [[0, 1, -1], [2, -1, -1], [-1] * 3, [-1] * 3]
    none = [[-1] * 3] * 4
    assert found.tolist() == [
        [[-1] * 3, [0, 1, 2], [-1] * 3, [-1] * 3],  # the fourth link of a piece is left out
        none,
        first,
        none,
        [[-1] * 3, [-1] * 3, [12, -1, -1], [-1] * 3],
        first,
    ]


def test_rows_go_together_by_their_pairs(monkeypatch):
    monkeypatch.setattr(pairs, "PAIRS", 10)
    rows, sizes = np.array([4, 5, 6, 9, 10]), np.array([6, 4, 1, 30, 0])
    assert [one.tolist() for one in pairs.blocks(rows, sizes)] == [[4, 5], [6], [9], [10]]
