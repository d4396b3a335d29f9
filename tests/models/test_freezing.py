import keras
import numpy as np
import pytest
import tensorflow as tf

from tfkd.layers import Dropout
from tfkd.models import Bert, freeze, variables_by_path
from tfkd.spec.errors import UserError


class Scale(keras.layers.Layer):
    """An adapter with a weight and a dropout of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dropout = Dropout(0.5, name="dropout")

    def build(self, input_shape):
        self.weight = self.add_weight((8,), initializer="ones", name="weight")
        self.dropout.build()

    def call(self, hidden, memories, branch=None, cache=None, training=False):
        return self.dropout(hidden * self.weight, training=training)


def model():
    return Bert(20, layers=2, width=8, heads=2, adapters={"layer_1": {"after_block": Scale()}})


def trained(it):
    return {path for path, variable in variables_by_path(it).items() if variable.trainable}


def test_parts_paths_and_adapters_can_train_alone():
    it = model()
    total = sum(int(np.prod(v.shape)) for v in it.weights)
    assert freeze(it).trained == total
    counts = freeze(it, "adapters")
    assert (counts.trained, counts.total) == (8, total)
    assert trained(it) == {"encoder/layer_1/adapter_after_block/weight"}
    freeze(it, ["head", "encoder/layer_2"])
    assert {path.split("/")[0] for path in trained(it)} == {"head", "encoder"}
    assert all(path.startswith(("head/", "encoder/layer_2/")) for path in trained(it))
    assert len(it.trainable_variables) == len(trained(it))
    assert freeze(it).trained == total


def test_frozen_weights_stay_bit_for_bit_in_fit():
    it = model()
    freeze(it, "adapters")
    before = {path: v.value.numpy() for path, v in variables_by_path(it).items()}
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    it.compile("adam", loss=loss, run_eagerly=True)
    ids = np.random.default_rng(1).integers(1, 20, size=(8, 5)).astype("int32")
    it.fit({"ids": ids}, ids, epochs=2, verbose=0)
    for path, variable in variables_by_path(it).items():
        moved = np.abs(variable.value.numpy() - before[path]).max() > 0
        assert moved == ("adapter_" in path)


def test_frozen_layers_keep_their_dropout_unless_told_otherwise():
    it = model()
    record = {"ids": tf.constant([[2, 7, 9, 3]])}
    freeze(it, "adapters")
    places = {layer.place: layer for layer in it._flatten_layers() if isinstance(layer, Dropout)}
    assert all(layer.enabled for layer in places.values())
    freeze(it, "adapters", dropout=False)
    on = [place for place, layer in places.items() if layer.enabled]
    assert on == ["encoder/layer_1/adapter_after_block/dropout"]
    first, second = (it(record, training=True) for _ in range(2))
    np.testing.assert_array_equal(first["embedding"], second["embedding"])
    assert np.abs(first["layer_1"] - second["layer_1"]).max() > 0
    freeze(it)
    assert all(layer.enabled for layer in places.values())


def test_unknown_names_are_answered_with_the_known():
    with pytest.raises(UserError, match=r"named 'decoder'.*embedding, encoder, head, adapters"):
        freeze(model(), ["decoder"])
