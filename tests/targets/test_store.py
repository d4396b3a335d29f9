"""The store: what goes in comes out, and what is not as it was written is refused by name."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.spec.errors import UserError
from tfkd.targets import Header, PartStores, SoftTargetStore, StoreWriter

from .fakes import pairs


def header(examples, top_k=3, size=50, **details):
    return Header("corpus-1", "vocabulary-1", size, top_k, examples, details)


def content(rng, counts, top_k=3, size=50):
    """Ids and log-probabilities for examples with the given numbers of tokens."""
    n = int(np.sum(counts))
    ids = rng.integers(0, size, (n, top_k))
    log_p = -np.sort(rng.exponential(2.0, (n, top_k)), 1).astype(np.float32)
    log_p[rng.random(n) < 0.2, 0] = 0.0  # a word that the teacher is sure of
    return ids, log_p


def write(folder, counts, shards, rng, top_k=3, size=50):
    ids, log_p = content(rng, counts, top_k, size)
    writer = StoreWriter(folder, header(len(counts), top_k, size))
    row, first = 0, 0
    for last in shards:
        n = int(np.sum(counts[first:last]))
        writer.write(last, counts[first:last], ids[row : row + n], log_p[row : row + n])
        row, first = row + n, last
    return writer.finish(), ids, log_p


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_what_goes_in_comes_out(tmp_path_factory, data):
    counts = data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=12))
    cuts = data.draw(st.sets(st.integers(1, len(counts)))) | {len(counts)}
    size = data.draw(st.sampled_from([50, 65_536, 70_000]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    folder = tmp_path_factory.mktemp("store")
    store, ids, log_p = write(folder, counts, sorted(cuts), rng, size=size)
    store = SoftTargetStore(folder, corpus="corpus-1", vocabulary="vocabulary-1")
    examples = rng.integers(-1, len(counts), 9)
    width = max(counts) + 2
    found = store.take(examples, width)
    assert {name: value.dtype for name, value in found.items()} == {
        "ids": np.int32,
        "log_probabilities": np.float16,
        "present": bool,
    }
    starts = np.cumsum(counts) - counts
    for row, example in enumerate(examples):
        n = 0 if example < 0 else counts[example]
        mine = slice(starts[example], starts[example] + n)
        assert found["present"][row].tolist() == [True] * n + [False] * (width - n)
        np.testing.assert_array_equal(found["ids"][row, :n], ids[mine])
        np.testing.assert_array_equal(
            found["log_probabilities"][row, :n], log_p[mine].astype(np.float16)
        )
        assert not found["ids"][row, n:].any()
        assert not found["log_probabilities"][row, n:].any()
    less = store.take(examples, 2, cut=True)
    for name, values in less.items():
        np.testing.assert_array_equal(values, found[name][:, :2])
    assert store.rows_present.tolist() == [n > 0 for n in counts]
    assert (len(store), store.rows, store.top_k) == (len(counts), sum(counts), 3)


@pytest.mark.parametrize(("size", "most"), [(65_536, 32), (65_537, 48)])
def test_a_token_takes_32_bytes_at_k_8_and_nothing_else_grows_with_tokens(tmp_path, size, most):
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 30, 400)
    write(tmp_path, counts, [200, 400], rng, top_k=8, size=size)
    shards = sum(path.stat().st_size for path in tmp_path.glob("shard-*"))
    assert shards == most * counts.sum()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "manifest.json",
        "shard-00000.bin",
        "shard-00001.bin",
    ]
    assert (tmp_path / "manifest.json").stat().st_size < 1200


def test_what_float16_cannot_hold_becomes_its_lowest_number(tmp_path):
    writer = StoreWriter(tmp_path, header(1))
    writer.write(1, [1], [[1, 2, 3]], [[0.0, -1e6, -np.inf]])
    found = writer.finish().take([0], 1)["log_probabilities"]
    assert found.tolist() == [[[0.0, -65504.0, -65504.0]]]


def test_every_flipped_byte_is_refused_by_name(tmp_path):
    write(tmp_path, [2, 0, 1], [2, 3], np.random.default_rng(1))
    for path in sorted(tmp_path.iterdir()):
        data = path.read_bytes()
        for place in range(len(data)):
            flipped = bytearray(data)
            flipped[place] ^= 1 << (place % 8)
            path.write_bytes(flipped)
            with pytest.raises(UserError, match=r"damaged|format"):
                SoftTargetStore(tmp_path)
        path.write_bytes(data)
    SoftTargetStore(tmp_path)


def test_a_store_that_does_not_fit_is_refused_by_name(tmp_path):
    write(tmp_path, [2, 1], [2], np.random.default_rng(2))
    with pytest.raises(UserError, match="another corpus: corpus-1, and corpus-2"):
        SoftTargetStore(tmp_path, corpus="corpus-2")
    with pytest.raises(UserError, match="another vocabulary: vocabulary-1, and other"):
        SoftTargetStore(tmp_path, vocabulary="other")
    with pytest.raises(UserError, match="no soft targets here"):
        SoftTargetStore(tmp_path / "nothing")
    with pytest.raises(UserError, match="another top_k: 3, and 8"):
        StoreWriter(tmp_path, header(2, top_k=8))
    StoreWriter(tmp_path, header(2, stage="score-0"))  # older stores do not say of which stage
    (tmp_path / "shard-00000.bin").unlink()
    with pytest.raises(UserError, match=r"shard-00000.bin: missing"):
        SoftTargetStore(tmp_path)


def test_a_store_of_another_stage_is_not_gone_on_with(tmp_path):
    """Another teacher's, of the same corpus and vocabulary."""
    ids, log_p = content(np.random.default_rng(5), [2])
    StoreWriter(tmp_path, header(2, passes=2, stage="score-0")).write(1, [2], ids, log_p)
    assert StoreWriter(tmp_path, header(2, passes=2, stage="score-0")).next_example == 1
    for details in ({"stage": "score-1", "passes": 2}, {"stage": "score-0", "passes": 3}):
        with pytest.raises(UserError, match=r"with another details.*score-0.*remove this one"):
            StoreWriter(tmp_path, header(2, **details))


def test_another_format_is_named(tmp_path):
    write(tmp_path, [1], [1], np.random.default_rng(3))
    path = tmp_path / "manifest.json"
    changed = json.loads(path.read_text())
    changed["version"] = 99
    path.write_text(json.dumps(changed))
    with pytest.raises(UserError, match="format 99"):
        SoftTargetStore(tmp_path)


def test_an_unfinished_store_is_refused_and_goes_on_after_its_last_whole_shard(tmp_path):
    counts, rng = [2, 1, 3, 2], np.random.default_rng(4)
    ids, log_p = content(rng, counts)
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    for folder in (whole, halves):
        writer = StoreWriter(folder, header(4))
        writer.write(2, counts[:2], ids[:3], log_p[:3], {"positions": 3})
        if folder is halves:
            with pytest.raises(UserError, match="not finished"):
                SoftTargetStore(folder)
            with pytest.raises(ValueError, match="all 4 examples"):
                writer.finish()
            # A shard that was written but not yet named in the manifest, and one just begun.
            (folder / "shard-00001.bin").write_bytes(b"half of it")
            (folder / ".shard-00001.bin.x.part").write_bytes(b"")
            writer = StoreWriter(folder, header(4))
            assert writer.next_example == 2
        writer.write(4, counts[2:], ids[3:], log_p[3:], {"positions": 5})
        writer.finish()
    files = [{path.name: path.read_bytes() for path in f.iterdir()} for f in (whole, halves)]
    assert files[0] == files[1]
    assert StoreWriter(whole, header(4)).finish().metrics["positions"] == 8


def test_a_damaged_unfinished_store_is_not_continued(tmp_path):
    writer = StoreWriter(tmp_path, header(4))
    writer.write(2, [2, 1], *content(np.random.default_rng(5), [2, 1]))
    path = tmp_path / "shard-00000.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"shard-00000.bin: damaged"):
        StoreWriter(tmp_path, header(4))


@pytest.mark.parametrize(
    ("last", "counts", "ids", "log_p", "message"),
    [
        (3, [1, 0, 0], [[1, 2, 3]], [[-1, -2, -3]], "last"),
        (1, [1, 0], [[1, 2, 3]], [[-1, -2, -3]], "last"),
        (2, [1, 0], [[1, 2]], [[-1, -2]], r"\[n, 3\]"),
        (2, [1, 1], [[1, 2, 3]], [[-1, -2, -3]], "as many rows"),
        (2, [1, 0], [[1, 2, 50]], [[-1, -2, -3]], "0 to 49"),
        (2, [1, 0], [[1, 2, 3]], [[0.7, -2, -3]], "log_probabilities"),
        (2, [1, 0], [[1, 2, 3]], [[np.nan, -2, -3]], "log_probabilities"),
    ],
)
def test_what_cannot_be_soft_targets_is_not_written(tmp_path, last, counts, ids, log_p, message):
    writer = StoreWriter(tmp_path, header(2))
    with pytest.raises(ValueError, match=message):
        writer.write(last, counts, ids, log_p)


def test_rows_are_not_cut_and_unknown_examples_not_guessed(tmp_path):
    store, *_ = write(tmp_path, [2, 4], [2], np.random.default_rng(6))
    with pytest.raises(ValueError, match="at least 4, the tokens of example 1"):
        store.take([0, 1], 3)
    with pytest.raises(IndexError, match=r"-1 \.\.\. 1"):
        store.take([2], 9)


def test_stores_of_parts_answer_for_their_own_rows(tmp_path):
    rng = np.random.default_rng(7)
    one, *_ = write(tmp_path / "one", [2, 3], [2], rng)
    two, *_ = write(tmp_path / "two", [1, 4, 2], [3], rng)
    examples_of = pairs([(1, 1)] * 7)
    # Three parts of 2, 2 and 3 rows; the second was not scored.
    part = examples_of.parts[0]
    examples_of = type(examples_of)([_rows(part, 2), _rows(part, 2), _rows(part, 3)])
    stores = PartStores([one, None, two])
    found = stores(examples_of, np.array([5, 0, -1, 2, 6]), 5)
    for row, expected in enumerate([two.take([1], 5), one.take([0], 5), None, None]):
        for name, value in (expected or {}).items():
            np.testing.assert_array_equal(found[name][row], value[0])
    assert not found["present"][2:4].any()
    only_unscored = stores(examples_of, np.array([2, 3]), 5)
    assert only_unscored["ids"].shape == (2, 5, 3)


def _rows(part, rows):
    fields = {key: ids.take(np.arange(rows)) for key, ids in part.fields.items()}
    return type(part)(part.name, fields, rows)
