"""Next words of a text, scored in blocks: each stands where its student predicts it."""

import numpy as np
import pytest

from tfkd.data.batches.assembly import assemble
from tfkd.data.examples import ExampleSet, Part
from tfkd.data.packed import Packed
from tfkd.data.ragged import Ragged
from tfkd.data.views import CausalLMView
from tfkd.targets import Header, PartStores, StoreWriter, score_text

from .fakes import SPECIALS

pytestmark = pytest.mark.tensorflow


def predict(record):
    """The 2 likeliest by a formula of the word that is predicted and the one that is read."""
    gold, read = record["labels"][record["selected"]], record["ids"][record["selected"]]
    ids = np.stack([gold, read], 1)
    return {
        "ids": ids,
        "log_probabilities": np.stack([-0.01 * gold - 0.5, -1.0 * np.ones(len(gold)) - gold], 1),
        "gold_rank": np.zeros(len(gold), int),
        "gold_log_probability": -0.01 * gold - 0.5,
        "entropy": np.zeros(len(gold)),
    }


@pytest.mark.parametrize("block", [None, 4])
@pytest.mark.parametrize("rows_per_shard", [5, 2**16])
def test_a_stored_word_stands_where_the_student_predicts_it(block, rows_per_shard, tmp_path):
    generator = np.random.default_rng(2)
    documents = [generator.integers(5, 19, size).tolist() for size in (3, 6, 1, 9, 2)]
    rows = Ragged.from_rows(documents)
    if block is not None:
        rows = Packed(rows, block, SPECIALS.end_id, 1)
    part = Part("text", {("text", "joint"): rows}, len(rows), packed=block is not None)
    examples, view = ExampleSet([part]), CausalLMView("joint", SPECIALS)
    header = Header("c", "v", SPECIALS.size, 2, len(examples))
    store = score_text(
        predict, examples, view, StoreWriter(tmp_path, header), batch_tokens=16,
        rows_per_shard=rows_per_shard,
    )  # fmt: skip
    assert store.rows == sum(len(one) + 1 for one in documents)
    order = generator.permutation(len(examples))
    batch = assemble(
        examples,
        {"plain": view},
        {"t": PartStores([store])},
        np.append(order, -1),
        None,
        1,
        pad_to=4,
    )
    stored, record = batch["stores"]["t"], batch["plain"]
    np.testing.assert_array_equal(stored["present"], record["selected"])
    at = record["selected"]
    np.testing.assert_array_equal(stored["ids"][at][:, 0], record["labels"][at])
    np.testing.assert_array_equal(stored["ids"][at][:, 1], record["ids"][at])
    wanted = (-0.01 * record["labels"][at] - 0.5).astype(np.float16)
    np.testing.assert_array_equal(stored["log_probabilities"][at][:, 0], wanted)


def test_longer_rows_than_the_teacher_reads_have_none(tmp_path):
    rows = Ragged.from_rows([[5, 6], [7] * 9])
    examples = ExampleSet([Part("text", {("text", "joint"): rows}, 2)])
    writer = StoreWriter(tmp_path, Header("c", "v", SPECIALS.size, 2, 2))
    store = score_text(predict, examples, CausalLMView("joint", SPECIALS), writer, max_length=8)
    assert store.counts.tolist() == [3, 0]
