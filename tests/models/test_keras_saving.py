"""Every public layer and kind of model comes back from its config, and from a `.keras` file; of
their options the long ring saves more, beside each model's own tests."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from ab_nets import RECORD, abnet, fused

from tfkd import layers, models
from tfkd.layers import dropout_key
from tfkd.layers.recurrent.lstm_encoder import Last
from tfkd.models import freeze, variables_by_path
from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins

HIDDEN = np.random.default_rng(1).normal(size=(2, 3, 8)).astype(np.float32)
PENALTY = layers.causal_penalty(3, tf.float32)
IDS = np.array([[5, 6, 3], [7, 3, 0]], np.int32)
MEMORY = {"hidden": HIDDEN, "mask": tf.zeros([2, 1, 1, 3])}
SEVERAL = {"encoder": MEMORY, "bert": MEMORY}
LENGTHS = tf.constant([3, 2])


def branched(layer):
    return layer(HIDDEN, SEVERAL, branch=HIDDEN)


def read(layer):
    return layer(HIDDEN, SEVERAL["encoder"])


def written(layer):
    memory = layer.attended(HIDDEN, None)
    last = [Last(HIDDEN[:, 0], HIDDEN[:, 1])] * 2
    return layer(HIDDEN, layer.first(last), memory)


ADAPTERS = {"layer_2": {"after_block": layers.BottleneckAdapter(4, seed=3)}}
ON = {"beside_feed_forward": layers.BottleneckAdapter(4), "after_block": layers.BertFusion(2)}
# A layer that differs from its defaults wherever it can, and how it is called.
LAYERS = {
    "BertFusion": (lambda: layers.BertFusion(2, drop_net=0.5, memory="encoder", seed=2), branched),
    "BottleneckAdapter": (
        lambda: layers.BottleneckAdapter(4, activation="gelu", norm_epsilon=1e-3, seed=2),
        branched,
    ),
    "CrossAttention": (
        lambda: layers.CrossAttention(8, 2, dropout=0.2, kernel_initializer="he_normal", seed=2),
        read,
    ),
    "CrossAttentionAdapter": (
        lambda: layers.CrossAttentionAdapter(2, feed_forward=12, norm_epsilon=1e-3, seed=2),
        branched,
    ),
    "Dense": (
        lambda: layers.Dense(6, blocks=2, use_bias=False, kernel_initializer="he_normal", seed=2),
        lambda layer: layer(HIDDEN),
    ),
    "Dropout": (lambda: layers.Dropout(0.3), lambda layer: layer(HIDDEN)),
    "Embedding": (
        lambda: layers.Embedding(9, 8, factor=3.0, initializer="ones", seed=2),
        lambda layer: layer(IDS),
    ),
    "FeedForward": (
        lambda: layers.FeedForward(8, 12, activation="gelu", dropout=0.1, seed=2),
        lambda layer: layer(HIDDEN),
    ),
    "GatedFeedForward": (
        lambda: layers.GatedFeedForward(8, 12, activation="gelu_tanh", bias=True, seed=2),
        lambda layer: layer(HIDDEN),
    ),
    "GroupedAttention": (
        lambda: layers.GroupedAttention(8, 4, 2, 6, bias=True, norm_epsilon=1e-3, scale=0.3,
                                        cap=2.0, kernel_initializer="he_normal", seed=2),
        lambda layer: layer(HIDDEN, PENALTY),
    ),
    "LayerNorm": (lambda: layers.LayerNorm(1e-2), lambda layer: layer(HIDDEN)),
    "LengthPredictor": (
        lambda: layers.LengthPredictor(7, 8, seed=2),
        lambda layer: layer(HIDDEN[:, 0]),
    ),
    "Lstm": (lambda: layers.Lstm(8, seed=2), lambda layer: layer(HIDDEN)),
    "LstmDecoder": (lambda: layers.LstmDecoder(2, 8, dropout=0.2, seed=2), written),
    "LstmEncoder": (
        lambda: layers.LstmEncoder(2, 8, bidirectional=False, dropout=0.2, seed=2),
        lambda layer: layer(HIDDEN, LENGTHS),
    ),
    "Positions": (
        lambda: layers.Positions("learned", 8, max_length=5, initializer="ones", seed=2),
        lambda layer: layer(HIDDEN),
    ),
    "RelativeBias": (
        lambda: layers.RelativeBias(2, buckets=8, max_distance=12, both_sides=False, seed=2),
        lambda layer: layer(tf.range(3), tf.range(3)),
    ),
    "RmsNorm": (lambda: layers.RmsNorm(1e-2), lambda layer: layer(HIDDEN)),
    "RotaryBlock": (
        lambda: layers.RotaryBlock(
            8, norm_epsilon=1e-3, norms="around", dropout=0.1, seed=2, feed_forward={"inner": 12},
            attention={"heads": 2, "key_value_heads": 1, "head_width": 4}),
        lambda layer: layer(HIDDEN, PENALTY),
    ),
    "SelfAttention": (
        lambda: layers.SelfAttention(8, 4, output_initializer="he_normal", seed=2),
        lambda layer: layer(HIDDEN, PENALTY),
    ),
    "Stack": (
        lambda: layers.Stack(2, 8, 2, norm="pre", norm_epsilon=1e-3, adapters=ADAPTERS, seed=2,
                             options={"activation": "gelu", "feed_forward": 12}),
        lambda layer: layer(HIDDEN, PENALTY),
    ),
    "T5Block": (
        lambda: layers.T5Block(8, 2, size=3, feed_forward=12, gated=True, cross_attention=True,
                               norm_epsilon=1e-3, activation="gelu_tanh", dropout=0.2, seed=2),
        lambda layer: layer(HIDDEN, PENALTY, SEVERAL),
    ),
    "TransformerBlock": (
        lambda: layers.TransformerBlock(8, 2, cross_attention=True, norm="pre", adapters=ON),
        lambda layer: layer(HIDDEN, PENALTY, SEVERAL),
    ),
    "TransformerDecoder": (
        lambda: models.TransformerDecoder(9, layers=1, width=8, heads=2, norm="pre", seed=2),
        lambda layer: layer.embed({"ids": IDS}),
    ),
    "VocabularyHead": (
        lambda: models.VocabularyHead(9, 8, transform=True, activation="relu", use_bias=False,
                                      matrix_initializer="he_normal", seed=2),
        lambda layer: layer(HIDDEN),
    ),
}  # fmt: skip
# A caller has to build those that it calls by their parts.
BY_PARTS = {"LstmDecoder", "TransformerDecoder"}
SIZES = {"layers": 1, "width": 8, "heads": 2, "max_length": 8}
PAIR = {side: {name: np.asarray(one) for name, one in RECORD[side].items()} for side in RECORD}
# A model of each kind, and of each of its forms.
MODELS = {
    "AbNet": abnet,
    "Bert": lambda: models.Bert(
        50, **SIZES, positions="segment", pooler=True, types=3, output_heads={
            "masked_lm": {"vocabulary_size": 9, "tied": False}, "classifier": {"classes": 3}}),
    "BertFused": fused,
    "Gpt2": lambda: models.Gpt2(50, **SIZES, adapters={
        "layer_1": {"after_block": layers.BottleneckAdapter(4, seed=5)}}),
    "Llama": lambda: models.Llama(
        50, **SIZES, key_value_heads=1, norms="around", logit_cap=3.0, scale_embeddings=True,
        tie_embeddings=False, rotary_scaling={"kind": "linear", "factor": 2.0}, attention_window=2,
        window_layers=[1], window_theta=50.0),
    "Rnn": lambda: models.Rnn(50, layers=2, width=8, bidirectional=False, share_embeddings="target",
                              source_vocabulary_size=60),
    "T5": lambda: models.T5(
        50, encoder_layers=1, decoder_layers=2, width=8, heads=2, head_size=3, feed_forward=12,
        gated=True, activation="gelu_tanh", buckets=8, max_distance=12, output="own",
        max_length=16),
    "Transformer": lambda: models.Transformer(
        50, encoder_layers=1, decoder_layers=2, width=8, heads=2, norm="pre", positions="learned",
        decoder_attention="full", lengths=9, share_embeddings="none", source_vocabulary_size=60),
}  # fmt: skip
# Saved in the long ring: what they are made of is saved in the others, and as layers.
LARGE = {"AbNet", "BertFused", "T5", "Transformer"}
# No models of their own: what models share.
SHARED = {"EncoderDecoder", "LanguageModel"}


def public(package):
    found = {name: getattr(package, name) for name in dir(package)}
    return {
        name: one
        for name, one in found.items()
        if isinstance(one, type) and issubclass(one, keras.layers.Layer)
    }


def test_every_public_layer_and_kind_of_model_is_looked_at():
    assert {*public(layers), *public(models)} == {*LAYERS, *MODELS, *SHARED}
    register_builtins()
    kinds = {registry.load(entry).__name__ for entry in registry.entries("model")}
    assert kinds <= set(MODELS)


def assert_same(found, expected):
    tf.nest.assert_same_structure(found, expected)
    pairs = zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True)
    for one, other in pairs:
        if one is not None:
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_comes_back_from_its_config(name):
    make, call = LAYERS[name]
    layer = make()
    if name in BY_PARTS:
        layer.build()
    expected = call(layer)
    config = keras.saving.serialize_keras_object(layer)
    assert config["registered_name"] == f"tfkd>{name}"
    config = json.loads(json.dumps(config))
    for twin in (
        type(layer).from_config(json.loads(json.dumps(layer.get_config()))),
        keras.saving.deserialize_keras_object(config, safe_mode=True),
    ):
        assert twin.get_config() == layer.get_config()
        if name in BY_PARTS and not twin.built:
            twin.build()
        call(twin)  # which builds it
        twin.set_weights(layer.get_weights())
        assert_same(call(twin), expected)


def _states(model, record):
    """What it computes, and what dropout makes of that, whose masks hang on layers' places."""
    with dropout_key([1, 2]):
        dropped = model(record, training=True)["hidden"]
    return {**model(record), "logits": model.logits(record), "dropped": dropped}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.long if name in LARGE else []) for name in MODELS],
)
def test_a_model_comes_back_from_its_config_and_its_file(name, tmp_path, scrambled):
    model = scrambled(MODELS[name]())
    record = {"ids": IDS} if model.input_layout == "sequence" else PAIR
    expected = _states(model, record)
    model.save(tmp_path / "model.keras")
    twin = type(model).from_config(json.loads(json.dumps(model.get_config())))
    twin.set_weights(model.get_weights())
    for again in (twin, keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)):
        assert again.get_config() == model.get_config()
        assert list(variables_by_path(again)) == list(variables_by_path(model))
        assert_same(_states(again, record), expected)
    again.compile("sgd")
    if name == "AbNet":  # what is frozen is the user's to say again
        freeze(again, ["adapters", "lengths"])
        assert len(again.trainable_weights) < len(again.weights)


def test_a_functional_model_with_one_inside_is_saved(tmp_path):
    ids = keras.Input((3,), dtype="int32")
    hidden = MODELS["Bert"]()(ids)["hidden"]
    model = keras.Model(ids, keras.layers.Dense(2)(hidden[:, 0]))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(IDS), model(IDS))


def test_a_tied_head_says_whose_its_matrix_is():
    with pytest.raises(ValueError, match=r"tied to the embedding of its model.*the config of the"):
        models.Bert(50, **SIZES).head.get_config()
