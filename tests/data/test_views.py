import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials
from tfkd.data.ragged import Ragged
from tfkd.data.views import build_view
from tfkd.data.views.corruption import Probability
from tfkd.spec.errors import UserError

PAD, UNK, CLS, SEP, MASK = range(5)
# [UNK] is a word that may be hidden, but no random word.
SPECIALS = {"t": Specials(PAD, UNK, CLS, SEP, MASK, (0, 1, 2, 3, 4), 60)}
STREAM, PAIR = {"text": "t"}, {"source": "t", "target": "t"}
KINDS = ["none", "mlm", "spans", "conditional_mlm", "prefix_lm"]


def example_set(rows, sides=("source", "target"), seed=0, shortest=0, longest=9, swap=False):
    random = np.random.default_rng(seed)
    fields = {
        (side, "t"): Ragged.from_rows(
            [random.integers(5, 60, random.integers(shortest, longest + 1)) for _ in range(rows)]
        )
        for side in sides
    }
    return ExampleSet([Part("train", fields, rows, swap=swap)])


def excess(counts, expected):
    """(chi-square - degrees of freedom) in standard deviations; above 5 has odds below 1e-5."""
    counts, expected = np.asarray(counts, float).ravel(), np.asarray(expected, float).ravel()
    return (((counts - expected) ** 2 / expected).sum() - len(counts) + 1) / np.sqrt(
        2 * (len(counts) - 1)
    )


def leaves(record):
    for name, value in record.items():
        if isinstance(value, dict):
            for inner, array in leaves(value):
                yield f"{name}.{inner}", array
        else:
            yield name, value


def assert_equal(one, other):
    one, other = dict(leaves(one)), dict(leaves(other))
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert np.array_equal(value, other[name]), name
        assert value.dtype == other[name].dtype


@pytest.mark.parametrize(
    ("kind", "sides"),
    [*((kind, STREAM) for kind in KINDS), ("none", PAIR), ("mass", PAIR)],
    ids=str,
)
def test_a_row_does_not_depend_on_its_batch(kind, sides):
    examples = example_set(40)
    view = build_view(kind, sides, SPECIALS)
    order = np.random.default_rng(1).permutation(40)
    batch = view(examples, np.concatenate([order, [-1, -1]]), 3, 11, pad_to=4)
    for place in (0, 7, 39):
        alone = dict(leaves(view(examples, order[[place]], np.array([3]), 11)))
        for name, rows in leaves(batch):
            expected = alone[name][0]
            if rows.ndim == 1:
                assert rows[place] == expected
            else:
                assert np.array_equal(rows[place, : len(expected)], expected), name
                assert not rows[place, len(expected) :].any()  # [PAD] is 0
    for name, rows in leaves(batch):
        assert not rows[-2:].any(), name
        assert rows.ndim == 1 or rows.shape[1] % 4 == 0
        if name.endswith(("ids", "labels", "types", "prefix", "positions")):
            assert rows.dtype == np.int32
        else:
            assert rows.dtype == bool


@pytest.mark.parametrize("kind", ["mlm", "conditional_mlm"])
def test_masks_change_with_seed_epoch_example_and_options_but_not_with_the_name(kind):
    # One sentence many times: what differs between rows is the draw alone.
    row = Ragged.from_rows([range(10, 40)] * 50)
    examples = ExampleSet([Part("p", {("source", "t"): row, ("target", "t"): row}, 50)])
    rows = np.arange(50)
    view = build_view(kind, STREAM, SPECIALS, p=0.5, name="a")
    chosen = view(examples, rows, 0, 0)["selected"]
    assert len(np.unique(chosen, axis=0)) == 50
    assert_equal(
        build_view(kind, STREAM, SPECIALS, p=0.5, name="b")(examples, rows, 0, 0),
        view(examples, rows, 0, 0),
    )
    column = chosen.any(axis=0)
    others = {
        "epoch": view(examples, rows, 1, 0),
        "seed": view(examples, rows, 0, 1),
        "options": build_view(kind, STREAM, SPECIALS, p=0.51)(examples, rows, 0, 0),
    }
    for name, other in others.items():
        agree = (other["selected"] == chosen)[:, column].mean()
        assert abs(agree - 0.5) < 0.06, name  # 1500 fair coins and more: 0.013 is a deviation


@settings(deadline=None)
@given(st.integers(0, 2**40), st.booleans())
def test_mlm_hides_words_of_either_side_and_nothing_else(epoch, pair):
    examples = example_set(12, ("source", "target") if pair else ("text",))
    view = build_view("mlm", STREAM, SPECIALS, p={"uniform": [0.1, 1.0]})
    rows = np.arange(12)
    record = view(examples, rows, epoch, 0)
    clean = build_view("none", STREAM, SPECIALS)(examples, rows, 0, 0)
    for name in ("types", "valid", "labels"):
        assert np.array_equal(record[name], clean[name])
    assert np.array_equal(clean["ids"], clean["labels"])
    ends = (clean["ids"] == CLS) | (clean["ids"] == SEP)
    assert np.array_equal(clean["selected"], clean["valid"] & ~ends)
    assert not (record["selected"] & ~clean["selected"]).any()
    changed = record["ids"] != record["labels"]
    assert not (changed & ~record["selected"]).any()
    new = record["ids"][changed]
    assert ((new == MASK) | (new >= 5)).all()


def test_mlm_chooses_15_percent_and_replaces_80_10_10():
    examples = example_set(20000, ("text",), shortest=5, longest=15)
    view = build_view("mlm", STREAM, SPECIALS)
    record = view(examples, np.arange(20000), 0, 5)
    words = record["valid"] & (record["labels"] >= 5)
    chosen, total = record["selected"].sum(), words.sum()
    assert abs(excess([chosen, total - chosen], [0.15 * total, 0.85 * total])) < 5
    ids, labels = record["ids"][record["selected"]], record["labels"][record["selected"]]
    masked, kept = (ids == MASK).sum(), (ids == labels).sum()
    # A random word is the word itself once in 55.
    shares = np.array([0.8, 0.1 * 54 / 55, 0.1 + 0.1 / 55])
    assert excess([masked, chosen - masked - kept, kept], shares * chosen) < 5
    random = ids[(ids != MASK) & (ids != labels)]
    assert abs(excess(np.bincount(random, minlength=60)[5:], np.full(55, len(random) / 55))) < 5


def test_mlm_takes_other_shares():
    examples = example_set(200, ("text",))
    for replace, allowed in (((1, 0, 0), "mask"), ((0, 1, 0), "word"), ((0, 0, 3), "same")):
        view = build_view("mlm", STREAM, SPECIALS, p=1.0, replace=replace)
        record = view(examples, np.arange(200), 0, 0)
        ids, labels = record["ids"][record["selected"]], record["labels"][record["selected"]]
        got = {"mask": (ids == MASK).all(), "word": (ids >= 5).all(), "same": (ids == labels).all()}
        assert got[allowed]
        assert (got["word"], got["mask"]) == (allowed != "mask", allowed == "mask")


@settings(deadline=None)
@given(st.integers(0, 2**40), st.sampled_from([0.001, 0.15, 1.0]))
def test_conditional_mlm_hides_part_of_the_target(epoch, p):
    examples = example_set(12)
    view = build_view("conditional_mlm", STREAM, SPECIALS, p=p)
    sequence = view.laid_out(examples, np.arange(12))
    record = view(examples, np.arange(12), epoch, 0)
    column = np.arange(record["ids"].shape[1])
    start, length = sequence["second_start"][:, None], sequence["second_length"][:, None]
    target = (column >= start) & (column < start + length)
    assert record["selected"].any(axis=1).all()
    assert not (record["selected"] & ~target).any()
    assert np.array_equal(record["ids"], np.where(record["selected"], MASK, sequence["ids"]))
    assert np.array_equal(record["labels"], sequence["ids"])
    if p == 1.0:
        assert np.array_equal(record["selected"], target)


@pytest.mark.parametrize("p", [0.15, 0.6, {"uniform": [0.15, 0.7]}])
def test_conditional_mlm_draws_as_if_it_drew_again(p):
    # Four words and the end: all 31 masks against their probability given that one is chosen.
    count, length = 60000, 5
    row = Ragged.from_rows([[9, 8, 7, 6]] * count)
    examples = ExampleSet([Part("p", {("source", "t"): row, ("target", "t"): row}, count)])
    record = build_view("conditional_mlm", STREAM, SPECIALS, p=p)(examples, np.arange(count), 2, 3)
    masks = record["selected"][:, -length:] @ (1 << np.arange(length))
    low, high = (p, p) if isinstance(p, float) else p["uniform"]
    probabilities = np.linspace(low, high, 4001)
    expected = []
    for mask in itertools.product([0, 1], repeat=length):
        chosen = sum(mask)
        given_one = (
            probabilities**chosen
            * (1 - probabilities) ** (length - chosen)
            / (1 - (1 - probabilities) ** length)
        )
        expected.append(
            np.trapezoid(given_one, probabilities) / (high - low) if high > low else given_one[0]
        )
    # product's first element is the highest bit.
    index = [
        sum(bit << i for i, bit in enumerate(mask))
        for mask in itertools.product([0, 1], repeat=length)
    ]
    by_mask = np.zeros(32)
    by_mask[index] = expected
    counts = np.bincount(masks, minlength=32)
    assert counts[0] == 0
    assert by_mask[1:].sum() == pytest.approx(1, abs=1e-6)
    assert excess(counts[1:], by_mask[1:] * count) < 5


def test_a_uniform_probability_is_drawn_by_sentence():
    row = Ragged.from_rows([np.full(400, 9)] * 3000)
    examples = ExampleSet([Part("p", {("text", "t"): row}, 3000)])
    view = build_view("mlm", STREAM, SPECIALS, p={"uniform": [0.2, 0.6]}, max_length=None)
    share = view(examples, np.arange(3000), 0, 0)["selected"].sum(axis=1) / 400
    assert share.mean() == pytest.approx(0.4, abs=0.01)
    # Var U(0.2, 0.6) and the mean binomial variance.
    variance = 0.4**2 / 12 + (0.4 - (0.16 + 0.4**2 / 12)) / 400
    assert share.var() == pytest.approx(variance, rel=0.08)


@settings(deadline=None)
@given(st.integers(0, 100))
def test_prefix_lm_predicts_the_next_token_of_the_target(seed):
    examples = example_set(8, seed=seed)
    view = build_view("prefix_lm", STREAM, SPECIALS)
    record = view(examples, np.arange(8), 0, 0)
    for i in range(8):
        source = examples.take("source", "t", np.array([i])).values.tolist()
        target = examples.take("target", "t", np.array([i])).values.tolist()
        row = [CLS, *source, SEP, *target, SEP]
        assert record["ids"][i, : len(row)].tolist() == row
        assert record["prefix"][i] == len(source) + 2
        read_at = np.flatnonzero(record["selected"][i])
        # The row for token t stands at t - 1; the first at the source's [SEP], the last at the
        # target's last token.
        assert read_at.tolist() == list(range(len(source) + 1, len(row) - 1))
        assert record["labels"][i, read_at].tolist() == [*target, SEP]


def test_prefix_lm_of_a_text_predicts_all_of_it():
    examples = example_set(8, ("text",))
    record = build_view("prefix_lm", STREAM, SPECIALS)(examples, np.arange(8), 0, 0)
    for i in range(8):
        text = examples.take("text", "t", np.array([i])).values.tolist()
        assert record["prefix"][i] == 1
        assert record["labels"][i][record["selected"][i]].tolist() == [*text, SEP]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("max_length", [6, 11, None])
def test_lengths_are_those_of_the_records(kind, max_length):
    examples = example_set(50)
    view = build_view(kind, STREAM, SPECIALS, max_length=max_length)
    valid = view(examples, np.arange(50), 0, 0)["valid"]
    lengths = view.lengths(examples)
    assert np.array_equal(lengths["joint"], valid.sum(axis=1))
    assert np.array_equal(lengths["source"] + lengths["target"], lengths["joint"])
    if kind == "none":
        pair = build_view(kind, PAIR, SPECIALS)
        record = pair(examples, np.arange(50), 0, 0)
        for side in ("source", "target"):
            assert np.array_equal(pair.lengths(examples)[side], record[side]["valid"].sum(axis=1))


def test_a_text_and_a_pair_corpus_stand_in_one_set():
    text, pairs = example_set(3, ("text",)).parts[0], example_set(4).parts[0]
    examples = ExampleSet([text, pairs])
    view = build_view("mlm", STREAM, SPECIALS)
    assert set(view.lengths(examples)) == {"joint"}
    types = view(examples, np.arange(7), 0, 0)["types"]
    assert types.any(axis=1).tolist() == [False] * 3 + [True] * 4


def test_swapped_sides_change_places():
    straight = build_view("none", PAIR, SPECIALS)(example_set(9), np.arange(9), 0, 0)
    turned = build_view("none", PAIR, SPECIALS)(example_set(9, swap=True), np.arange(9), 0, 0)
    assert np.array_equal(turned["source"]["ids"], straight["target"]["labels"])
    assert np.array_equal(turned["target"]["labels"], straight["source"]["ids"])


def test_what_a_view_cannot_read_is_refused_by_name():
    with pytest.raises(UserError, match=r"view cmlm: .* train has none"):
        build_view("conditional_mlm", STREAM, SPECIALS, name="cmlm").lengths(
            example_set(3, ("text",))
        )
    with pytest.raises(UserError, match="neither a field `text` nor `source`"):
        build_view("mlm", STREAM, SPECIALS).lengths(example_set(3, ("label",)))
    with pytest.raises(UserError, match="no `target`"):
        build_view("none", PAIR, SPECIALS).lengths(example_set(3, ("source",)))
    with pytest.raises(UserError, match="encoder-decoder"):
        build_view("conditional_mlm", PAIR, SPECIALS)
    for p in (0, 1.5, {"uniform": [0.5, 0.2]}):
        with pytest.raises(ValueError, match="`p`"):
            Probability.of(p)
    with pytest.raises(ValueError, match="`replace`"):
        build_view("mlm", STREAM, SPECIALS, replace=[0.8, 0.2])
