"""MASS on a model: what its decoder sees, and what it does not."""

import numpy as np
import pytest
import tensorflow as tf
from rings import few

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials, encoder_decoder
from tfkd.data.ragged import Ragged
from tfkd.data.views import MassView
from tfkd.models import Transformer
from tfkd.objectives import CrossEntropy, objective_forward, term_counts

SPECIALS = Specials(0, 1, 2, 3, 4, (0, 1, 2, 3, 4), 20)
MASK, ROWS = 4, 12
SIZES = {"encoder_layers": 2, "decoder_layers": 2, "width": 8, "heads": 2, "feed_forward": 12}
KINDS = {"sinusoidal": {}, "learned": {"norm": "pre", "positions": "learned", "max_length": 16}}


def words(seed=0):
    random = np.random.default_rng(seed)
    return [random.integers(5, 20, random.integers(3, 9)) for _ in range(ROWS)]


def record(texts, **options):
    rows = Ragged.from_rows(texts)
    examples = ExampleSet([Part("texts", {("text", "t"): rows}, len(rows))])
    view = MassView("t", SPECIALS, **options)
    found = view(examples, np.arange(len(rows)), 3, 1, pad_to=4)
    return tf.nest.map_structure(tf.convert_to_tensor, found)


def logits(model, found):
    return model.head.logits(model(found)["hidden"]).numpy()


@pytest.mark.parametrize("replace", [(100, 0, 0), (80, 10, 10)])
@pytest.mark.parametrize("kind", few(KINDS, 1))
def test_a_prediction_hangs_on_neither_its_word_nor_later_ones_of_the_segment(kind, replace, once):
    """Words that stay as they are (10 %) are in the encoder's sight, by the method; no other."""
    model = once(Transformer, 20, **SIZES, **KINDS[kind])
    texts = words()
    found = record(texts, replace=replace)
    before = logits(model, found)
    ids, target = found["source"]["ids"].numpy(), found["target"]
    first, length = target["positions"].numpy()[:, 0], target["selected"].numpy().sum(1)
    if replace == (100, 0, 0):  # then no word of the segment is in sight
        within = np.arange(ids.shape[1]) - first[:, None]
        assert (ids[(within >= 0) & (within < length[:, None])] == MASK).all()
    seen = 0
    for cut in range(int(length.max())):
        changed = [row.copy() for row in texts]
        for row in range(ROWS):
            for place in range(first[row] + cut, first[row] + length[row]):
                word = place < len(changed[row])  # else [SEP]
                if word and ids[row, place] != texts[row][place]:
                    changed[row][place] = (texts[row][place] - 5 + 7) % 15 + 5
        other = record(changed, replace=replace)
        after = logits(model, other)
        valid = target["selected"].numpy()
        upto = valid & (np.arange(valid.shape[1]) <= cut)
        np.testing.assert_allclose(after[upto], before[upto], atol=1e-5)
        beyond = valid & (np.arange(valid.shape[1]) == cut + 1)
        differ = np.any(
            other["target"]["ids"].numpy() != target["ids"].numpy(), axis=1, keepdims=True
        )
        beyond &= differ & (other["target"]["ids"].numpy() != target["ids"].numpy())
        seen += beyond.sum()
        if beyond.any():
            assert (np.abs(after[beyond] - before[beyond]).max(-1) > 1e-4).all()
    assert seen > ROWS  # what was changed does count for later words


class Perturbed(Transformer):
    """A model whose encoder's last states at [MASK] are far off."""

    def encode(self, source, memories=None, training=False):
        states = super().encode(source, memories, training)
        masked = tf.cast(source["ids"] == MASK, tf.float32)[..., None]
        return {**states, "hidden": states["hidden"] + 100.0 * masked}


@pytest.mark.parametrize("hide_masked", [True, False])
def test_the_encoders_states_at_mask_are_seen_by_nobody(hide_masked, once):
    models = [once(kind, 20, **SIZES) for kind in (Transformer, Perturbed)]
    found = record(words(), hide_masked=hide_masked)
    valid = found["target"]["valid"].numpy()
    own, perturbed = (logits(model, found)[valid] for model in models)
    if hide_masked:
        np.testing.assert_array_equal(own, perturbed)
    else:
        assert np.abs(own - perturbed).max() > 1e-2


@pytest.mark.parametrize("kind", KINDS)
def test_a_segment_at_the_front_is_read_as_a_target_is(kind, once):
    """The same source and the first words of a whole target: positions and [CLS] are those of
    fine-tuning."""
    model = once(Transformer, 20, **SIZES, **KINDS[kind])
    texts = words()
    found = record(texts, start=(100, 0, 0))
    rows = Ragged.from_rows(texts)
    whole = encoder_decoder(rows, rows, SPECIALS, SPECIALS)["target"]
    width = found["target"]["ids"].shape[1]
    plain = {"source": found["source"], "target": {"ids": tf.constant(whole["ids"][:, :width])}}
    valid = found["target"]["valid"].numpy()
    np.testing.assert_allclose(logits(model, found)[valid], logits(model, plain)[valid], atol=1e-5)
    np.testing.assert_array_equal(found["target"]["labels"].numpy()[valid],
                                  whole["labels"][:, :width][valid])  # fmt: skip


def test_words_keep_their_places_wherever_the_segment_starts(once):
    """x_(u-1) is fed at position u - 1: moved by one, the model answers otherwise."""
    model = once(Transformer, 20, **SIZES)
    found = record(words(), start=(0, 100, 0))
    target = found["target"]
    assert (target["positions"].numpy()[:, 0] > 0).all()
    counted = {**found, "target": {k: v for k, v in target.items() if k != "positions"}}
    assert np.abs(logits(model, found) - logits(model, counted)).max() > 1e-3


def test_the_loss_is_the_mean_over_the_segments_words():
    model = Transformer(20, **SIZES, dropout=0.0)
    batch = {"examples": np.arange(ROWS), "mass": record(words())}
    term = CrossEntropy(view="mass")
    counts = term_counts([term], batch)
    result = objective_forward(model, [term], batch, counts, training=False)
    target = batch["mass"]["target"]
    valid = target["valid"].numpy()
    z = logits(model, batch["mass"])[valid].astype(np.float64)
    gold = target["labels"].numpy()[valid]
    nll = np.log(np.exp(z).sum(-1)) - z[np.arange(len(gold)), gold]
    assert float(counts["cross_entropy"]) == len(gold)
    assert float(result.loss) == pytest.approx(nll.mean(), rel=1e-5)
