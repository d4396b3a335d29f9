"""Scoring against one brute-force pass a position, with a teacher that is a plain function."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfkd.data import side_by_side
from tfkd.data.examples import ExampleSet, Part
from tfkd.data.ragged import Ragged
from tfkd.data.views.base import SequenceView
from tfkd.spec.errors import UserError
from tfkd.targets import Header, SoftTargetStore, StoreWriter, score_masked, score_previous

from .fakes import PAIR, SPECIALS, Teacher, pairs

pytestmark = pytest.mark.tensorflow

VIEW = SequenceView("joint", SPECIALS)
LENGTHS = [(3, 0), (2, 1), (5, 6), (1, 7), (4, 13), (0, 20), (12, 3)]


def score(function, teacher, example_set, folder, **options):
    writer = StoreWriter(folder, Header("c", "v", SPECIALS.size, teacher.top_k, len(example_set)))
    return function(teacher, example_set, VIEW, writer, **options)


def clean(example_set, example):
    """[CLS] source [SEP] target [SEP] and the target's first position, by hand."""
    source, target = (example_set.take(*key, [example]).row(0) for key in PAIR)
    return np.array([2, *source, 3, *target, 3]), len(source) + 2, len(target) + 1


def check_row(store, example, position, log_p):
    found = store.take([example], 40)
    order = np.argsort(-log_p, kind="stable")[: store.top_k]
    assert found["ids"][0, position].tolist() == order.tolist()
    np.testing.assert_array_equal(
        found["log_probabilities"][0, position], log_p[order].astype(np.float16)
    )


@pytest.mark.parametrize("passes", [1, 7])
@pytest.mark.parametrize("rows_per_shard", [10, 2**16])
def test_a_masked_row_equals_one_pass_by_brute_force(tmp_path, passes, rows_per_shard):
    example_set, teacher = pairs(LENGTHS), Teacher()
    store = score(
        score_masked, teacher, example_set, tmp_path,
        passes=passes, batch_tokens=64, rows_per_shard=rows_per_shard,
    )  # fmt: skip
    assert store.rows == sum(target + 1 for _, target in LENGTHS)
    assert len(store.manifest.shards) == (1 if rows_per_shard > 100 else 4)
    sums = np.zeros(5)
    for example in range(len(LENGTHS)):
        ids, start, length = clean(example_set, example)
        for position in range(length):
            masked = ids.copy()
            masked[start + np.arange(position % passes, length, passes)] = SPECIALS.mask_id
            log_p = teacher.log_probabilities(masked, start + position, causal=False)
            check_row(store, example, position, log_p)
            gold, top = ids[start + position], np.sort(log_p)[-teacher.top_k :]
            entropy = -(np.exp(log_p) * log_p).sum()
            sums += [
                log_p[gold] == top[-1],
                -log_p[gold],
                entropy,
                log_p[gold] >= top[0],
                np.exp(top).sum(),
            ]
    figures = store.metrics
    assert figures.pop("positions") == store.rows
    names = ("accuracy", "loss", "entropy", "coverage", "mass")
    assert figures == pytest.approx(dict(zip(names, sums / store.rows, strict=True)))


def test_a_row_read_from_the_position_before_equals_one_causal_pass(tmp_path):
    example_set, teacher = pairs(LENGTHS), Teacher()
    store = score(score_previous, teacher, example_set, tmp_path, batch_tokens=40)
    for example in range(len(LENGTHS)):
        ids, start, length = clean(example_set, example)
        for position in range(length):
            log_p = teacher.log_probabilities(ids, start + position - 1, causal=True)
            check_row(store, example, position, log_p)


def test_the_id_under_a_mask_does_not_change_its_row(tmp_path):
    before = pairs([(3, 9)])
    target = before.parts[0].fields[PAIR[1]]
    for position in range(9):
        values = target.values.copy()
        values[position] = 5 + (values[position] - 4) % 35
        fields = {**before.parts[0].fields, PAIR[1]: Ragged(values, target.offsets)}
        after = ExampleSet([Part("corpus", fields, 1)])
        one, other = (
            score(score_masked, Teacher(), s, tmp_path / f"{position}-{i}").take([0], 10)
            for i, s in enumerate((before, after))
        )
        np.testing.assert_array_equal(one["ids"][0, position], other["ids"][0, position])
        changed = (one["log_probabilities"] != other["log_probabilities"])[0].any(-1)
        # Positions of the same pass (every seventh) do not see it either; the others do.
        same_pass = np.arange(10) % 7 == position % 7
        assert changed.tolist() == (~same_pass).tolist()


def test_rows_of_all_passes_are_packed_into_full_batches(tmp_path):
    teacher = Teacher(top_k=1)
    example_set = pairs([(3, 9)] * 40)
    seen = []
    score(
        score_masked, teacher, example_set, tmp_path,
        batch_tokens=320, progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    # 40 pairs x 7 passes of 15 tokens, padded to 16: 20 rows a batch.
    assert teacher.batches == [(20, 16)] * 14
    assert seen == [(20 * (i + 1), 280) for i in range(14)]


def test_pairs_that_are_too_long_have_no_rows(tmp_path):
    store = score(score_masked, Teacher(), pairs(LENGTHS), tmp_path, max_length=18)
    assert store.rows_present.tolist() == [s + t + 3 <= 18 for s, t in LENGTHS]
    assert not store.take([5], 30)["present"].any()


@pytest.mark.parametrize("stop_after", [1, 3, 6])
def test_a_stopped_run_goes_on_to_the_same_bytes(tmp_path, stop_after):
    example_set, options = pairs(LENGTHS), {"batch_tokens": 64, "rows_per_shard": 10}
    score(score_masked, Teacher(), example_set, tmp_path / "whole", **options)
    batches = 0

    def stop(done, total):
        nonlocal batches
        batches += 1
        if batches == stop_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(score_masked, Teacher(), example_set, tmp_path / "twice", progress=stop, **options)
    last = []
    again = Teacher()
    score(
        score_masked, again, example_set, tmp_path / "twice",
        progress=lambda done, total: last.append((done, total)), **options,
    )  # fmt: skip
    assert last[-1][0] == last[-1][1]
    assert files(tmp_path / "twice") == files(tmp_path / "whole")
    finished = Teacher()
    score(score_masked, finished, example_set, tmp_path / "twice", **options)
    assert finished.batches == []


KILLED = """
import os, signal, sys, time
from pathlib import Path
from tests_targets import fakes, test_scoring as t
def slow(done, total):
    print(done, flush=True)
    time.sleep(0.02)
t.score(t.score_masked, fakes.Teacher(), fakes.pairs(t.LENGTHS), Path(sys.argv[1]),
        batch_tokens=64, rows_per_shard=10, progress=slow)
"""


@pytest.mark.long
@pytest.mark.parametrize("batches", [pytest.param(2, marks=pytest.mark.long), 7])
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path, batches):
    options = {"batch_tokens": 64, "rows_per_shard": 10}
    score(score_masked, Teacher(), pairs(LENGTHS), tmp_path / "whole", **options)
    here = Path(__file__).parent
    (tmp_path / "tests_targets").symlink_to(here)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{here.parents[1]}"}
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "killed")],
        stdout=subprocess.PIPE, env=environment,
    ) as process:  # fmt: skip
        for _ in range(batches):
            assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    with pytest.raises(UserError):
        SoftTargetStore(tmp_path / "killed")
    score(score_masked, Teacher(), pairs(LENGTHS), tmp_path / "killed", **options)
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_cannot_be_scored_is_named(tmp_path):
    texts = ExampleSet([Part("texts", {("text", "joint"): Ragged.from_rows([[5]])}, 1)])
    with pytest.raises(UserError, match="source and target"):
        score(score_masked, Teacher(), texts, tmp_path / "a")
    teacher = Teacher(top_k=3)
    writer = StoreWriter(tmp_path / "b", Header("c", "v", SPECIALS.size, 5, 1))
    with pytest.raises(ValueError, match="store's K"):
        score_masked(teacher, pairs([(1, 1)]), VIEW, writer)


def test_several_batches_at_once_score_as_one_after_the_other(tmp_path, monkeypatch):
    for workers in (1, 3):
        monkeypatch.setattr(side_by_side, "_free_workers", lambda workers=workers: workers)
        score(score_masked, Teacher(), pairs(LENGTHS), tmp_path / str(workers), passes=3,
              batch_tokens=64, rows_per_shard=10)  # fmt: skip
    assert files(tmp_path / "1") == files(tmp_path / "3")
