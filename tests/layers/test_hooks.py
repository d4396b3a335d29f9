import keras
import numpy as np
import pytest
import tensorflow as tf
from rings import few

from tfkd.layers import PLACES, Stack, TransformerBlock, key_penalty

X = tf.random.stateless_normal([2, 4, 8], [1, 2])
MEMORIES = {
    "encoder": {
        "hidden": tf.random.stateless_normal([2, 5, 8], [3, 4]),
        "mask": key_penalty(tf.ones([2, 5], tf.bool)),
    },
    "bert": {
        "hidden": tf.random.stateless_normal([2, 3, 6], [5, 6]),
        "mask": key_penalty(tf.ones([2, 3], tf.bool)),
    },
}


@keras.saving.register_keras_serializable(package="tests")
class Probe(keras.layers.Layer):
    """Multiplies what it takes the place of by 1 + amount, and remembers how it was called."""

    def __init__(self, amount=0.0, counts=False, **kwargs):
        super().__init__(**kwargs)
        self.amount = amount
        self.counts = counts
        self.calls = []

    def build(self, input_shape):
        self.weight = self.add_weight((), initializer="zeros", name="weight")

    def start(self, memories):
        return {"count": tf.zeros([2], tf.int32)} if self.counts else None

    def call(self, hidden, memories, branch=None, cache=None, training=False):
        self.calls.append((hidden, memories, branch, cache, training))
        result = (hidden if branch is None else branch) * (1 + self.amount) + self.weight
        return (result, {"count": cache["count"] + 1}) if cache is not None else result

    def get_config(self):
        return {**super().get_config(), "amount": self.amount, "counts": self.counts}


def block(adapters=None, **options):
    options = {"cross_attention": True, "dropout": 0.0, "seed": 1, **options}
    return TransformerBlock(8, 2, feed_forward=6, adapters=adapters, **options)


@pytest.mark.parametrize("norm", few(["pre", "post"], 1))
@pytest.mark.parametrize("place", PLACES)
def test_every_place_calls_its_adapter_and_takes_its_result(place, norm):
    plain, _ = block(norm=norm)(X, memories=MEMORIES)
    silent = Probe()
    output, _ = block({place: silent}, norm=norm)(X, memories=MEMORIES, training=True)
    np.testing.assert_allclose(output, plain, atol=1e-6)
    ((hidden, memories, branch, cache, training),) = silent.calls
    assert hidden.shape[:2] == (
        (2, 5) if place.endswith("key_value") and "cross" in place else (2, 4)
    )
    assert set(memories) == {"encoder", "bert"}
    assert memories["bert"]["mask"].shape == (2, 1, 1, 3)
    assert (branch is None) == (place == "after_block")
    assert cache is None
    assert training is True
    loud, _ = block({place: Probe(0.7)}, norm=norm)(X, memories=MEMORIES)
    assert np.abs(loud - plain).max() > 1e-4


def test_a_branch_beside_the_attention_can_be_averaged_before_the_residual():
    """BERT-Fused: x + (self-attention + other) / 2; here the other is the negated branch."""

    class Average(keras.layers.Layer):
        def call(self, hidden, memories, branch=None, cache=None, training=False):
            return (branch - branch) / 2

    it = block({"beside_self_attention": Average()}, norm="pre", cross_attention=False)
    output, _ = it(X)
    expected = X + it.feed_forward(it.feed_forward_norm(X))
    np.testing.assert_allclose(output, expected, atol=1e-6)


def test_an_adapter_after_the_block_replaces_its_output():
    plain, _ = block()(X, memories=MEMORIES)
    shifted, _ = block({"after_block": Probe(2.0)})(X, memories=MEMORIES)
    np.testing.assert_allclose(shifted, plain * 3, atol=1e-5)


def test_an_adapter_keeps_a_cache_of_its_own():
    it = block({"after_block": Probe(counts=True)})
    it.build((None, None, 8))
    cache = it.start(2, MEMORIES)
    for step in range(3):
        _, cache = it(X[:, step : step + 1], memories=MEMORIES, cache=cache)
    np.testing.assert_array_equal(cache["after_block"]["count"], [3, 3])


def test_adapters_are_named_saved_and_restored_with_the_stack():
    stack = Stack(
        2,
        8,
        2,
        seed=1,
        adapters={"layer_2": {"after_block": Probe(1.5), "on_feed_forward_inner": Probe()}},
    )
    stack.build((None, None, 8))
    paths = [v.path for v in stack.variables if "adapter_" in v.path]
    assert sorted(path.partition("layer_2/")[2] for path in paths) == [
        "adapter_after_block/weight",
        "feed_forward/inner/adapter_on_feed_forward_inner/weight",
    ]
    again = Stack.from_config(stack.get_config())
    np.testing.assert_array_equal(again(X)["hidden"], stack(X)["hidden"])
    assert stack.has_adapters
    assert not Stack(1, 8, 2).has_adapters


def test_unknown_places_and_layers_are_refused():
    with pytest.raises(ValueError, match="Expected places after_block"):
        block({"beside_everything": Probe()})
    with pytest.raises(ValueError, match="layer_1 to layer_2"):
        Stack(2, 8, 2, adapters={"layer_3": {}})
    with pytest.raises(ValueError, match="'post' or 'pre'"):
        block(norm="none")
