"""Searches among listed pieces: equal to NumPy's, to the whole vocabulary's, and row by row."""

from types import SimpleNamespace

import numpy as np
import pytest

from tfkd.data.ragged import Ragged
from tfkd.decoding import BeamSearch, Decoder, GreedySearch, Sampling, Shortlist
from tfkd.models import Rnn, Transformer
from tfkd.serving.checking import is_tie
from tfkd.serving.graphs.uncached import uncached_pairs

SIZE = 40
# The special pieces stand at both ends of the vocabulary, as published ones do.
SPECIALS = SimpleNamespace(
    size=SIZE, pad_id=39, unknown_id=1, start_id=2, end_id=37, mask_id=4,
    special_ids=(39, 1, 2, 37, 4),
)  # fmt: skip
LIMIT = {"factor": 1.0, "plus": 3}
SEARCHES = {
    "beam": BeamSearch(beam=3, n_best=2, max_length=LIMIT, min_length=2),
    "greedy": GreedySearch(max_length=LIMIT),
    "sample": Sampling(seed=5, top_k=6, n_best=2, max_length=LIMIT),
}


def scattered(model):
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(weight + 0.5 * rng.normal(size=weight.shape))
    return model


@pytest.fixture(scope="module")
def model():
    sizes = {"encoder_layers": 1, "decoder_layers": 1, "width": 16, "heads": 2}
    return scattered(Transformer(SIZE, **sizes, max_length=24, seed=1))


@pytest.fixture(scope="module")
def sources():
    rng = np.random.default_rng(2)
    return Ragged.from_rows([rng.integers(5, 36, n) for n in (1, 7, 3, 0, 9, 2, 5, 12)])


@pytest.fixture(scope="module")
def shortlist():
    rng = np.random.default_rng(3)
    best = rng.integers(0, SIZE, (SIZE, 4)).astype(np.int32)
    best[rng.random(best.shape) < 0.2] = -1
    return Shortlist(best, np.array([7, 4, 21, 33], np.int32))


def decoded(model, shortlist, search, rows):
    model.shortlist = shortlist
    try:
        return Decoder(model, search, SPECIALS, SPECIALS).decode(rows)
    finally:
        model.shortlist = None


LONG = pytest.mark.long


@pytest.mark.parametrize("kind", ["beam", "sample", pytest.param("greedy", marks=LONG)])
def test_outputs_are_those_of_numpy_over_the_list(model, sources, shortlist, kind):
    """Whose soft-max goes over a row's own list, whatever lists others of its batch have."""
    search = SEARCHES[kind]
    found = decoded(model, shortlist, search, sources)
    whole = decoded(model, None, search, sources)
    model.shortlist = shortlist
    read = uncached_pairs(model, SPECIALS, SPECIALS.end_id)
    for row, source in enumerate(sources):
        listed = {4, 7, 21, 33} | set(shortlist.best[[*source, 37]].ravel().tolist())
        listed = listed - {-1, *SPECIALS.special_ids}
        output = found.outputs.row(row)
        assert set(output.tolist()) <= listed
        expected = search.numpy(read(source), min(len(source) + 3, 23) if len(source) else 0)
        if tuple(output) != expected.ids:
            assert is_tie(expected, output, expected.score_of(output))
        else:
            np.testing.assert_allclose(found.scores[row], expected.score, atol=1e-4)
    model.shortlist = None
    assert any(tuple(a) != tuple(b) for a, b in zip(found.outputs, whole.outputs, strict=True))


@pytest.mark.parametrize("kind", [pytest.param(one, marks=LONG) for one in SEARCHES])
def test_a_list_of_all_pieces_changes_nothing(model, sources, kind):
    every = Shortlist(np.full((SIZE, 1), -1, np.int32), np.arange(SIZE, dtype=np.int32))
    found = decoded(model, every, SEARCHES[kind], sources)
    whole = decoded(model, None, SEARCHES[kind], sources)
    for name in ("outputs", "n_best"):
        ours, theirs = getattr(found, name), getattr(whole, name)
        np.testing.assert_array_equal(ours.values, theirs.values)
        np.testing.assert_array_equal(ours.offsets, theirs.offsets)
    np.testing.assert_allclose(found.n_best_scores, whole.n_best_scores, atol=1e-5)


def test_outputs_of_listed_pieces_stay_as_they_are(sources):
    """Of an RNN, too: here what is on no list has no probability, so that scores stay as well."""
    model = scattered(Rnn(SIZE, layers=1, width=8))
    listed = np.arange(3, 23, dtype=np.int32)
    bias = np.zeros(SIZE, np.float32)
    bias[[*range(23, 37), 0, 38]] = -100.0
    model.head.own_bias.assign(model.head.own_bias + bias)
    shortlist = Shortlist(np.full((SIZE, 2), 11, np.int32), listed)
    found = decoded(model, shortlist, SEARCHES["greedy"], sources)
    whole = decoded(model, None, SEARCHES["greedy"], sources)
    np.testing.assert_array_equal(found.n_best.values, whole.n_best.values)
    np.testing.assert_allclose(found.n_best_scores, whole.n_best_scores, atol=1e-4)


@LONG
def test_a_row_alone_has_the_same_output(model, sources, shortlist):
    together = decoded(model, shortlist, SEARCHES["beam"], sources)
    for row in (1, 4, 7):
        alone = decoded(model, shortlist, SEARCHES["beam"], sources[[row]])
        assert alone.outputs.row(0).tolist() == together.outputs.row(row).tolist()
        np.testing.assert_allclose(alone.scores[0], together.scores[row], atol=1e-5)


def test_lists_come_back_from_their_file(tmp_path, shortlist):
    shortlist.save(tmp_path / "shortlist.safetensors")
    again = Shortlist.load(tmp_path / "shortlist.safetensors")
    np.testing.assert_array_equal(again.best, shortlist.best)
    np.testing.assert_array_equal(again.always, shortlist.always)
