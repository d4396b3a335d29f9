"""Continuations of prompts, and their probabilities by a whole pass in NumPy."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tfkd.data.ragged import Ragged
from tfkd.decoding import Continuer, build_search
from tfkd.decoding.continuation import continue_prompts, prompt_limit
from tfkd.models import Gpt2

SPECIALS = SimpleNamespace(start_id=0, end_id=0, pad_id=0, unknown_id=0, special_ids=(0,))
PROMPTS = [[0], [0, 5, 7], [0, 3, 3, 9, 1, 2], []]


@pytest.fixture(scope="module")
def model():
    return Gpt2(12, layers=1, width=8, heads=2, max_length=16, initializer_range=0.3, seed=2)


def padded(prompts):
    width = max(map(len, prompts))
    ids = np.array([row + [0] * (width - len(row)) for row in prompts], np.int32)
    return tf.constant(ids), tf.constant([len(row) for row in prompts], tf.int32)


def log_p(model, prompt, tokens):
    """Sum of log p of tokens after a prompt, float64."""
    logits = model.head.logits(model({"ids": tf.constant([prompt + tokens])})["hidden"])[0]
    logits = np.asarray(logits, np.float64)
    logits -= np.log(np.exp(logits).sum(-1, keepdims=True))
    return sum(logits[len(prompt) - 1 + t, token] for t, token in enumerate(tokens))


@pytest.mark.parametrize(
    "decode",
    [
        pytest.param({"kind": "greedy", "max_length": 5}, marks=pytest.mark.long),
        pytest.param(
            {"kind": "beam", "beam": 3, "max_length": 5, "length_penalty": 0.6},
            marks=pytest.mark.long,
        ),
        pytest.param({"kind": "sample", "max_length": 8, "seed": 4}, marks=pytest.mark.long),
        {"kind": "sample", "max_length": 8, "top_k": 3, "temperature": 0.7},
    ],
    ids=["greedy", "beam", "sample", "top_k"],
)
def test_probabilities_are_the_models_own(model, decode):
    search = build_search(decode)
    # One trace for all shapes.
    call = tf.function(
        lambda ids, lengths: continue_prompts(model, search, ids, lengths, SPECIALS),
        input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)],
        autograph=False,
    )
    found = call(*padded(PROMPTS))
    for row, prompt in enumerate(PROMPTS[:3]):
        count, ended = int(found.lengths[row]), bool(found.ended[row])
        tokens = found.ids.numpy()[row, :count].tolist()
        assert 0 not in tokens
        assert ended == (count < decode["max_length"])
        expected = log_p(model, prompt, tokens + [0] * ended)
        np.testing.assert_allclose(found.log_probabilities[row], expected, rtol=1e-4, atol=1e-5)
        # The same alone.
        alone = call(*padded([prompt]))
        assert alone.ids.numpy()[0, : int(alone.lengths[0])].tolist() == tokens
    assert int(found.lengths[3]) == 0  # a filler
    assert float(found.log_probabilities[3]) == 0


def test_a_corpus_of_prompts_comes_back_in_order(model):
    search = build_search({"kind": "sample", "max_length": 6, "seed": 4})
    prompts = [[5, 7], [], [3, 3, 9, 1, 2, 8, 8, 4, 4, 4], [1], [5, 7]]
    found = Continuer(model, search, SPECIALS, batch_rows=2)(Ragged.from_rows(prompts))
    for row, prompt in enumerate(prompts):
        # The last 7 tokens and the start: half of the positions.
        alone = continue_prompts(model, search, *padded([[0, *prompt[-7:]]]), SPECIALS)
        assert found.row(row).tolist() == alone.ids.numpy()[0, : int(alone.lengths[0])].tolist()
    assert found.row(0).tolist() == found.row(4).tolist()
    assert len(Continuer(model, search, SPECIALS)(Ragged.from_rows([]))) == 0


def test_what_is_written_fits_beside_the_longest_prompt(model):
    assert prompt_limit(model) == 8
    search = build_search({"kind": "sample", "max_length": 99, "seed": 1})
    prompt = [0, *([3, 4] * 4)][:8]
    found = continue_prompts(model, search, *padded([prompt]), SPECIALS)
    assert found.ids.shape[1] <= 8


def test_ends_and_limits_are_told_apart(model):
    ends = set()
    for seed in range(16):
        search = build_search({"kind": "sample", "max_length": 4, "seed": seed})
        found = continue_prompts(model, search, *padded([[0, 5]]), SPECIALS)
        ends.add(bool(found.ended[0]))
        if len(ends) == 2:
            break
    assert ends == {True, False}
