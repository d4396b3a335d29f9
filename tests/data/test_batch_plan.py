import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rings import examples

from tfkd.data.batches.batch_plan import BatchPlan
from tfkd.data.batches.buckets import UNITS
from tfkd.spec.errors import UserError

SETTINGS = st.fixed_dictionaries(
    {
        "size": st.integers(1, 300),
        "unit": st.sampled_from(UNITS),
        "pad_to": st.integers(1, 5),
        "rows_multiple": st.integers(1, 4),
        "seed": st.integers(-5, 2**40),
    }
)


def lengths_of(rows, seed=0, joint=False, longest=30):
    random = np.random.default_rng(seed)
    source = random.integers(1, longest, rows)
    target = np.maximum(1, source + random.integers(-5, 6, rows))
    pair = {"source": source, "target": target}
    return {"joint": source + target, **pair} if joint else pair


def epoch_of(plan, epoch):
    first = epoch * plan.batches_per_epoch
    return [plan.batch(first + i) for i in range(plan.batches_per_epoch)]


def real(batches):
    rows = np.concatenate([batch.examples for batch in batches])
    return rows[rows >= 0]


@settings(max_examples=examples(short=30, long=100), deadline=None)
@given(st.integers(1, 300), st.booleans(), SETTINGS, st.integers(0, 3))
def test_every_example_exactly_once_an_epoch(rows, joint, settings, epoch):
    plan = BatchPlan(lengths_of(rows, joint=joint), **settings)
    batches = epoch_of(plan, epoch)
    assert np.array_equal(np.sort(real(batches)), np.arange(rows))
    assert plan.examples_per_epoch == rows
    for batch in batches:
        assert batch.epoch == epoch
        assert (batch.visits[batch.examples >= 0] == epoch).all()
        # A bucket has a fixed number of rows, in equal slices, and no batch is empty.
        assert len(batch.examples) == plan.rows[batch.bucket]
        assert len(batch.examples) % settings["rows_multiple"] == 0
        assert batch.examples[0] >= 0
        members = plan.buckets[batch.bucket].members
        assert np.isin(batch.examples[batch.examples >= 0], members).all()


@settings(max_examples=examples(short=30, long=100), deadline=None)
@given(SETTINGS, st.lists(st.integers(0, 60), min_size=1, max_size=12))
def test_a_batch_does_not_depend_on_what_was_asked_before(settings, numbers):
    lengths = lengths_of(80)
    plan = BatchPlan(lengths, **settings)
    for number in numbers:
        got = plan.batch(number)
        fresh = BatchPlan(lengths, **settings).batch(number)
        assert got.epoch == fresh.epoch == number // plan.batches_per_epoch
        assert np.array_equal(got.examples, fresh.examples)
        assert np.array_equal(got.visits, fresh.visits)


@settings(max_examples=examples(short=30, long=100), deadline=None)
@given(st.integers(1, 300), st.booleans(), SETTINGS)
def test_max_tokens_is_never_exceeded(rows, joint, settings):
    settings = {**settings, "unit": "max_tokens"}
    lengths = lengths_of(rows, joint=joint)
    cost = lengths["joint"] if joint else np.maximum(lengths["source"], lengths["target"])
    plan = BatchPlan(lengths, **settings)
    for batch in epoch_of(plan, 0):
        longest = cost[batch.examples[batch.examples >= 0]].max()
        fits = len(batch.examples) * longest <= settings["size"]
        assert fits or len(batch.examples) == settings["rows_multiple"]


@pytest.mark.parametrize("unit", ["target_tokens", "joint_tokens", "sentences"])
@pytest.mark.parametrize("joint", [False, True])
def test_the_other_units_are_met_on_the_average(unit, joint):
    lengths = lengths_of(20000, joint=joint)
    size = 100 if unit == "sentences" else 1000
    plan = BatchPlan(lengths, size=size, unit=unit, seed=0)
    cost = {
        "target_tokens": lengths["target"],
        "joint_tokens": lengths["source"] + lengths["target"],
        "sentences": np.ones(20000),
    }[unit]
    sizes = [cost[real([batch])].sum() for batch in epoch_of(plan, 0)]
    assert 0.9 * size <= np.mean(sizes) <= size
    assert np.std(sizes) < 0.15 * size


def test_padding_is_small_and_fillers_are_few():
    lengths = lengths_of(20000)
    plan = BatchPlan(lengths, size=1000, unit="max_tokens", seed=0)
    real_tokens = padded = rows = 0
    for batch in epoch_of(plan, 0):
        chosen = real([batch])
        rows += len(batch.examples)
        for side in ("source", "target"):
            real_tokens += lengths[side][chosen].sum()
            padded += lengths[side][chosen].max() * len(batch.examples)
    assert real_tokens / padded > 0.85
    assert rows < 1.02 * 20000


def test_epochs_and_seeds_differ_and_mix():
    lengths = lengths_of(2000)
    plan = BatchPlan(lengths, size=400, unit="max_tokens", seed=0)
    first, second = epoch_of(plan, 0), epoch_of(plan, 1)
    other = epoch_of(BatchPlan(lengths, size=400, unit="max_tokens", seed=1), 0)
    for batches in (second, other):
        assert np.array_equal(np.sort(real(first)), np.sort(real(batches)))
        # Two rows of a batch are seldom together again.
        batch_of = np.zeros(2000, int)
        for index, batch in enumerate(batches):
            batch_of[real([batch])] = index
        together = sum(np.ptp(batch_of[real([batch])]) == 0 for batch in first)
        assert together == 0
        assert [batch.bucket for batch in batches] != [batch.bucket for batch in first]


def test_the_order_of_batches_is_evenly_drawn():
    # One row a batch: where row 0 comes in an epoch is uniform.
    plan = BatchPlan({"joint": np.full(8, 5)}, size=1, unit="sentences", seed=0)
    places = np.zeros(8)
    for epoch in range(1600):
        places[real(epoch_of(plan, epoch)).tolist().index(0)] += 1
    chi_square = ((places - 200) ** 2 / 200).sum()
    assert chi_square < 7 + 5 * np.sqrt(14)


def test_long_rows_are_left_out_and_counted():
    lengths = lengths_of(500)
    both = BatchPlan(lengths, size=300, unit="max_tokens", seed=0, max_length=20)
    fits = (lengths["source"] <= 20) & (lengths["target"] <= 20)
    assert np.array_equal(np.sort(real(epoch_of(both, 0))), np.flatnonzero(fits))
    assert np.array_equal(both.excluded, np.flatnonzero(~fits))
    one = BatchPlan(
        lengths, size=300, unit="max_tokens", seed=0, max_length={"source": None, "target": 20}
    )
    assert np.array_equal(np.sort(real(epoch_of(one, 0))), np.flatnonzero(lengths["target"] <= 20))
    sequence = lengths_of(500, joint=True)
    plan = BatchPlan(sequence, size=300, unit="joint_tokens", seed=0, max_length=40)
    assert np.array_equal(plan.excluded, np.flatnonzero(sequence["joint"] > 40))


WEIGHT = st.sampled_from([0.25, 0.5, 1.0, 1.3, 2.0, 2.75])


@settings(max_examples=examples(short=30, long=100), deadline=None)
@given(st.lists(WEIGHT, min_size=1, max_size=3), st.integers(1, 60), SETTINGS)
def test_a_weight_is_how_often_an_epoch_reads_a_part(weights, rows, settings):
    rows += 4  # a quarter of a part of one row is nothing
    starts = rows * np.arange(len(weights) + 1)
    plan = BatchPlan(lengths_of(starts[-1]), starts=starts, weights=weights, **settings)
    copies = max(1, int(np.ceil(max(weights))))
    for epoch in (0, 1):
        batches = epoch_of(plan, epoch)
        counts = np.bincount(real(batches), minlength=starts[-1])
        for weight, start in zip(weights, starts, strict=False):
            of_part = counts[start : start + rows]
            assert abs(of_part.sum() - weight * rows) <= 0.5
            assert of_part.min() >= int(weight)
            assert of_part.max() <= int(np.ceil(weight))
        # No (example, visit) twice: each copy gets masks of its own.
        seen = {
            pair
            for batch in batches
            for pair in zip(batch.examples.tolist(), batch.visits.tolist(), strict=True)
            if pair[0] >= 0
        }
        assert len(seen) == plan.examples_per_epoch
        assert all(visit // copies == epoch for _, visit in seen)


def test_a_fraction_is_drawn_anew_each_epoch():
    plan = BatchPlan({"joint": np.full(400, 5)}, size=50, unit="sentences", seed=0, weights=[0.5])
    drawn = [set(real(epoch_of(plan, epoch)).tolist()) for epoch in range(10)]
    assert {len(rows) for rows in drawn} == {200}
    overlap = np.mean([len(drawn[i] & drawn[i + 1]) for i in range(9)])
    assert 85 < overlap < 115
    assert len(set.union(*drawn)) > 390


def test_what_cannot_be_planned_is_refused():
    lengths = lengths_of(10)
    options = {"size": 10, "unit": "max_tokens", "seed": 0}
    with pytest.raises(UserError, match=r"none of the 10 rows .* max_length: 0"):
        BatchPlan(lengths, max_length=0, **options)
    with pytest.raises(UserError, match="weights"):
        BatchPlan(lengths, weights=[0.01], **options)
    with pytest.raises(ValueError, match="`unit`"):
        BatchPlan(lengths, **{**options, "unit": "words"})
    with pytest.raises(ValueError, match="`size`"):
        BatchPlan(lengths, **{**options, "size": 0})
    with pytest.raises(ValueError, match="`max_length`"):
        BatchPlan(lengths, max_length={"joint": 3}, **options)
    with pytest.raises(ValueError, match="`starts`"):
        BatchPlan(lengths, weights=[1.0, 1.0], **options)
    with pytest.raises(ValueError, match="`number`"):
        BatchPlan(lengths, **options).batch(-1)
