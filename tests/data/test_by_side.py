"""Views of a decoder that fills in: counts, spans, and each side by itself."""

import numpy as np
import pytest

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials
from tfkd.data.ragged import Ragged
from tfkd.data.views import BySideView, OneSpanView, UniformCountView, build_view
from tfkd.data.views.base import Draws
from tfkd.data.views.one_span import choose_span
from tfkd.data.views.uniform_count import choose_count


@pytest.fixture
def specials():
    return Specials(0, 1, 2, 3, 4, (0, 1, 2, 3, 4), 60)


@pytest.fixture
def specials_by_name(specials):
    """Two vocabularies whose special ids differ."""
    return {"s": specials, "t": Specials(0, 1, 5, 6, 7, (0, 1, 5, 6, 7), 50)}


@pytest.fixture
def pairs():
    random = np.random.default_rng(0)
    fields = {
        side: Ragged.from_rows([random.integers(10, 50, count) for count in counts])
        for side, counts in {("source", "s"): (4, 9, 1), ("target", "t"): (7, 3, 10)}.items()
    }
    return ExampleSet([Part("train", fields, 3)])


def text(lengths, width, specials, seed=0):
    """Rows of words and [SEP], as `layouts.alone` lays them out."""
    rng = np.random.default_rng(seed)
    ids = np.full((len(lengths), width), specials.pad_id, np.int32)
    for row, length in enumerate(lengths):
        ids[row, : length - 1] = rng.integers(10, specials.size, length - 1)
        ids[row, length - 1] = specials.end_id
    zero = np.zeros(len(lengths), np.int64)
    return {
        "ids": ids,
        "types": np.zeros_like(ids),
        "valid": np.arange(width) < np.array(lengths)[:, None],
        "first_start": zero,
        "first_length": np.array(lengths),
        "second_start": np.array(lengths),
        "second_length": zero,
    }


def draws(count, epoch=0):
    return Draws(1, epoch, np.arange(count), "test")


def chi_square(counts, expected):
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize(("most", "highest"), [("all", 7), ("all_but_one", 6)])
def test_each_number_of_masked_tokens_is_as_likely(most, highest, specials):
    """Chi-square over 21,000 texts of 7 tokens: 6 (5) degrees of freedom, p > 0.001."""
    sequence = text([7] * 21_000, 8, specials)
    view = UniformCountView("t", specials, most=most)
    found = view.corrupt(sequence, draws(21_000))
    numbers = found["selected"].sum(1)
    assert numbers.min() == 1
    assert numbers.max() == highest
    counts = np.bincount(numbers, minlength=highest + 1)[1:]
    assert chi_square(counts, 21_000 / highest) < {7: 22.5, 6: 20.5}[highest]
    # And each place: [SEP] is chosen as often as a word.
    places = found["selected"].sum(0)[:7]
    assert chi_square(places, places.mean()) < 22.5
    assert not found["selected"][:, 7:].any()


def test_80_10_10(specials):
    """Chi-square of what becomes of chosen tokens, 2 degrees of freedom; no special is drawn."""
    sequence = text([12] * 4000, 12, specials)
    view = UniformCountView("t", specials, replace=(80, 10, 10))
    found = view.corrupt(sequence, draws(4000))
    chosen, old, new = (found[key][found["selected"]] for key in ("selected", "labels", "ids"))
    masked = (new == specials.mask_id).sum()
    kept = (new == old).sum()
    random = len(chosen) - masked - kept
    # A random word is the old one once in a vocabulary.
    shares = np.array([0.8, 0.1 * (1 - 1 / (specials.size - 5)), 0.1])
    counts = np.array([masked, random, kept])
    assert chi_square(counts, shares * len(chosen)) < 13.8
    assert not set(new[(new != old) & (new != specials.mask_id)]) & set(specials.special_ids)
    np.testing.assert_array_equal(
        found["ids"][~found["selected"]], sequence["ids"][~found["selected"]]
    )


def test_choose_count_takes_the_smallest_of_its_order():
    allowed = np.array([[True, True, True, False], [False, False, False, False], [True] * 4])
    order = np.array([[0.3, 0.1, 0.2, 0.0], [0.1] * 4, [0.9, 0.1, 0.5, 0.4]])
    found = choose_count(allowed, np.array([0.5, 0.5, 0.999]), order)
    np.testing.assert_array_equal(
        found, [[False, True, True, False], [False] * 4, [True, True, True, True]]
    )
    one = choose_count(np.array([[True]]), np.array([0.9]), np.array([[0.1]]), spared=1)
    assert one.tolist() == [[True]]


def test_the_span_has_the_code_s_length_and_places(specials):
    """max(1, round(0.1 L)) + 1 tokens from the front, the end, or between: 20, 20 and 60 %."""
    lengths = np.array([1, 2, 4, 14, 15, 16, 25, 26, 40])
    first, size = choose_span(lengths, 0.1, np.full(9, 0.9), np.zeros(9))
    assert first.tolist() == [0] * 9
    expected = [max(1, round(0.1 * length)) + 1 for length in lengths.tolist()]
    assert size.tolist() == expected
    last, _ = choose_span(lengths, 0.1, np.full(9, 0.7), np.zeros(9))
    assert last.tolist() == [
        max(0, n - (size - 1)) for n, size in zip(lengths, expected, strict=True)
    ]
    count = 40_000
    view = OneSpanView("t", specials)
    found = view.corrupt(text([20] * count, 20, specials), draws(count))
    starts = found["selected"].argmax(1)
    ends = 20 - found["selected"][:, ::-1].argmax(1)
    assert set((ends - starts).tolist()) <= {2, 3}
    np.testing.assert_array_equal(found["selected"].sum(1), ends - starts)  # one span
    # Front: 0.2 and a share of the 0.6 between, over the 18 places before the last.
    counts = np.bincount(starts, minlength=19)
    shares = np.full(19, 0.6 / 18)
    shares[0] += 0.2
    shares[18] = 0.2
    assert chi_square(counts, shares * count) < 42.3  # 18 degrees of freedom, p > 0.001


def test_both_sides_stand_at_their_own_places(pairs, specials_by_name):
    tokenizers = {"source": "s", "target": "t"}
    view = build_view(
        "by_side", tokenizers, specials_by_name, name="v",
        source={"kind": "one_span", "p": 0.5}, target={"kind": "uniform_count"},
    )  # fmt: skip
    assert isinstance(view, BySideView)
    examples = np.array([0, 2, -1, 1])
    found = view(pairs, examples, 3, 7)
    target = specials_by_name["t"]
    for row, example in enumerate(examples):
        side = found["target"]
        if example < 0:
            assert not side["valid"][row].any()
            assert not side["selected"][row].any()
            assert not found["source"]["valid"][row].any()
            continue
        whole = [*pairs.take("target", "t", np.array([example])).row(0), target.end_id]
        count = len(whole)
        assert side["labels"][row, :count].tolist() == whole
        assert side["valid"][row].sum() == count
        hidden = side["ids"][row, :count] == target.mask_id
        np.testing.assert_array_equal(hidden, side["selected"][row, :count])
        source = [*pairs.take("source", "s", np.array([example])).row(0)]
        assert found["source"]["valid"][row].sum() == len(source) + 1
    assert set(found["source"]) == {"ids", "valid"}


def test_a_side_without_a_corruption_stays_as_it_is(pairs, specials_by_name):
    tokenizers = {"source": "s", "target": "t"}
    view = build_view("by_side", tokenizers, specials_by_name, target={"kind": "uniform_count"})
    plain = build_view("by_side", tokenizers, specials_by_name)
    examples = np.arange(3)
    left, right = view(pairs, examples, 0, 1), plain(pairs, examples, 0, 1)
    np.testing.assert_array_equal(left["source"]["ids"], right["source"]["ids"])
    np.testing.assert_array_equal(right["target"]["selected"], right["target"]["valid"])
    np.testing.assert_array_equal(right["target"]["ids"], right["target"]["labels"])


def test_masks_do_not_depend_on_the_batch_and_are_new_each_epoch(pairs, specials_by_name):
    tokenizers = {"source": "s", "target": "t"}
    options = {"target": {"kind": "uniform_count", "replace": [80, 10, 10]}}
    view = build_view("by_side", tokenizers, specials_by_name, **options)
    whole = view(pairs, np.arange(3), 2, 5, widths={"source": 12, "target": 12})
    alone = view(pairs, np.array([1]), 2, 5, widths={"source": 12, "target": 12})
    np.testing.assert_array_equal(whole["target"]["ids"][1], alone["target"]["ids"][0])
    many = [
        view(pairs, np.array([1]), epoch, 5)["target"]["selected"].tolist() for epoch in range(6)
    ]
    assert len({str(one) for one in many}) > 1


def test_sides_that_are_corrupted_alike_draw_their_own_numbers():
    """The same text on both sides, in one vocabulary: the masks differ."""
    rows = Ragged.from_rows([np.arange(10, 40)] * 8)
    same = ExampleSet([Part("train", {("source", "s"): rows, ("target", "s"): rows}, 8)])
    specials = {"s": Specials(0, 1, 2, 3, 4, (0, 1, 2, 3, 4), 60)}
    kind = {"kind": "uniform_count"}
    view = build_view("by_side", {"source": "s", "target": "s"}, specials, source=kind, target=kind)
    found = view(same, np.arange(8), 0, 1)
    masked = [found[side]["ids"] == specials["s"].mask_id for side in ("source", "target")]
    assert all((left != right).any() for left, right in zip(*masked, strict=True))


def test_the_id_under_a_mask_is_a_label_alone(specials):
    """Another word under a [MASK] changes the label there, and nothing that a model reads."""
    sequence = text([9] * 50, 9, specials)
    view = UniformCountView("t", specials)
    found = view.corrupt(sequence, draws(50))
    other = {**sequence, "ids": np.where(found["selected"], 11, sequence["ids"])}
    changed = view.corrupt(other, draws(50))
    np.testing.assert_array_equal(changed["ids"], found["ids"])
    assert (changed["labels"] != found["labels"]).any()


def test_options_that_cannot_be_are_refused(specials):
    with pytest.raises(ValueError, match="most"):
        UniformCountView("t", specials, most="some")
    with pytest.raises(ValueError, match="`p`"):
        OneSpanView("t", specials, p=0)
    with pytest.raises(ValueError, match="corruptions"):
        BySideView({"middle": None}, {}, {})
