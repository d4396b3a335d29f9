"""SpanBERT's masks, and corrupted sources of pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials
from tfkd.data.ragged import Ragged
from tfkd.data.views import SpansView, build_view
from tfkd.data.views.spans import span_lengths
from tfkd.spec.errors import UserError

PAD, UNK, CLS, SEP, MASK, SIZE = 0, 1, 2, 3, 4, 60
# Ids from 40 on go on with a word.
CONTINUES = np.arange(SIZE) >= 40
SPECIALS = {"t": Specials(PAD, UNK, CLS, SEP, MASK, (0, 1, 2, 3, 4), SIZE, CONTINUES)}
TEXT, PAIR = {"text": "t"}, {"source": "t", "target": "t"}


def sentences(rows=200, words=12, pieces=3, seed=0, sides=("text",)):
    """Rows of words of one to some pieces."""
    draw = np.random.default_rng(seed)

    def row():
        return [
            piece
            for _ in range(words)
            for piece in (
                draw.integers(5, 40),
                *draw.integers(40, SIZE, draw.integers(0, pieces)),
            )
        ]

    fields = {(side, "t"): Ragged.from_rows([row() for _ in range(rows)]) for side in sides}
    return ExampleSet([Part("train", fields, rows)])


def record_of(examples, sides=TEXT, epoch=0, seed=3, rows=None, **options):
    view = build_view("spans", sides, SPECIALS, name="spans", **options)
    rows = np.arange(len(examples)) if rows is None else rows
    return view(examples, rows, epoch, seed)


def words_of(ids, valid):
    """The number of each token's word, -1 for [CLS], [SEP] and padding."""
    text = valid & (ids != CLS) & (ids != SEP)
    return np.where(text, np.cumsum(text & ~CONTINUES[ids], 1) - 1, -1)


@settings(max_examples=20, deadline=None)
@given(
    p=st.floats(0.05, 1.0), longest=st.integers(1, 10), words=st.integers(1, 14),
    seed=st.integers(0, 1000),
)  # fmt: skip
def test_whole_words_within_the_budget(p, longest, words, seed):
    found = record_of(sentences(30, words, seed=seed), p=p, longest=longest)
    word = words_of(found["labels"], found["valid"])
    for row, selected in enumerate(found["selected"]):
        chosen = set(word[row][selected])
        assert -1 not in chosen
        assert np.array_equal(selected, np.isin(word[row], list(chosen)))
        tokens = (word[row] >= 0).sum()
        budget = int(np.ceil(p * tokens - 1e-9))
        # One word may pass the budget, by fewer tokens than it has.
        longest_word = np.bincount(word[row][word[row] >= 0]).max()
        assert budget <= selected.sum() < budget + longest_word


def spans_of(found):
    """Runs of chosen tokens, as (row, first, behind)."""
    for row, selected in enumerate(found["selected"]):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], selected.astype(int), [0]])))
        yield from ((row, first, behind) for first, behind in edges.reshape(-1, 2))


def test_a_span_has_one_fate():
    found = record_of(sentences(400), p=0.04)  # a budget of one or two tokens: one span a row
    counts = {"mask": 0, "kept": 0, "random": 0}
    for row, first, behind in spans_of(found):
        ids, clean = found["ids"][row, first:behind], found["labels"][row, first:behind]
        if (ids == MASK).any():
            assert (ids == MASK).all()
            counts["mask"] += 1
        else:
            counts["kept" if np.array_equal(ids, clean) else "random"] += 1
    total = sum(counts.values())
    assert total >= 400
    for fate, share in (("mask", 0.8), ("random", 0.1), ("kept", 0.1)):
        # Five standard deviations.
        assert abs(counts[fate] / total - share) < 5 * np.sqrt(share * (1 - share) / total), fate


@pytest.mark.parametrize(("geometric", "longest"), [(0.2, 10), (0.5, 4), (1.0, 3), (0.2, 1)])
def test_lengths_are_geometric_and_cut(geometric, longest):
    drawn = span_lengths(np.random.default_rng(2).random(200_000), geometric, longest)
    length = np.arange(1, longest + 1)
    expected = geometric * (1 - geometric) ** (length - 1)
    expected = expected / expected.sum()
    counts = np.bincount(drawn, minlength=longest + 1)[1:]
    spread = np.sqrt(200_000 * expected * (1 - expected)) + 1e-9
    assert counts.sum() == 200_000
    assert (np.abs(counts - 200_000 * expected) <= 5 * spread).all()


def test_the_published_mean_length_is_3_8_words():
    assert span_lengths(np.random.default_rng(1).random(400_000), 0.2, 10).mean() == pytest.approx(
        3.8, abs=0.02
    )


def test_every_token_can_start_a_span_and_none_is_favoured():
    examples = sentences(1, 20, 1)  # words of one piece
    view = SpansView("t", SPECIALS["t"], p=0.01, longest=1)
    draws = 20_000
    counts = sum(
        view(examples, np.zeros(2000, np.int64), np.arange(first, first + 2000), 5)["selected"].sum(
            0
        )
        for first in range(0, draws, 2000)
    )[1:-1]
    assert counts.sum() == draws
    assert (np.abs(counts - draws / 20) < 5 * np.sqrt(draws / 20)).all()


def test_spans_do_not_go_from_one_side_to_the_other():
    examples = sentences(300, 3, 1, sides=("source", "target"))
    view = build_view("spans", TEXT, SPECIALS, p=0.2)
    found = view(examples, np.arange(300), 0, 1)
    specials = (found["labels"] == CLS) | (found["labels"] == SEP) | ~found["valid"]
    assert not (found["selected"] & specials).any()
    for row, first, behind in spans_of(found):
        assert len(set(found["types"][row, first:behind])) == 1


def test_without_knowledge_of_words_each_token_is_one():
    specials = {"t": Specials(PAD, UNK, CLS, SEP, MASK, (0, 1, 2, 3, 4), SIZE)}
    view = build_view("spans", TEXT, specials, p=0.5)
    found = view(sentences(20), np.arange(20), 0, 1)
    tokens = (found["valid"] & (found["labels"] != CLS) & (found["labels"] != SEP)).sum(1)
    np.testing.assert_array_equal(found["selected"].sum(1), np.ceil(tokens / 2))


@pytest.mark.parametrize("kind", ["mlm", "spans"])
def test_a_source_is_hidden_where_a_pairs_encoder_reads_it(kind):
    examples = sentences(40, sides=("source", "target"))
    view = build_view(kind, PAIR, SPECIALS, name="masked", p=0.3)
    plain = build_view("none", PAIR, SPECIALS)(examples, np.arange(40), 0, 3, pad_to=4)["source"]
    found = view(examples, np.append(np.arange(40), -1), 0, 3, pad_to=4)
    assert found.keys() == {"source"}
    source = found["source"]
    np.testing.assert_array_equal(source["labels"][:-1], plain["ids"])
    np.testing.assert_array_equal(source["valid"][:-1], plain["valid"])
    assert not any(value[-1].any() for value in source.values())
    changed = source["ids"] != source["labels"]
    assert changed.any()
    assert not (changed & ~source["selected"]).any()
    assert not (source["selected"] & (source["labels"] == SEP)).any()
    np.testing.assert_array_equal(view.lengths(examples)["source"], plain["valid"].sum(1))


@pytest.mark.parametrize("kind", ["mlm", "spans"])
def test_a_hidden_source_does_not_depend_on_its_batch(kind):
    examples = sentences(30, sides=("source", "target"))
    view = build_view(kind, PAIR, SPECIALS, name="masked", p=0.3)
    order = np.random.default_rng(4).permutation(30)
    together = view(examples, order, 2, 9, pad_to=4)["source"]
    for place in (0, 11, 29):
        alone = view(examples, order[[place]], 2, 9)["source"]
        for name, values in alone.items():
            np.testing.assert_array_equal(together[name][place, : values.shape[1]], values[0], name)


def test_masks_change_from_epoch_to_epoch_and_are_those_of_the_seed():
    examples = sentences(30)
    one, other = (record_of(examples, epoch=epoch)["selected"] for epoch in (0, 1))
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(one, record_of(examples, epoch=0)["selected"])


def test_a_corpus_without_a_source_is_named():
    with pytest.raises(UserError, match="hides words of the source, and a corpus has no `source`"):
        build_view("mlm", PAIR, SPECIALS, name="masked").lengths(sentences(3))


@pytest.mark.parametrize("options", [{"p": 0}, {"geometric": 0}, {"longest": 0}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match="Expected 0 < p <= 1"):
        SpansView("t", SPECIALS["t"], **options)
