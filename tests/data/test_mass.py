"""The view of MASS: what is hidden is what is predicted, and where segments stand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials
from tfkd.data.ragged import Ragged
from tfkd.data.views import MassView, build_view
from tfkd.data.views.mass import segment_lengths, segment_starts
from tfkd.spec.errors import UserError

PAD, UNK, CLS, SEP, MASK = range(5)
SPECIALS = Specials(PAD, UNK, CLS, SEP, MASK, (PAD, UNK, CLS, SEP, MASK), 60)


def texts(lengths, field="text", seed=0):
    """One text for each length, of words 5 ... 59."""
    random = np.random.default_rng(seed)
    rows = Ragged.from_rows([random.integers(5, 60, length) for length in lengths])
    return ExampleSet([Part("texts", {(field, "t"): rows}, len(lengths))])


def clean(examples, row, field="text"):
    """x_1 ... x_n of a text, [SEP] among them."""
    return [*examples.take(field, "t", np.array([row])).values.tolist(), SEP]


def by_hand(view, tokens, source, target):
    """Checks one row of a record by the definition; returns the places of its segment."""
    n = len(tokens)
    assert source["valid"].tolist() == [place < n for place in range(len(source["valid"]))]
    predicted = np.flatnonzero(target["selected"])
    assert predicted.tolist() == list(range(len(predicted)))
    segment = []
    for place in predicted:
        u = target["positions"][place] + 1  # predicted is x_u
        assert target["labels"][place] == tokens[u - 1]
        assert target["ids"][place] == (CLS if u == 1 else tokens[u - 2])
        segment.append(u - 1)
    counted = n if view.end else n - 1
    m = min(max(1, round(counted * view.share)), n - 1)
    assert len(segment) == m
    assert segment == list(range(segment[0], segment[0] + m)) if m else not segment
    for place in range(n):
        read = source["ids"][place]
        if view.replace == (100, 0, 0):
            # The first word that is predicted is hidden as the others are, and none beyond.
            assert (read == MASK) == (place in segment)
        assert read == tokens[place] or place in segment
        assert read == tokens[place] or read == MASK or read >= 5
        if "memory_valid" in source:
            assert source["memory_valid"][place] == (read != MASK)
    for key in ("ids", "labels", "positions"):
        assert not target[key][m:].any()
    return segment


@given(
    lengths=st.lists(st.integers(0, 12), min_size=1, max_size=8),
    share=st.sampled_from([0.1, 0.5, 0.7, 1.0]),
    end=st.booleans(),
    hide_masked=st.booleans(),
    replace=st.sampled_from([(80, 10, 10), (100, 0, 0)]),
    epoch=st.integers(0, 5),
    pad_to=st.sampled_from([1, 4]),
)
@settings(max_examples=60, deadline=None)
def test_what_is_corrupted_is_what_is_predicted(
    lengths, share, end, hide_masked, replace, epoch, pad_to
):
    examples = texts(lengths)
    options = {"share": share, "end": end, "hide_masked": hide_masked, "replace": replace}
    view = MassView("t", SPECIALS, **options)
    found = view(examples, np.arange(len(lengths)), epoch, 7, pad_to=pad_to)
    assert ("memory_valid" in found["source"]) == hide_masked
    told = view.lengths(examples)
    for row in range(len(lengths)):
        source, target = ({k: v[row] for k, v in found[side].items()} for side in found)
        segment = by_hand(view, clean(examples, row), source, target)
        assert told["source"][row] == lengths[row] + 1
        assert told["target"][row] == max(1, len(segment))


def chi_square(counts, expected):
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize(
    ("shares", "front", "end"), [((20, 20, 60), 0.2, 0.2), ((0, 0, 100), 0, 0)]
)
def test_segments_start_as_the_paper_says(shares, front, end):
    """Chi-square over 40,000 texts of 11 words: 6 of 12 tokens, starts 0 ... 6, p > 0.001."""
    count = 40_000
    row = Ragged.from_rows([range(10, 21)] * count)
    examples = ExampleSet([Part("texts", {("text", "t"): row}, count)])
    view = MassView("t", SPECIALS, start=shares)
    target = view(examples, np.arange(count), 0, 1)["target"]
    counts = np.bincount(target["positions"][:, 0], minlength=7)
    expected = np.full(7, count * (1 - front - end) / 7)
    expected[0] += front * count
    expected[6] += end * count
    assert len(counts) == 7
    assert chi_square(counts, expected) < 22.5
    assert (target["selected"].sum(1) == 6).all()


def test_80_10_10():
    """Chi-square of what becomes of a segment's tokens: 2 degrees of freedom, p > 0.001; and no
    draw of one token tells that of the next."""
    count = 20_000
    row = Ragged.from_rows([range(10, 21)] * count)
    examples = ExampleSet([Part("texts", {("text", "t"): row}, count)])
    view = MassView("t", SPECIALS, start=(100, 0, 0))
    found = view(examples, np.arange(count), 0, 1)["source"]["ids"][:, :6]
    words = np.arange(10, 16)
    masked, kept = found == MASK, found == words
    random = ~masked & ~kept
    # A random word is the word itself in 1 of 55 draws.
    shares = np.array([0.8, 0.1 * 54 / 55, 0.1 + 0.1 / 55])
    totals = np.array([masked.sum(), random.sum(), kept.sum()])
    assert chi_square(totals, shares * 6 * count) < 13.8
    both = (masked[:, 1:] & masked[:, :-1]).mean()
    assert abs(both - 0.64) < 0.005
    drawn = np.bincount(found[random], minlength=60)
    assert not drawn[:5].any()
    assert drawn[20:].min() > 0


def test_the_codes_lengths_are_rounded_to_even_and_never_the_whole_text():
    tokens = np.array([0, 1, 2, 3, 4, 5, 6, 7, 50])
    assert segment_lengths(tokens, 0.5).tolist() == [0, 0, 1, 2, 2, 2, 3, 4, 25]
    assert segment_lengths(tokens, 1.0).tolist() == [0, 0, 1, 2, 3, 4, 5, 6, 49]
    assert segment_lengths(tokens, 1.0, whole=True).tolist() == tokens.tolist()
    place = segment_starts(
        np.array([4]), np.array([2]), (0, 0, 1), np.array([0.5]), np.array([1 - 1e-12])
    )
    assert place.tolist() == [2]


def test_pairs_are_read_by_the_side_that_is_named():
    fields = {
        (side, "t"): Ragged.from_rows([range(start, start + 8)])
        for side, start in (("source", 10), ("target", 30))
    }
    examples = ExampleSet([Part("pairs", fields, 1), Part("turned", fields, 1, swap=True)])
    rows = np.arange(2)
    for side, low in (("source", [10, 30]), ("target", [30, 10])):
        view = build_view("mass", {"source": "t", "target": "t"}, {"t": SPECIALS}, side=side)
        labels = view(examples, rows, 0, 0)["target"]["labels"]
        words = np.where(labels > SEP, labels // 20 * 20 + 10, np.array(low)[:, None])
        assert (words == np.array(low)[:, None]).all()


def test_what_cannot_be_read_is_named():
    with pytest.raises(UserError, match="neither a field `text` nor `target` in tokenizer t"):
        MassView("t", SPECIALS, side="target", name="m").lengths(texts([3], field="source"))
    two = {"source": "a", "target": "b"}
    with pytest.raises(UserError, match="two tokenizers, a and b; give the model one"):
        build_view("mass", two, {"a": SPECIALS, "b": SPECIALS})
    with pytest.raises(
        UserError, match="for an encoder-decoder, and this model reads one sequence"
    ):
        build_view("mass", {"text": "t"}, {"t": SPECIALS})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"share": 0}, "`share`. Expected 0 < share <= 1"),
        ({"side": "text"}, "`side`. Expected one of source, target"),
        ({"start": (0, 0, 0)}, "`start`. Expected three shares"),
        ({"replace": (1, 2)}, "`replace`. Expected three shares"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MassView("t", SPECIALS, **options)


def test_draws_hang_on_seed_epoch_and_options_but_not_on_the_name():
    row = Ragged.from_rows([range(10, 30)] * 50)
    examples = ExampleSet([Part("texts", {("text", "t"): row}, 50)])
    rows = np.arange(50)

    def starts(epoch=0, seed=0, **options):
        view = MassView("t", SPECIALS, **{"name": "a", **options})
        return view(examples, rows, epoch, seed)["target"]["positions"][:, 0]

    first = starts()
    assert len(np.unique(first)) > 5
    assert np.array_equal(first, starts(name="b"))
    for other in (starts(epoch=1), starts(seed=1), starts(share=0.4), starts(side="target")):
        assert not np.array_equal(first, other)
