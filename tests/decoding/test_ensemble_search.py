"""Searches in the mean of several models' distributions, against NumPy in float64."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from searched import outputs, searched

from tfkd.data.ragged import Ragged
from tfkd.decoding import (
    BeamSearch,
    Decoder,
    GreedySearch,
    Sampling,
    beam_search,
    greedy_search,
)
from tfkd.decoding.decoder import source_limit, target_limit
from tfkd.models import Rnn, Transformer
from tfkd.models.mean_of import MeanOf, log_mean

SIZE = 24
SPECIALS = SimpleNamespace(
    size=SIZE, pad_id=0, unknown_id=1, start_id=2, end_id=3, mask_id=4, special_ids=(0, 1, 2, 3, 4)
)
LIMIT = {"factor": 1.0, "plus": 3}


class MeanTable:
    """Of several tables, the mean of what each says of the next token, with what is forbidden taken
    out of it; in float64."""

    end_id = 1

    def __init__(self, tables, weights):
        self.size, self._tables, self._weights = tables[0].size, tables, weights

    def log_probabilities(self, sentence, prefix, forbidden):
        each = [np.exp(one.log_probabilities(sentence, prefix, [])) for one in self._tables]
        mean = np.average(each, 0, self._weights)
        mean[list(forbidden)] = 0
        with np.errstate(divide="ignore"):
            return np.log(mean / mean.sum())


def search(how, model, sentences, limits, **options):
    return searched(how, model, model.members[0], sentences, limits, **options)


@given(
    seed=st.integers(0, 1000),
    longest=st.integers(0, 3),
    weights=st.sampled_from([[1.0, 1.0], [0.7, 0.3], [1.0, 5.0, 2.0]]),
    n_best=st.integers(1, 4),
    forbid_start=st.booleans(),
)
@settings(max_examples=4, deadline=None)
def test_a_wide_beam_equals_exhaustive_search(
    table_model, seed, longest, weights, n_best, forbid_start
):
    tables = [table_model(2, 4, 3, seed + 7 * number) for number in range(len(weights))]
    forbidden, limits = [0] if forbid_start else [], [longest, max(longest - 1, 0)]
    options = {"beam": 81, "n_best": n_best, "length_penalty": 0.6, "forbidden_ids": forbidden}
    result = search(beam_search, MeanOf(tables, weights), [0, 1], limits, **options)
    mean = MeanTable(tables, weights)
    for row, limit in enumerate(limits):
        expected = table_model.exhaustive(mean, row, limit, 0.6, forbidden)[:n_best]
        assert outputs(result, row) == [tokens for _, tokens, _ in expected]
        for place in (0, 2):  # scores, log p
            np.testing.assert_allclose(
                result[2 + place // 2][row, : len(expected)],
                [one[place] for one in expected],
                rtol=1e-5,
                atol=1e-6,
            )


@given(
    seed=st.integers(0, 1000),
    beam=st.integers(1, 4),
    limits=st.lists(st.integers(0, 5), min_size=1, max_size=6),
)
@settings(max_examples=4, deadline=None)
def test_narrow_beams_and_greedy_search_equal_their_definitions(table_model, seed, beam, limits):
    weights, rows = [0.7, 0.3], range(len(limits))
    tables = [table_model(len(limits), 3, 5, seed), table_model(len(limits), 3, 5, seed + 1)]
    model, mean = MeanOf(tables, weights), MeanTable(tables, weights)
    found = search(beam_search, model, list(rows), limits, beam=beam, n_best=beam)
    likeliest = search(greedy_search, model, list(rows), limits)
    for row, limit in enumerate(limits):
        expected = table_model.plain_beam(mean, row, limit, 0.6, [], beam)[:beam]
        assert outputs(found, row) == [tokens for _, tokens, _ in expected]
        tokens, total = [], 0.0
        while not tokens or tokens[-1] != mean.end_id:
            log_p = mean.log_probabilities(row, tokens, [])
            tokens.append(mean.end_id if len(tokens) == limit else int(log_p.argmax()))
            total += log_p[tokens[-1]]
        assert outputs(likeliest, row) == [tuple(tokens[:-1])]
        np.testing.assert_allclose(likeliest[3][row, 0], total, rtol=1e-5, atol=1e-6)


@pytest.fixture(scope="module")
def models():
    """Two families, with other widths, positions and states of their decoders."""
    common = {"width": 16, "seed": 1}
    one = Transformer(
        SIZE, encoder_layers=1, decoder_layers=1, heads=2, max_length=16, positions="learned",
        **common,
    )  # fmt: skip
    other = Rnn(SIZE, layers=1, **common)
    rng = np.random.default_rng(1)
    for model in (one, other):
        for weight in model.weights:
            weight.assign(weight + 0.5 * rng.normal(size=weight.shape))
    return one, other


@pytest.fixture(scope="module")
def sources():
    rng = np.random.default_rng(2)
    return Ragged.from_rows([rng.integers(5, SIZE, n) for n in [*rng.integers(1, 10, 5), 30, 0]])


def decoded(model, search, sources):
    return Decoder(model, search, SPECIALS, SPECIALS).decode(sources)


BEAM = BeamSearch(beam=3, n_best=3, max_length=LIMIT)


def test_each_hypothesis_has_the_score_of_the_uncached_models_mean(models, sources):
    """Each model with an encoder, states and positions of its own, which the search gathers."""
    weights = [0.6, 0.4]
    found = decoded(MeanOf(models, weights), BEAM, sources)

    @tf.function(input_signature=[tf.TensorSpec([1, None], tf.int32)] * 2, autograph=False)
    def whole(source, target):
        sides = {"source": source, "target": target}
        record = {name: {"ids": ids, "valid": ids >= 0} for name, ids in sides.items()}
        return [one.head.logits(one(record)["hidden"])[0] for one in models]

    lengths = set()
    for row in range(len(sources)):
        source = [*sources.row(row)[:15], 3]
        for rank in range(3 * (len(source) > 1)):
            output = found.n_best.row(3 * row + rank)
            logits = [np.float64(one) for one in whole([source], [[2, *output]])]
            each = [np.exp(z) / np.exp(z).sum(-1, keepdims=True) for z in logits]
            mean = np.average(each, 0, weights)
            mean[:, [0, 1, 2, 4]] = 0
            log_p, written = np.log(mean / mean.sum(-1, keepdims=True) + 1e-300), [*output, 3]
            total = log_p[np.arange(len(written)), written].sum()
            score = found.n_best_scores[row, rank]
            np.testing.assert_allclose(score, total / ((6 + len(output)) / 6) ** 0.6, atol=1e-4)
            lengths.add(len(output))
    assert len(lengths) > 2


@pytest.mark.long
@pytest.mark.parametrize(
    "how",
    [
        pytest.param(GreedySearch(max_length=LIMIT), marks=pytest.mark.long),
        BEAM,
        pytest.param(Sampling(n_best=2, top_k=8, max_length=LIMIT, seed=3), marks=pytest.mark.long),
    ],
    ids=["greedy", "beam", "sampling"],
)
def test_a_model_with_itself_or_beside_next_to_nothing_is_that_model(models, sources, how):
    one, other = models
    expected = decoded(one, how, sources)
    for mean in (MeanOf([one, one]), MeanOf([one, other], [1.0, 1e-12])):
        found = decoded(mean, how, sources)
        np.testing.assert_array_equal(found.n_best.values, expected.n_best.values)
        np.testing.assert_array_equal(found.n_best.lengths, expected.n_best.lengths)
        np.testing.assert_allclose(found.n_best_scores, expected.n_best_scores, atol=1e-4)


def test_what_all_of_them_can_read_and_write_is_the_least_of_each():
    sizes = [SimpleNamespace(max_length=20, vocabulary_size=9, leads={}),
             SimpleNamespace(max_length=30, vocabulary_size=9, leads={"encoder": 1}),
             SimpleNamespace(vocabulary_size=9)]  # fmt: skip
    mean = MeanOf(sizes)
    assert (source_limit(mean), target_limit(mean), mean.vocabulary_size) == (18, 19, 9)
    assert source_limit(MeanOf(sizes[2:])) == source_limit(sizes[2])
    with pytest.raises(ValueError, match=r"vocabularies of \[9, 8\] ids"):
        _ = MeanOf([*sizes[:1], SimpleNamespace(vocabulary_size=8)]).vocabulary_size


def test_a_mean_of_distributions_is_that_of_float64():
    logits = np.random.default_rng(4).normal(size=(3, 5, 7)) * 30
    weights = [0.2, 0.5, 0.3]
    each = np.exp(logits - logits.max(-1, keepdims=True))
    each /= each.sum(-1, keepdims=True)
    found = log_mean([tf.constant(one, tf.float32) for one in logits], weights)
    np.testing.assert_allclose(found, np.log(np.average(each, 0, weights)), rtol=1e-5, atol=1e-5)
