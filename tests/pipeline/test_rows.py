"""Rows of stored targets stand at the student's words, and outputs in files of their own."""

from types import SimpleNamespace

import numpy as np
import pytest

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.ragged import Ragged
from tfkd.pipeline.scoring.scores import file_names
from tfkd.pipeline.stages.stored_targets import check_rows
from tfkd.spec.errors import UserError
from tfkd.targets import Header, PartStores, StoreWriter


def checked(folder, counts, words):
    """Checks a store with so many rows of each sentence beside a student's so many words."""
    n = sum(counts)
    writer = StoreWriter(folder, Header("corpus", "pieces", 9, 2, examples=len(counts)))
    writer.write(len(counts), np.array(counts), np.zeros((n, 2), int), np.full((n, 2), -1.0))
    ids = Ragged.from_rows([[7] * count for count in words])
    part = Part("train", {("target", "joint"): ids}, len(words))
    model = SimpleNamespace(tokenizers={"source": "joint", "target": "joint"})
    node = SimpleNamespace(
        label="learn",
        options=SimpleNamespace(train="student"),
        model=model,
    )
    stores = {"targets": PartStores([writer.finish()])}
    check_rows(node, SimpleNamespace(stores=stores, example_set=ExampleSet([part])))


def test_a_row_for_each_word_and_the_end_fits(tmp_path):
    checked(tmp_path, counts=[3, 0, 1], words=[2, 5, 0])  # the second pair was too long to score


def test_words_that_are_cut_otherwise_are_refused(tmp_path):
    message = r"learn: targets scored 2 words of row 2 of train, and the student reads 5 \(1 such"
    with pytest.raises(UserError, match=message):
        checked(tmp_path, counts=[3, 2, 1], words=[2, 4, 0])


def test_the_same_test_set_by_another_search_has_files_of_its_own():
    asked = [
        ("learn", "test", None), ("learn", "valid", None), ("learn", "test", None),
        ("a/b.yaml:learn", "test", None), ("learn", "test", 2), ("learn", "test", 3),
    ]  # fmt: skip
    evaluations = [
        SimpleNamespace(
            options=SimpleNamespace(of=of, export=None),
            on=on,
            system=SimpleNamespace(seed=seed),
        )
        for of, on, seed in asked
    ]
    assert file_names(evaluations) == [
        "learn.test", "learn.valid", "learn.test.2", "a_b.yaml:learn.test",
        "learn+2.test", "learn+3.test",
    ]  # fmt: skip
