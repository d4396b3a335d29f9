"""What Keras's `compile` and `fit` refuse of a model by itself, before its first step."""

import keras
import numpy as np
import pytest
from rings import few

from tfkd.layers import CrossAttentionAdapter
from tfkd.models import AbNet, Bert, Transformer

TINY = {"layers": 1, "width": 8, "heads": 2, "max_length": 8}
IDS = np.full((2, 4), 7, np.int32)
STREAM = {"ids": IDS, "valid": np.ones_like(IDS, bool)}
PAIR = {"source": STREAM, "target": STREAM}
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def bert(*heads):
    options = {"masked_lm": {}, "classifier": {"classes": 3}}
    return Bert(12, **TINY, output_heads={name: options[name] for name in heads})


def transformer(**options):
    return Transformer(12, encoder_layers=1, decoder_layers=1, width=8, heads=2, **options)


def ab_net():
    sizes = {"vocabulary_size": 12, **TINY}
    adapters = {"decoder": {"layer_1": {"after_block": CrossAttentionAdapter(2, memory_width=8)}}}
    return AbNet(sizes, sizes, lengths=8, adapters=adapters)


def compiled(model, loss=LOGITS):
    model.compile("sgd", loss=loss, run_eagerly=True)
    return model


@pytest.mark.parametrize(
    ("model", "record", "message"),
    [
        (lambda: bert("classifier"), STREAM, r'Distiller.*CrossEntropy\(head="classifier"\)'),
        (lambda: bert("masked_lm", "classifier"), STREAM, "classes apart at one position"),
        (lambda: transformer(decoder_attention="full", lengths=8), PAIR, r"Distiller.*Length\(\)"),
        (ab_net, PAIR, "predicts the lengths"),
    ],
    ids=["classes", "words_and_classes", "lengths", "ab_net"],
)
@pytest.mark.parametrize("verb", few(["fit", "evaluate"], 0))
def test_what_one_loss_of_words_cannot_teach(model, record, message, verb):
    model = compiled(model())
    before = [weight.numpy() for weight in model.weights]
    with pytest.raises(ValueError, match=message):
        getattr(model, verb)(record, IDS, verbose=0)
    for weight, kept in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, kept)


@pytest.mark.parametrize(
    "loss",
    few(
        [
            "sparse_categorical_crossentropy",
            "SparseCategoricalCrossentropy",
            keras.losses.sparse_categorical_crossentropy,
            keras.losses.SparseCategoricalCrossentropy(),
            [keras.losses.SparseCategoricalCrossentropy()],
        ],
        0,
        4,
    ),
)
def test_losses_of_probabilities_are_refused(loss):
    with pytest.raises(ValueError, match=r"gives logits: .*from_logits=True.*reads probabilities"):
        compiled(bert("masked_lm"), loss).fit(STREAM, IDS, verbose=0)


def own(labels, logits):
    return keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)


@pytest.mark.parametrize("loss", [LOGITS, [LOGITS], own])
def test_losses_of_logits_are_taught(loss):
    model = compiled(bert("masked_lm"), loss)
    (expected,) = model.fit(STREAM, IDS, verbose=0).history["loss"]
    assert expected == pytest.approx(np.log(12), rel=0.1)


def test_other_records_are_named():
    model, pairs = compiled(bert("masked_lm")), compiled(transformer())
    with pytest.raises(ValueError, match=r"reads a record with ids. Received: \['plain'\].*Distil"):
        model.fit({"plain": STREAM}, IDS, verbose=0)
    with pytest.raises(ValueError, match=r"with source and target. Received: \['source'\]"):
        pairs.fit({"source": STREAM}, IDS, verbose=0)
    with pytest.raises(ValueError, match=r"Expected the word at each position.*Received: None"):
        model.evaluate(STREAM, verbose=0)
    with pytest.raises(ValueError, match=r"several, by view: give one of them"):
        pairs.predict({"plain": PAIR}, verbose=0)
    assert "hidden" in model.predict(STREAM, verbose=0)
    assert "encoder.hidden" in pairs.predict({"source": STREAM}, verbose=0)
    assert "length_logits" in ab_net().predict({"source": STREAM}, verbose=0)


@pytest.mark.long
def test_a_compiled_model_comes_back_compiled(tmp_path):
    model = compiled(bert("masked_lm"))
    model.save(tmp_path / "it.keras")
    assert keras.models.load_model(tmp_path / "it.keras").loss is not None


def test_a_loss_of_ones_own_is_asked_no_more():
    class Told(Bert):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            logits = self.heads["classifier"].logits(y_pred["hidden"][:, 0])
            return keras.ops.mean(LOGITS(y, logits))

    model = Told(12, **TINY, output_heads={"classifier": {"classes": 3}})
    model.compile("sgd", run_eagerly=True)
    (loss,) = model.fit(STREAM, np.array([0, 2]), verbose=0).history["loss"]
    assert loss == pytest.approx(np.log(3), rel=0.1)
