"""What exports are held against, itself held against all outputs there are."""

import itertools

import numpy as np
import pytest

from tfkd.decoding.numpy_decoding import (
    not_before,
    numpy_beam_search,
    numpy_greedy_search,
    numpy_score,
    penalty,
)

END = 1


def random_predict(seed, size=4):
    def predict(prefixes):
        rows = []
        for prefix in prefixes:
            code = sum(token * size**place for place, token in enumerate((*prefix, 3)))
            logits = 2 * np.random.default_rng([seed, code]).normal(size=size)
            logits[0] = -np.inf
            rows.append(logits - np.log(np.exp(logits).sum()))
        return np.array(rows)

    return predict


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("alpha", [0.0, 0.6])
def test_a_wide_beam_finds_the_best_of_all_outputs(seed, alpha):
    predict, limit = random_predict(seed), 3
    every = [
        (numpy_score(predict, ids, end_id=END, length_penalty=alpha), ids)
        for length in range(limit + 1)
        for ids in itertools.product([2, 3], repeat=length)
    ]
    found = numpy_beam_search(predict, end_id=END, limit=limit, beam=40, length_penalty=alpha)
    assert (found.score, found.ids) == (pytest.approx(max(every)[0]), max(every)[1])


def test_a_score_is_the_sum_of_log_probabilities_over_the_penalty():
    predict = random_predict(7)
    total = predict([()])[0][2] + predict([(2,)])[0][3] + predict([(2, 3)])[0][END]
    assert numpy_score(predict, [2, 3], end_id=END, length_penalty=0.6) == pytest.approx(
        total / (8 / 6) ** 0.6
    )
    assert penalty(3, 0.6) == (8 / 6) ** 0.6


def test_greedy_takes_the_best_token_and_ends_at_the_limit():
    predict = random_predict(3)
    found = numpy_greedy_search(predict, end_id=END, limit=4)
    for place, token in enumerate(found.ids):
        assert predict([found.ids[:place]])[0].argmax() == token
    assert len(numpy_greedy_search(predict, end_id=END, limit=0).ids) == 0
    assert found.score == pytest.approx(
        numpy_score(predict, found.ids, end_id=END, length_penalty=0)
    )


def test_a_choice_between_equals_has_no_margin():
    def equal(prefixes):
        return np.log(np.tile([1e-9, 0.2, 0.4, 0.4], (len(prefixes), 1)))

    assert numpy_greedy_search(equal, end_id=END, limit=2).margin == pytest.approx(0, abs=1e-12)
    found = numpy_beam_search(equal, end_id=END, limit=2, beam=1, length_penalty=0.6)
    assert found.margin == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("least", "limit"), [(0, 3), (2, 3), (5, 3)])
def test_an_end_that_is_not_allowed_yet_has_no_probability(least, limit):
    predict = random_predict(1)
    late = not_before(predict, least, end_id=END, limit=limit)
    for length in range(limit + 1):
        row, plain = late([(2,) * length])[0], predict([(2,) * length])[0]
        if length < min(least, limit):
            assert row[END] == -np.inf
            others = plain[2:] - np.log(np.exp(plain[2:]).sum())
            np.testing.assert_allclose(row[2:], others)
        else:
            np.testing.assert_array_equal(row, plain)
