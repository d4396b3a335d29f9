"""Causal teachers asked of pairs behind a prompt, against NumPy in float64."""

import sys
from pathlib import Path

import numpy as np
import pytest
from rings import few

from tfkd.data.encoded import EncodedField
from tfkd.data.examples import ExampleSet, Part
from tfkd.data.ragged import Ragged
from tfkd.data.text.prompted_text import encode_prompted, prompted
from tfkd.data.text.text_corpus import Rows, TextCorpus, write_text_corpus
from tfkd.data.tokenizers.byte_bpe import learn_byte_bpe
from tfkd.data.views import CausalLMView
from tfkd.data.views.prompted import PromptedView
from tfkd.models.published.architectures import open_published
from tfkd.models.published.loading import load_model
from tfkd.objectives import predictor
from tfkd.targets import Header, StoreWriter, score_text
from tfkd.targets.target_stores import TargetStores

from .fakes import SPECIALS

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import rotary_reference

pytestmark = pytest.mark.tensorflow
PROMPTS, TARGETS = [[5, 6, 7], [], [8, 9, 10, 11, 12]], [[13, 14], [15, 16, 17], []]
START, END = SPECIALS.start_id, SPECIALS.end_id


def pairs():
    fields = {
        ("source", "t"): Ragged.from_rows(PROMPTS),
        ("target", "t"): Ragged.from_rows(TARGETS),
    }
    return ExampleSet([Part("c", fields, 3)])


def test_a_target_is_predicted_behind_its_prompt():
    view = PromptedView("t", SPECIALS)
    lengths = view.lengths(pairs())
    assert lengths["joint"].tolist() == [6, 4, 6]
    assert lengths["target"].tolist() == [3, 4, 1]
    record = view(pairs(), np.array([2, 0, -1, 1]), 0, 0, pad_to=4)
    assert record["ids"].shape == (4, 8)
    for row, example in enumerate([2, 0, None, 1]):
        read = [] if example is None else [START, *PROMPTS[example], *TARGETS[example]]
        assert record["ids"][row][record["valid"][row]].tolist() == read
        assert record["valid"][row].sum() == len(read)
        wanted = [] if example is None else [*TARGETS[example], END]
        assert record["labels"][row][record["selected"][row]].tolist() == wanted
        places = np.flatnonzero(record["selected"][row])
        # The last of them is the last that is read.
        assert places.tolist() == list(range(len(read) - len(wanted), len(read)))


def scored(folder, k, max_length=512):
    """The store of a random Llama, and its logits in float64 of each row, by another program."""
    config, tensors = rotary_reference.write_folder(folder / "llama", "llama")
    model = load_model(open_published(folder / "llama"), ())
    writer = StoreWriter(folder / "store", Header("c", "v", config["vocab_size"], k, 3))
    view = PromptedView("t", SPECIALS)
    store = score_text(predictor(model, k), pairs(), view, writer, max_length=max_length)
    rows = []
    for prompt, target in zip(PROMPTS, TARGETS, strict=True):
        read = np.array([START, *prompt, *target])
        rows.append(rotary_reference.logits(config, tensors, read)[len(prompt) :])
    return store, rows


def test_the_top_k_of_each_word_of_a_target_is_stored(tmp_path):
    store, rows = scored(tmp_path, 5)
    found = store.take(np.arange(3), 6)
    for row, logits in enumerate(rows):
        assert found["present"][row].sum() == len(TARGETS[row]) + 1 == len(logits)
        log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        order = np.argsort(-log_p, 1)[:, :5]
        np.testing.assert_array_equal(found["ids"][row, : len(logits)], order)
        np.testing.assert_allclose(
            found["log_probabilities"][row, : len(logits)], np.take_along_axis(log_p, order, 1),
            atol=4e-3,
        )  # fmt: skip
    golds = [[*target, END] for target in TARGETS]
    right = [(one.argmax(-1) == gold).sum() for one, gold in zip(rows, golds, strict=True)]
    assert store.metrics["accuracy"] == pytest.approx(sum(right) / sum(map(len, golds)))


def test_rows_that_are_too_long_have_none(tmp_path):
    store, _ = scored(tmp_path, 2, max_length=5)
    assert store.rows_present.tolist() == [False, True, False]


@pytest.mark.parametrize("limit", few([None, 7, 4], 1))
def test_a_causal_student_learns_the_rows_at_its_target_s_words(tmp_path, limit):
    """It reads `[CLS] a [SEP] b [SEP]`; of a view that ends before, the rest is no row."""
    store, _ = scored(tmp_path, 3)
    view = CausalLMView("t", SPECIALS, max_length=limit)
    examples = np.array([1, -1, 0, 2])
    record = view(pairs(), examples, 0, 0, pad_to=4)
    width = record["ids"].shape[1]
    found = TargetStores([store], "t")(pairs(), examples, width)
    plain = store.take(examples, 6)
    for row, example in enumerate(examples):
        places = np.flatnonzero(record["types"][row]) if example >= 0 else []
        present = found["present"][row] & record["valid"][row]
        assert np.flatnonzero(present).tolist() == list(places)
        for number, place in enumerate(places):
            np.testing.assert_array_equal(found["ids"][row, place], plain["ids"][row, number])
            np.testing.assert_array_equal(
                found["log_probabilities"][row, place], plain["log_probabilities"][row, number]
            )


def test_sources_stand_in_the_prompt_as_they_are(tmp_path):
    assert prompted("a {source} b {x}", "{source}\\1") == "a {source}\\1 b {x}"
    lines = ["ein hund", "{target}", "zwei katzen"]
    (tmp_path / "text").mkdir()
    (tmp_path / "ids").mkdir()
    write_text_corpus(Rows(("source",), [(line,) for line in lines]), tmp_path / "text")
    tokenizer = learn_byte_bpe(["German: ein hund\n", "zwei katzen\nEnglish:\n"] * 3, 290)
    prompt = "German: {source}\nEnglish:\n"
    encode_prompted(prompt)(
        TextCorpus.open(tmp_path / "text"), "source", tokenizer, tmp_path / "ids"
    )
    found = EncodedField.open(tmp_path / "ids").take(np.arange(3))
    whole = tokenizer.encode([f"German: {line}\nEnglish:\n" for line in lines])
    np.testing.assert_array_equal(found.values, whole.values)
    np.testing.assert_array_equal(found.lengths, whole.lengths)
