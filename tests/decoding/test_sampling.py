"""Sampling: its distribution against NumPy's, and that draws hang on seed, text and step alone."""

import numpy as np
import pytest
import tensorflow as tf

from tfkd.decoding import Sampling, greedy_search
from tfkd.decoding.sampling import hashed, sampled, uniform


def excess(counts, expected):
    """(chi-square - degrees of freedom) in standard deviations; above 5 has odds below 1e-5."""
    freedom = len(counts) - 1
    return (((counts - expected) ** 2 / expected).sum() - freedom) / np.sqrt(2 * freedom)


def kept(logits, temperature, top_k, top_p):
    """The distribution that is drawn from, float64, by the papers' words."""
    p = np.exp(logits / temperature - np.max(logits / temperature))
    p /= p.sum()
    order = np.argsort(-p, kind="stable")
    allowed = order[: top_k or len(p)]
    mass, chosen = 0.0, []
    share = p[allowed] / p[allowed].sum()
    for token, each in zip(allowed, share, strict=True):
        chosen.append(token)
        mass += each
        if mass >= top_p:
            break
    out = np.zeros_like(p)
    out[chosen] = p[chosen]
    return out / out.sum()


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [(1.0, None, 1.0), (0.5, None, 1.0), (2.0, 4, 1.0), (1.0, None, 0.7), (1.3, 5, 0.8)],
)
def test_draws_follow_the_distribution(temperature, top_k, top_p):
    logits = np.random.default_rng(1).normal(size=9) * 1.5
    rows = 40_000
    keys = hashed(tf.range(rows)[:, None], tf.ones([rows, 1], tf.bool), 3)
    found = sampled(
        tf.tile(tf.constant(logits[None], tf.float32), [rows, 1]), keys, 5,
        temperature=temperature, top_k=top_k, top_p=top_p,
    )  # fmt: skip
    expected = kept(logits, temperature, top_k, top_p) * rows
    counts = np.bincount(found.numpy(), minlength=9)
    assert counts[expected == 0].sum() == 0
    assert excess(counts[expected > 0], expected[expected > 0]) < 5


def test_steps_rows_and_seeds_draw_apart():
    rows = 20_000
    ids, valid = tf.range(rows)[:, None], tf.ones([rows, 1], tf.bool)
    draws = [uniform(hashed(ids, valid, seed), step) for seed in (0, 1) for step in (0, 1, 2)]
    for draw in draws:
        counts, _ = np.histogram(draw, 50, (0, 1))
        assert excess(counts, np.full(50, rows / 50)) < 5
    assert np.abs(np.corrcoef(np.stack(draws)) - np.eye(6)).max() < 0.03
    assert np.abs(np.corrcoef(draws[0][1:], draws[0][:-1])[0, 1]) < 0.03


def test_a_key_hangs_on_tokens_and_places_not_on_padding():
    ids = tf.constant([[4, 5, 9], [4, 5, 7], [5, 4, 9], [4, 5, 5]])
    valid = tf.constant(np.array([[1, 1, 0], [1, 1, 0], [1, 1, 0], [1, 1, 1]], bool))
    keys = hashed(ids, valid, 1).numpy()
    assert keys[0] == keys[1] == hashed(ids[:1, :2], valid[:1, :2], 1).numpy()[0]
    assert len(set(keys)) == 3
    assert keys[0] != hashed(ids, valid, 2).numpy()[0]


class Source(dict):
    size, pad_id, start_id, end_id, special_ids = 4, 0, 0, 1, (0, 1)


class Steps:
    """A table model as searches meet one: its sources are sentence numbers."""

    vocabulary_size = 4

    def __init__(self, table):
        self._table = table

    def start(self, source):
        return self._table.start(source["ids"][:, 0])

    def step(self, ids, state, index):
        return self._table.step(ids, state, index)


def test_a_row_is_drawn_as_it_is_alone(table_model):
    model = Steps(table_model(6, 4, 6, seed=2, sharpness=0.5))
    ids, valid = tf.range(6)[:, None], tf.ones([6, 1], tf.bool)
    search = Sampling(temperature=1.2, seed=7)
    together = search(model, {"ids": ids, "valid": valid}, tf.fill([6], 6), Source)
    outputs = set()
    for row in range(6):
        one = {"ids": ids[row : row + 1], "valid": valid[row : row + 1]}
        alone = search(model, one, [6], Source)
        size = int(alone.lengths[0, 0])
        tokens = together.ids[row, 0, :size].numpy().tolist()
        assert tokens == alone.ids[0, 0].numpy().tolist()[:size]
        assert size == int(together.lengths[row, 0])
        prefix, total = [], 0.0
        for token in [*tokens, 1]:
            total += model._table.log_probabilities(row, prefix, [0])[token]
            prefix.append(token)
        np.testing.assert_allclose(together.log_probabilities[row, 0], total, rtol=1e-4)
        outputs.add(tuple(tokens))
    assert len(outputs) > 1


def test_one_token_is_greedy(table_model):
    model = Steps(table_model(6, 4, 6, seed=2))
    source = {"ids": tf.range(6)[:, None], "valid": tf.ones([6, 1], tf.bool)}
    found = Sampling(top_k=1)(model, source, tf.fill([6], 6), Source)
    best = greedy_search(
        model.start(source), model.step, start_id=0, end_id=1, vocabulary_size=4,
        max_lengths=tf.fill([6], 6), forbidden_ids=[0],
    )  # fmt: skip
    np.testing.assert_array_equal(found.ids, best.ids)


def test_settings_out_of_range_are_refused():
    for wrong in ({"temperature": 0.0}, {"top_p": 0.0}, {"top_p": 1.5}):
        with pytest.raises(ValueError, match="Expected a temperature above 0"):
            Sampling(**wrong)


def test_several_draws_are_those_of_the_next_seeds_the_likeliest_first(table_model):
    model = Steps(table_model(6, 4, 6, seed=2, sharpness=0.5))
    source = {"ids": tf.range(6)[:, None], "valid": tf.ones([6, 1], tf.bool)}
    several = Sampling(seed=5, n_best=3)(model, source, tf.fill([6], 6), Source)
    singles = [Sampling(seed=5 + n)(model, source, tf.fill([6], 6), Source) for n in range(3)]
    assert several.ids.shape[:2] == several.scores.shape == (6, 3)
    for row in range(6):
        wanted = sorted(
            (-float(one.scores[row, 0]), one.ids[row, 0, : one.lengths[row, 0]].numpy().tolist())
            for one in singles
        )
        for rank, (score, tokens) in enumerate(wanted):
            np.testing.assert_allclose(several.scores[row, rank], -score, rtol=1e-5)
            found = several.ids[row, rank, : several.lengths[row, rank]]
            assert found.numpy().tolist() == tokens
