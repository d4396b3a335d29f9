"""Models as users of Keras have them: called with ids, summed up, fitted and asked for logits."""

import keras
import numpy as np
import pytest
from test_compiled_loss import IDS, LOGITS, PAIR, STREAM, ab_net, bert, compiled, transformer

from tfkd.models import T5, Gpt2, Rnn

RECORD = {"ids": IDS}
MODELS = {
    "bert": lambda: bert("masked_lm"),
    "classifier": lambda: bert("classifier"),
    "gpt2": lambda: Gpt2(12, layers=1, width=8, heads=2),
    "transformer": transformer,
    "lengths": lambda: transformer(decoder_attention="full", lengths=8),
    "rnn": lambda: Rnn(12, layers=1, width=8),
    "t5": lambda: T5(12, encoder_layers=1, decoder_layers=1, width=8, heads=2),
    "ab_net": ab_net,
}


def inputs_of(model):
    """Ids alone, and the record of the same."""
    if model.input_layout == "sequence":
        return IDS, RECORD
    return (IDS, IDS), {"source": RECORD, "target": RECORD}


@pytest.mark.parametrize("name", MODELS)
def test_ids_alone_are_a_record_that_is_all_text(name):
    model = MODELS[name]()
    ids, record = inputs_of(model)
    states = model(ids)
    for key, expected in model(record).items():
        np.testing.assert_array_equal(states[key], expected)
    head = next(iter(model.heads.values()))
    logits = model.logits(ids)
    assert logits.shape == (*IDS.shape, head.vocabulary_size)
    np.testing.assert_array_equal(logits, head.logits(states["hidden"]))
    # Without asking Keras compiles by XLA, here one of the models alone.
    model.run_eagerly = name != "bert"
    found = model.predict(ids, verbose=0)
    np.testing.assert_allclose(found["logits"], logits, atol=1e-6)
    np.testing.assert_allclose(found["hidden"], states["hidden"], atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_a_summary_shows_shapes_and_own_names(name):
    model, said = MODELS[name](), []
    model.summary(print_fn=lambda line, **_: said.append(line), line_length=100)
    text = "".join(said)
    assert "?" not in text
    assert "unbuilt" not in text
    assert all(layer.name in text for layer in model.layers)
    size = next(iter(model.heads.values())).vocabulary_size
    assert f"{size})" in text or "head" not in text


@pytest.mark.long
def test_fit_takes_ids():
    pairs, plain = compiled(transformer()), compiled(bert("masked_lm"))
    for model, ids in ((pairs, (IDS, IDS)), (plain, IDS)):
        expected = float(LOGITS(IDS, model.logits(ids)))
        found = model.evaluate(ids, IDS, verbose=0)
        assert found == pytest.approx(expected, rel=1e-5)
        before = model.get_weights()
        model.fit(ids, IDS, verbose=0)
        assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


def test_two_heads_are_asked_by_name():
    model = bert("masked_lm", "classifier")
    states = model(STREAM)
    for name, head in model.heads.items():
        found = model.logits(STREAM, head=name)
        np.testing.assert_array_equal(found, head.logits(states["hidden"]))
    assert model.logits(STREAM).shape[-1] == 12  # the words
    with pytest.raises(ValueError, match=r"has the heads masked_lm, classifier.*head='words'"):
        model.logits(STREAM, head="words")


def test_what_is_no_pair_is_named():
    model = transformer()
    with pytest.raises(ValueError, match=r"reads a source and a target.*Received: ndarray"):
        model(IDS)
    with pytest.raises(ValueError, match="expected source and target"):
        model.logits({"source": STREAM})
    assert "encoder.hidden" in model({"source": IDS})
    np.testing.assert_array_equal(
        model({"source": IDS, "target": STREAM})["hidden"], model(PAIR)["hidden"]
    )


def test_a_model_is_a_layer_of_a_functional_one():
    ids = keras.Input((4,), dtype="int32")
    model = bert("masked_lm")
    whole = keras.Model(ids, model(ids)["hidden"])
    np.testing.assert_allclose(whole(IDS), model(IDS)["hidden"], atol=1e-6)
