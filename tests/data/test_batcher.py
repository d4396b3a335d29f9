import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rings import examples

from tfkd.data.batches.batcher import build_batcher, micro_batches
from tfkd.data.batches.prefetcher import Prefetcher
from tfkd.data.batches.sequential import Sequential
from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials
from tfkd.data.ragged import Ragged
from tfkd.data.views import build_view

SPECIALS = {"t": Specials(0, 1, 2, 3, 4, (0, 1, 2, 3, 4), 60)}
STREAM, PAIR = {"text": "t"}, {"source": "t", "target": "t"}


def example_set(rows=200, weight=1.0):
    random = np.random.default_rng(0)
    fields = {
        (side, "t"): Ragged.from_rows(
            [random.integers(5, 60, random.integers(0, 20)) for _ in range(rows)]
        )
        for side in ("source", "target")
    }
    return ExampleSet([Part("train", fields, rows, weight=weight)])


EXAMPLES = example_set()


def views():
    """A translation model's plain view, and its online teacher's masked one."""
    return {
        "cmlm": build_view("conditional_mlm", STREAM, SPECIALS, name="cmlm", max_length=30),
        "plain": build_view("none", PAIR, SPECIALS),
    }


def store(examples, rows, width):
    """Stored ids which say the row and the position."""
    ids = np.where(rows[:, None] >= 0, rows[:, None] * 100 + np.arange(width), 0)
    return {"ids": ids[:, :, None].astype(np.int32)}


def batcher(**options):
    options = {"size": 128, "unit": "max_tokens", "seed": 3, "stores": {"teacher": store}} | options
    return build_batcher(options.pop("examples", EXAMPLES), views(), **options)


def flat(batch, name=""):
    if isinstance(batch, dict):
        return {
            k: v for key, value in batch.items() for k, v in flat(value, f"{name}/{key}").items()
        }
    return {name: batch}


def assert_equal(one, other):
    one, other = flat(one), flat(other)
    assert one.keys() == other.keys()
    for name in one:
        assert np.array_equal(one[name], other[name]), name


@settings(max_examples=examples(short=20, long=100), deadline=None)
@given(st.lists(st.integers(0, 100), min_size=1, max_size=5), st.integers(1, 4))
def test_batch_n_is_the_same_in_any_order_of_access(numbers, rows_multiple):
    used = batcher(rows_multiple=rows_multiple)
    for number in numbers:
        fresh = batcher(rows_multiple=rows_multiple)
        assert_equal(used.batch(number), fresh.batch(number))
        assert len(used.batch(number)["examples"]) % rows_multiple == 0


def test_a_batch_holds_each_view_and_store_of_its_examples():
    made = batcher()
    for number in range(made.batches_per_epoch):
        batch = made.batch(number)
        assert set(batch) == {"examples", "plain", "cmlm", "stores"}
        rows, target = batch["examples"], batch["plain"]["target"]
        assert np.array_equal(
            batch["stores"]["teacher"]["ids"], store(None, rows, target["ids"].shape[1])["ids"]
        )
        for i, row in enumerate(rows):
            words = EXAMPLES.take("target", "t", np.array([row])).values.tolist()
            labels = target["labels"][i][target["selected"][i]].tolist()
            assert labels == ([*words, 3] if row >= 0 else [])
            assert batch["cmlm"]["valid"][i].any() == (row >= 0)
        widths = [batch["plain"][side]["ids"].shape[1] for side in ("source", "target")]
        longest = [batch["plain"][side]["valid"].sum(axis=1).max() for side in ("source", "target")]
        assert all(
            0 <= width - most < 4 and width % 4 == 0
            for width, most in zip(widths, longest, strict=True)
        )


def test_a_batch_without_stores_has_no_such_key():
    assert "stores" not in batcher(stores=None).batch(0)


def test_masks_are_new_each_epoch_and_for_each_copy():
    made = batcher(examples=example_set(weight=2.0))
    seen = {}
    for number in range(2 * made.batches_per_epoch):
        record = made.batch(number)
        for row, ids in zip(record["examples"].tolist(), record["cmlm"]["ids"], strict=True):
            if row >= 0:
                seen.setdefault(row, []).append(tuple(ids[ids != 0]))
    long = [row for row in seen if EXAMPLES.lengths("target", "t")[row] >= 12]
    assert len(long) > 50
    assert all(len(masks) == 4 for masks in seen.values())
    assert np.mean([len(set(seen[row])) for row in long]) > 3.5


def test_fixed_widths_are_those_of_the_bucket():
    made, free = batcher(fixed_widths=True), batcher()
    shapes = {}
    for number in range(made.batches_per_epoch):
        batch, narrow = made.batch(number), free.batch(number)
        bucket = made.plan.batch(number).bucket
        shape = {name: array.shape for name, array in flat(batch).items()}
        assert shapes.setdefault(bucket, shape) == shape
        for name, array in flat(narrow).items():
            if name.startswith(("/plain", "/cmlm")) and array.ndim == 2:
                wide = flat(batch)[name]
                assert np.array_equal(wide[:, : array.shape[1]], array)
                assert not wide[:, array.shape[1] :].any()
    assert len(shapes) > 1
    # 30 positions are all that the teacher has, though 30 is no multiple of 4.
    assert max(shape["/cmlm/ids"][1] for shape in shapes.values()) == 30


def test_tokens_per_batch_counts_the_target():
    made = batcher()
    total = EXAMPLES.lengths("target", "t").sum() + len(EXAMPLES)
    assert made.tokens_per_batch == pytest.approx(total / made.batches_per_epoch)
    assert made.examples_per_epoch == 200
    assert made.excluded == 0


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(1, 4), st.sampled_from(["max_tokens", "target_tokens"]))
def test_sequential_holds_every_example_once_however_it_is_read(size, rows_multiple, unit):
    rows = Sequential(EXAMPLES, views(), size=size, unit=unit, rows_multiple=rows_multiple)
    lengths = rows.views["plain"].lengths(EXAMPLES)
    cost = lengths["target"]
    if unit == "max_tokens":
        cost = np.maximum(cost, lengths["source"])
    seen = []
    for index in range(len(rows)):
        examples = rows.examples(index)
        assert len(examples) % rows_multiple == 0
        chosen = examples[examples >= 0]
        assert len(chosen) * cost[chosen].max() <= size or len(chosen) == 1
        seen.append(chosen)
    assert np.array_equal(np.sort(np.concatenate(seen)), np.arange(200))
    last = len(rows) - 1
    alone = Sequential(EXAMPLES, views(), size=size, unit=unit, rows_multiple=rows_multiple)
    assert_equal(alone.batch(last), rows.batch(last))


def test_sequential_of_a_batcher_restores_the_order():
    made = batcher(examples=example_set(weight=0.5), max_length=10)
    order, labels = [], []
    for batch in made.sequential():
        order += batch["examples"].tolist()
        target = batch["plain"]["target"]
        labels += [
            row[on].tolist() for row, on in zip(target["labels"], target["selected"], strict=True)
        ]
    restored = [labels[i] for i in np.argsort(order)]
    everything = EXAMPLES.take("target", "t", np.arange(200))
    assert restored == [[*everything.row(i).tolist(), 3] for i in range(200)]
    short = made.sequential(max_length=10)
    assert len(short.order) + len(short.excluded) == 200
    assert len(short.excluded) > 0


def test_a_prefetcher_gives_the_same_batches():
    made = batcher()
    with Prefetcher(batcher(), start=4, stop=9) as batches:
        for number, batch in enumerate(batches, start=4):
            assert_equal(batch, made.batch(number))
    assert number == 8


@pytest.mark.parametrize(
    ("size", "per_device", "replicas", "count"),
    [
        (4096, None, 2, 1),
        (4096, 4096, 1, 1),
        (4096, 4095, 1, 2),
        (4096, 1024, 2, 2),
        (10, 99, 1, 1),
    ],
)
def test_micro_batches_are_as_few_as_fit(size, per_device, replicas, count):
    assert micro_batches(size, per_device, replicas) == count


def test_an_encoder_alone_is_batched_by_its_sources():
    """Limits of a target hold for what reads one."""
    alone = {"masked": build_view("mlm", PAIR, SPECIALS, name="masked")}
    batcher = build_batcher(
        EXAMPLES, alone, size=64, unit="max_tokens", seed=1, max_length={"source": 12, "target": 9}
    )
    for number in range(batcher.batches_per_epoch):
        record = batcher.batch(number)["masked"]
        assert record.keys() == {"source"}
        assert record["source"]["ids"].shape[1] <= 12
    assert batcher.tokens_per_batch > 0


def test_lengths_are_counted_in_a_view_that_reads_both_sides():
    """Whatever the views' names, and their order."""
    views = {
        "masked": build_view("mlm", PAIR, SPECIALS, name="masked"),
        "words": build_view("none", PAIR, SPECIALS, name="words"),
    }
    batcher = build_batcher(EXAMPLES, views, size=64, unit="max_tokens", seed=1, max_length=8)
    for number in range(batcher.batches_per_epoch):
        batch = batcher.batch(number)
        assert batch["words"]["target"]["ids"].shape[1] <= 8
        assert batch["words"]["source"]["ids"].shape == batch["masked"]["source"]["ids"].shape
