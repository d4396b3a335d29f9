"""Batches of several plans: mixtures that change with the steps, rows that have variants."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.batches import timetable
from tfkd.data.batches.batcher import build_batcher
from tfkd.data.batches.timetable import Timetable
from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials
from tfkd.data.noise.noisy_rows import NoisyRows
from tfkd.data.ragged import Ragged
from tfkd.data.views import build_view
from tfkd.spec.errors import UserError
from tfkd.spec.options.stages import LearntPart, mixtures_of

SPECIALS = {"t": Specials(0, 1, 2, 3, 4, (0, 1, 2, 3, 4), 200)}
VIEW = {"plain": build_view("none", {"source": "t", "target": "t"}, SPECIALS)}
KEY = ("source", "t")


def ragged(rows, random, longest=20, low=5, high=100):
    return Ragged.from_rows(
        [random.integers(low, high, random.integers(1, longest)) for _ in range(rows)]
    )


def corpus(name, rows, seed, variants=0, weight=1.0):
    """Ids of clean rows are below 100, those with noise above; a third of the rows has noise."""
    random = np.random.default_rng(seed)
    fields = {(side, "t"): ragged(rows, random) for side in ("source", "target")}
    found = []
    for _ in range(variants):
        hit = np.flatnonzero(random.random(rows) < 1 / 3)
        found.append({KEY: NoisyRows(fields[KEY], ragged(len(hit), random, 30, 100, 200), hit)})
    return Part(name, fields, rows, weight=weight, variants=tuple(found))


def batcher(parts, data=(), steps=None, **options):
    mixtures = mixtures_of([LearntPart(of="c", **one) for one in data], steps) if data else ()
    options = {"size": 16, "unit": "sentences", "seed": 3, "mixtures": mixtures} | options
    return build_batcher(ExampleSet(parts), VIEW, **options)


def rows_of(batch):
    return batch["examples"][batch["examples"] >= 0]


@given(st.integers(1, 40), st.integers(0, 99), st.data())
def test_rows_with_noise_are_read_in_place_of_clean_ones(rows, seed, data):
    random = np.random.default_rng(seed)
    clean, hit = ragged(rows, random), np.flatnonzero(random.random(rows) < 0.5)
    other = ragged(len(hit), random)
    found = NoisyRows(clean, other, hit)
    expected = [clean.row(row) for row in range(rows)]
    for place, row in enumerate(hit):
        expected[row] = other.row(place)
    stays = np.asarray(data.draw(st.lists(st.booleans(), min_size=rows, max_size=rows)))
    for one, rule in ((found, ~np.ones(rows, bool)), (found.without(stays), stays)):
        wanted = [clean.row(row) if rule[row] else expected[row] for row in range(rows)]
        asked = random.integers(0, rows, 2 * rows)
        taken = one.take(asked)
        assert all(np.array_equal(a, wanted[row]) for a, row in zip(taken, asked, strict=True))
        assert np.array_equal(one.lengths, [len(row) for row in wanted])


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_each_corpus_is_read_in_its_own_steps_as_often_as_its_weight_says(data):
    """Counts of rows by corpus and step, against the mixtures said again in NumPy."""
    sizes = data.draw(st.lists(st.integers(3, 60), min_size=2, max_size=4))
    spans = [
        (start, None if stop == 40 else stop)
        for start, stop in (
            sorted(data.draw(st.lists(st.integers(0, 40), min_size=2, max_size=2, unique=True)))
            for _ in sizes[1:]
        )
    ]
    spans = [(0, None), *spans]  # one at least in every step
    weights = [data.draw(st.sampled_from([1.0, 2.0])) for _ in sizes]
    parts = [corpus(f"c{i}", n, i, weight=weights[i]) for i, n in enumerate(sizes)]
    given_data = [
        {name: step for name, step in (("from_", start or None), ("until", stop)) if step}
        for start, stop in spans
    ]
    steps = 50
    made = batcher(parts, given_data, steps)
    starts = np.cumsum([0, *sizes])
    read = np.zeros((steps, len(sizes)), int)
    counts: list[Counter] = [Counter() for _ in sizes]
    for step in range(steps):
        rows = rows_of(made.batch(step))
        part = np.searchsorted(starts, rows, side="right") - 1
        read[step] = np.bincount(part, minlength=len(sizes))
        for one, row in zip(part, rows, strict=True):
            counts[one][row] += 1
    number = np.arange(steps)[:, None]
    active = np.asarray(
        [[s <= n < (steps if e is None else e) for s, e in spans] for (n,) in number]
    )
    assert not read[~active].any()
    # Of each stretch of equal mixtures: whole epochs read each row as often as its weight.
    changes = [0, *(np.flatnonzero((active[1:] != active[:-1]).any(1)) + 1), steps]
    passes = np.zeros(len(sizes))
    for first, last in itertools.pairwise(changes):
        epoch = (active[first] * weights * np.asarray(sizes)).sum()
        whole, done = 0, 0
        for step in range(first, last):
            done += read[step].sum()
            if done >= (whole + 1) * epoch - 1e-9:
                whole += 1
                expected = whole * active[first] * weights * np.asarray(sizes)
                assert np.array_equal(read[first : step + 1].sum(0), expected)
        per_epoch = [
            made.plan._plan(number, 0).batches_per_epoch
            for number, one in enumerate(getattr(made.plan, "_stretches", []))
            if one.start == first
        ]
        batches = per_epoch[0] if per_epoch else made.batches_per_epoch
        passes += (last - first) / batches * active[first] * weights
    if isinstance(made.plan, Timetable):
        assert np.allclose(list(made.passes(steps).values()), passes)


def test_a_mixture_begins_with_another_epoch_so_that_no_draw_comes_twice():
    made = batcher([corpus("a", 40, 1), corpus("b", 40, 2)], [{"until": 5}, {}], 20)
    planned = [made.plan.batch(number) for number in range(20)]
    for one, other in itertools.pairwise(planned):
        assert other.epoch - one.epoch in (0, 1)
    assert planned[4].epoch < planned[5].epoch
    visits = Counter(
        (row, visit)
        for one in planned
        for row, visit in zip(one.examples, one.visits, strict=True)
        if row >= 0
    )
    assert max(visits.values()) == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([{"until": 5}, {"from_": 5}], "steps 6 to the last: .*leave no row"),
        ([{"from_": 7}, {"until": 7}], "steps 1 to 7: .*leave no row"),
    ],
)
def test_steps_in_which_no_row_is_left_are_named(data, said):
    with pytest.raises(UserError, match=said):
        batcher([corpus("a", 40, 1), corpus("b", 4, 2, weight=0.1)], data, 20)


def test_no_mixture_and_no_noise_is_the_plan_that_it_was():
    parts = [corpus("a", 40, 1), corpus("b", 30, 2, weight=0.5)]
    plain = build_batcher(ExampleSet(parts), VIEW, size=16, unit="sentences", seed=3)
    made = batcher(parts, [{}, {}], 20)
    assert not isinstance(made.plan, Timetable)
    for number in range(12):
        assert np.array_equal(plain.batch(number)["examples"], made.batch(number)["examples"])


@pytest.mark.parametrize("unit", ["sentences", "max_tokens"])
@pytest.mark.parametrize("fixed", [False, True])
def test_an_epoch_reads_each_row_once_in_its_variant(unit, fixed):
    part = corpus("a", 90, 1, variants=3)
    made = batcher([part, corpus("b", 40, 2)], unit=unit, size=64, fixed_widths=fixed)
    number = 0
    for epoch in range(7):
        seen = {}
        forms = made.example_set.variant(epoch)
        while made.plan.batch(number).epoch == epoch:
            batch = made.batch(number)
            source = batch["plain"]["source"]
            for place, row in enumerate(batch["examples"]):
                if row >= 0:
                    assert row not in seen
                    seen[row] = source["ids"][place][source["valid"][place]][:-1]
            widest = made.plan.buckets[made.plan.batch(number).bucket].members
            assert set(rows_of(batch)) <= set(widest)
            number += 1
        assert sorted(seen) == list(range(130))
        expected = forms.take("source", "t", np.arange(130))
        assert all(np.array_equal(seen[row], expected.row(row)) for row in range(130))
        assert made.epochs_in(number) == pytest.approx(epoch + 1)
        assert made.steps_in(epoch + 1) == number
    assert any(one.max() >= 100 for one in seen.values())


def test_a_batch_is_the_same_whatever_was_asked_before():
    parts = [corpus("a", 60, 1, variants=2), corpus("b", 50, 2, variants=3)]
    data = [{"until": 9}, {"from_": 4}]
    whole = batcher(parts, data, 30)
    batches = [whole.batch(number) for number in range(30)]
    assert whole.example_set.variants == 6
    for numbers in ([29, 0, 17], [11], range(29, -1, -3)):
        other = batcher(parts, data, 30)
        for number in numbers:
            found = other.batch(number)
            assert np.array_equal(found["examples"], batches[number]["examples"])
            for side in ("source", "target"):
                pairs = zip(found["plain"][side].values(), batches[number]["plain"][side].values(),
                            strict=True)  # fmt: skip
                assert all(np.array_equal(one, two) for one, two in pairs)


def test_variants_that_no_epoch_has_read_have_no_plan(monkeypatch):
    plans, real = [], timetable.BatchPlan

    def counted(lengths, **options):
        plans.append(lengths["source"].sum())
        return real(lengths, **options)

    monkeypatch.setattr(timetable, "BatchPlan", counted)
    parts = [corpus("a", 64, 1, variants=4), corpus("b", 64, 2, weight=2)]
    made = batcher(parts, [{}, {"from_": 6}], 100)
    # Two of a, which its six steps read, and the third of both; then one an epoch, but never twice.
    assert len(plans) == len({*plans}) == 3
    for number in range(100):
        epoch = made.plan.batch(number).epoch
        assert len(plans) == min(max(3, epoch + 1), 6)
    assert epoch > 6


def test_replicas_take_rows_of_the_same_batch():
    """As many replicas as micro-batches share out what one device would read."""
    parts = [corpus("a", 61, 1, variants=2)]
    made = batcher(parts, rows_multiple=4)
    for number in range(12):
        assert len(made.batch(number)["examples"]) % 4 == 0


def test_a_row_that_noise_makes_too_long_is_read_clean_and_none_is_left_out_for_it():
    part = corpus("a", 90, 1, variants=2)
    made = batcher([part], max_length=20)
    clean = part.fields[KEY].lengths
    assert (part.variants[0][KEY].lengths > 19).any()
    read = set()
    for number in range(made.steps_in(2)):
        batch = made.batch(number)
        widths = batch["plain"]["source"]["valid"].sum(1)
        assert (widths <= 20).all()
        for place, row in enumerate(batch["examples"]):
            if row >= 0:
                ids = batch["plain"]["source"]["ids"][place]
                read.add((row, bool(ids.max() >= 100)))
    rows = {row for row, _ in read}
    assert rows == {row for row in range(90) if clean[row] <= 19}
    assert made.excluded == 90 - len(rows)
    assert any(noisy for _, noisy in read)


def test_mixtures_are_those_of_the_spans():
    data = [LearntPart(of="web", until=20), LearntPart(of="clean", from_=10), LearntPart(of="all")]
    assert mixtures_of(data, 40) == [(0, (0, 2)), (10, (0, 1, 2)), (20, (1, 2))]
    assert mixtures_of(data, 15) == [(0, (0, 2)), (10, (0, 1, 2))]
    assert mixtures_of(data[:2][::-1], None) == [(0, (1,)), (10, (0, 1)), (20, (0,))]
    assert mixtures_of([LearntPart(of="web", until=5)], 9) == [(0, (0,)), (5, ())]
