"""Whole corpora: order, batches, caches, limits and traces, with a real Transformer."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from margins import assert_likeliest

from tfkd.data import side_by_side
from tfkd.data.ragged import Ragged
from tfkd.decoding import BeamSearch, Decoder, GreedySearch, LengthLimit, build_search
from tfkd.models import Transformer

SIZE = 40
SPECIALS = SimpleNamespace(
    size=SIZE, pad_id=0, unknown_id=1, start_id=2, end_id=3, mask_id=4, special_ids=(0, 1, 2, 3, 4)
)
LIMIT = {"factor": 1.0, "plus": 3}


@pytest.fixture(scope="module")
def model():
    model = Transformer(
        SIZE, encoder_layers=1, decoder_layers=2, width=16, heads=2, max_length=16,
        positions="learned", seed=1,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(weight + 0.5 * rng.normal(size=weight.shape))
    return model


@pytest.fixture(scope="module")
def sources():
    rng = np.random.default_rng(2)
    return Ragged.from_rows([rng.integers(5, SIZE, n) for n in [*rng.integers(0, 12, 23), 30, 0]])


@pytest.fixture(scope="module")
def uncached(model):
    """log p of each word after each prefix of an output, by the whole model."""

    @tf.function(input_signature=[tf.TensorSpec([1, None], tf.int32)] * 2, autograph=False)
    def whole(source, target):
        sides = {"source": source, "target": target}
        record = {name: {"ids": ids, "valid": ids >= 0} for name, ids in sides.items()}
        return model.head.logits(model(record)["hidden"])[0]

    def of(source, prefix):
        logits = whole([[*source[:15], 3]], [[2, *prefix]]).numpy().astype(np.float64)
        return log_p_of_words(logits)

    return of


@pytest.fixture(scope="module")
def greedy(model):
    """A decoder that several tests use: its graph is traced once."""
    return Decoder(model, GreedySearch(max_length=LIMIT), SPECIALS, SPECIALS)


@pytest.fixture(scope="module")
def greedily(greedy, sources):
    return greedy.decode(sources)


@pytest.fixture(scope="module")
def beam(model):
    search = BeamSearch(beam=4, n_best=3, max_length=LIMIT)
    return Decoder(model, search, SPECIALS, SPECIALS)


@pytest.fixture(scope="module")
def by_beam(beam, sources):
    return beam.decode(sources)


def log_p_of_words(logits):
    logits[:, [0, 1, 2, 4]] = -np.inf
    logits -= logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def limit(source):
    return min(min(len(source), 15) + 3, 15) if len(source) else 0


def test_greedy_outputs_are_the_argmax_of_the_uncached_model(greedily, sources, uncached):
    decoded = greedily
    lengths = set()
    for row in range(len(sources)):
        output = decoded.outputs.row(row)
        log_p = uncached(sources.row(row), output)
        written = np.array([*output, 3])
        chosen = len(output) + (len(output) < limit(sources.row(row)))  # else it has to end
        assert len(output) <= limit(sources.row(row))
        assert_likeliest(log_p[:chosen], written[:chosen])
        total = log_p[np.arange(len(written)), written].sum()
        np.testing.assert_allclose(decoded.log_probabilities[row], total, atol=1e-4)
        lengths.add(len(output))
    assert len(lengths) > 3


def test_every_beam_hypothesis_has_the_uncached_model_s_score(by_beam, sources, uncached):
    decoded = by_beam
    for row in range(len(sources)):
        for rank in range(3):
            score = decoded.n_best_scores[row, rank]
            if score == -np.inf:
                assert len(sources.row(row)) == 0
                continue
            output = decoded.n_best.row(3 * row + rank)
            assert len(output) <= limit(sources.row(row))
            log_p = uncached(sources.row(row), output)
            total = sum(log_p[i, token] for i, token in enumerate([*output, 3]))
            expected = total / ((6 + len(output)) / 6) ** 0.6
            np.testing.assert_allclose(score, expected, atol=1e-4)
        assert (
            np.diff(decoded.n_best_scores[row, :3][np.isfinite(decoded.n_best_scores[row])]) <= 0
        ).all()


@pytest.mark.parametrize(
    "search",
    [
        GreedySearch(max_length=LIMIT),
        pytest.param(BeamSearch(beam=3, max_length=LIMIT), marks=pytest.mark.long),
    ],
    ids=["greedy", "beam"],
)
def test_batches_of_any_size_give_the_same_in_order_with_one_trace(model, sources, search):
    whole = Decoder(model, search, SPECIALS, SPECIALS)
    expected = whole.decode(sources)
    small = Decoder(model, search, SPECIALS, SPECIALS, batch_rows=1)
    found = small.decode(sources)
    calls = []
    tokens = Decoder(model, search, SPECIALS, SPECIALS, batch_tokens=40)
    third = tokens.decode(sources, progress=lambda done, rows: calls.append((done, rows)))
    for other in (found, third):
        np.testing.assert_array_equal(other.outputs.values, expected.outputs.values)
        np.testing.assert_array_equal(other.outputs.offsets, expected.outputs.offsets)
        np.testing.assert_allclose(other.scores, expected.scores, atol=1e-4)
    assert whole.traces == small.traces == tokens.traces == 1
    assert calls[-1] == (25, 25)
    assert len(calls) > 3
    assert [len(whole.decode(sources.take(np.arange(0))).outputs)] == [0]
    assert whole.traces == 1


def test_empty_sources_have_empty_outputs_and_long_ones_lose_their_end(beam, by_beam, sources):
    decoded = by_beam
    assert len(decoded.outputs.row(24)) == 0
    assert np.isfinite(decoded.scores[24])
    cut = beam.decode(Ragged.from_rows([sources.row(23)[:15]]))
    np.testing.assert_array_equal(decoded.outputs.row(23), cut.outputs.row(0))


def test_large_vocabularies_have_small_batches():
    model = SimpleNamespace(vocabulary_size=10**6, max_length=16)
    decoder = Decoder(model, BeamSearch(beam=4), SPECIALS, SPECIALS)
    batches = [rows for rows, _ in decoder._batches(np.full(10, 5))]
    assert [len(rows) for rows in batches] == [2] * 5


def test_length_limits():
    assert LengthLimit().lengths([0, 1, 4, 200], 100).numpy().tolist() == [0, 11, 16, 100]
    assert LengthLimit.of(7).lengths([0, 1, 4], 100).numpy().tolist() == [0, 7, 7]
    assert LengthLimit.of({"plus": 2}).lengths([10], 100).numpy().tolist() == [17]
    with pytest.raises(ValueError, match="factor >= 0"):
        LengthLimit(factor=-1)


def test_searches_are_built_from_options():
    assert build_search(None) == BeamSearch()
    beam = build_search({"kind": "beam", "beam": 2, "length_penalty": 1.0, "max_length": 5})
    assert beam == BeamSearch(beam=2, length_penalty=1.0, max_length=LengthLimit.of(5))
    assert build_search(beam) is beam
    assert build_search({"kind": "greedy", "max_length": None}) == GreedySearch()


@pytest.mark.long
def test_a_mixed_precision_model_decodes():
    model = Transformer(
        SIZE, encoder_layers=1, decoder_layers=1, width=16, heads=2, dtype="mixed_bfloat16", seed=1
    )
    decoded = Decoder(model, BeamSearch(max_length=LIMIT), SPECIALS, SPECIALS).decode(
        Ragged.from_rows([[5, 6], [7]])
    )
    assert decoded.scores.dtype == np.float32
    assert tf.reduce_all(tf.math.is_finite(decoded.scores))


@pytest.mark.long
@pytest.mark.parametrize(
    "search",
    [
        GreedySearch(max_length=LIMIT),
        pytest.param(BeamSearch(max_length=LIMIT), marks=pytest.mark.long),
    ],
    ids=["greedy", "beam"],
)
def test_several_batches_at_once_decode_as_one_after_the_other(model, sources, search, monkeypatch):
    def outputs(workers):
        monkeypatch.setattr(side_by_side, "_free_workers", lambda: workers)
        decoder = Decoder(model, search, SPECIALS, SPECIALS, batch_rows=3)
        found = decoder.decode(sources)
        assert decoder.traces == 1
        return [row.tolist() for row in map(found.outputs.row, range(len(sources)))], found.scores

    (one, scores), (three, others) = outputs(1), outputs(3)
    assert one == three
    np.testing.assert_array_equal(scores, others)
