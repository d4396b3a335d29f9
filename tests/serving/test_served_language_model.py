"""A language model as a SavedModel: what it answers is what the model writes."""

import numpy as np
import pytest
import tensorflow as tf

from tfkd.data.tokenizers import learn_byte_bpe
from tfkd.decoding import build_search
from tfkd.decoding.continuation import continue_prompts
from tfkd.models import Gpt2
from tfkd.serving.served_language_model import ServedLanguageModel

LINES = ["the man walks in the park.", "a dog runs.", "two men, one dog — ü!"] * 5


@pytest.fixture(scope="module")
def tokenizer():
    return learn_byte_bpe(LINES, 290)


@pytest.fixture(scope="module")
def model(tokenizer):
    return Gpt2(
        tokenizer.size, layers=1, width=8, heads=2, max_length=24, initializer_range=0.4, seed=1
    )


def saved(model, tokenizer, decode, folder):
    served = ServedLanguageModel(model, tokenizer, build_search(decode))
    tf.saved_model.save(served, str(folder), signatures=served.signatures())
    return tf.saved_model.load(str(folder))


@pytest.mark.parametrize(
    "decode",
    [
        pytest.param({"kind": "beam", "beam": 2, "max_length": 6}, marks=pytest.mark.long),
        {"kind": "sample", "seed": 7, "max_length": 6},
    ],
    ids=["beam", "sample"],
)
def test_it_answers_as_the_model_does(model, tokenizer, decode, tmp_path):
    loaded = saved(model, tokenizer, decode, tmp_path)
    prompts = ["the man", "", "a dog runs in the park and the man walks in it, too — ü"]
    found = loaded.signatures["serving_default"](text=tf.constant(prompts))
    none = loaded.signatures["serving_default"](text=tf.constant([], tf.string))
    assert none["outputs"].shape == none["scores"].shape == (0,)
    search = build_search(decode)
    for row, prompt in enumerate(prompts):
        ids = tokenizer.encode([prompt]).row(0).tolist()[-11:]  # half of its positions
        ids = [int(tokenizer.start_id), *ids]
        expected = continue_prompts(
            model, search, tf.constant([ids], tf.int32), tf.constant([len(ids)]), tokenizer
        )
        text = tokenizer.in_graph().detokenize(expected.ids).numpy()[0]
        assert found["outputs"].numpy()[row] == text
        np.testing.assert_allclose(
            found["scores"][row], expected.log_probabilities[0], rtol=1e-4, atol=1e-5
        )
        by_ids = loaded.signatures["ids"](
            prompt_ids=tf.constant([ids[1:]], tf.int32), prompt_lengths=tf.constant([len(ids) - 1])
        )
        count = int(by_ids["output_lengths"][0])
        assert count == int(expected.lengths[0])
        written = by_ids["output_ids"].numpy()[0, :count].tolist()
        assert written == expected.ids.numpy()[0, :count].tolist()


def test_a_seed_may_be_chosen_call_by_call(model, tokenizer, tmp_path):
    loaded = saved(model, tokenizer, {"kind": "sample", "seed": 7, "max_length": 8}, tmp_path)
    text = tf.constant(["the", "the"])
    plain = loaded.signatures["serving_default"](text=text)["outputs"].numpy().tolist()
    assert plain[0] == plain[1]  # a function of the text and the seed
    call = loaded.signatures["with_options"]
    assert int(loaded.signatures["options"]()["seed"]) == 7
    assert call(text=text, seed=tf.constant(7))["outputs"].numpy().tolist() == plain
    others = {call(text=text[:1], seed=tf.constant(n))["outputs"].numpy()[0] for n in range(6)}
    assert len(others) > 2
