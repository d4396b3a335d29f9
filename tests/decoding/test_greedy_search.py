"""Greedy search against a plain loop."""

import numpy as np
import pytest
import tensorflow as tf

from tfkd.decoding import greedy_search


def plain(model, sentence, limit, forbidden, least=0):
    tokens, total = [], 0.0
    while True:
        early = [model.end_id] if len(tokens) < min(least, limit) else []
        log_p = model.log_probabilities(sentence, tokens, forbidden + early)
        token = model.end_id if len(tokens) == limit else int(np.argmax(log_p))
        total += log_p[token]
        if token == model.end_id:
            return tokens, total
        tokens.append(token)


@pytest.mark.parametrize("least", [0, 3])
def test_greedy_equals_a_plain_loop_for_every_row(table_model, least):
    limits = [6, 0, 3, 6, 1, 5, 6, 2]
    model = table_model(8, 3, 6, seed=11)
    result = greedy_search(
        model.start(tf.range(8)), model.step, start_id=0, end_id=1, vocabulary_size=3,
        max_lengths=tf.constant(limits), forbidden_ids=[0], length_penalty=0.6, pad_id=7,
        min_length=least,
    )  # fmt: skip
    for row, limit in enumerate(limits):
        tokens, total = plain(model, row, limit, [0], least)
        assert len(tokens) >= min(least, limit)
        ids = result.ids[row, 0].numpy().tolist()
        assert ids == tokens + [7] * (len(ids) - len(tokens))
        assert result.lengths[row, 0] == len(tokens)
        np.testing.assert_allclose(result.log_probabilities[row, 0], total, rtol=1e-5, atol=1e-6)
        penalty = ((5 + len(tokens) + 1) / 6) ** 0.6
        np.testing.assert_allclose(result.scores[row, 0], total / penalty, rtol=1e-5, atol=1e-6)


def test_no_rows_are_no_error(table_model):
    model = table_model(1, 3, 2, seed=0)
    result = greedy_search(
        model.start(tf.range(0)), model.step, start_id=0, end_id=1, vocabulary_size=3,
        max_lengths=tf.zeros([0], tf.int32),
    )  # fmt: skip
    assert result.ids.shape[0] == 0
