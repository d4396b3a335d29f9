"""Adapter-only training: exactly the named weights move, and nothing is computed for the others."""

import numpy as np
import pytest
import tensorflow as tf
from rings import few

from tfkd.layers import BottleneckAdapter, CrossAttentionAdapter, Dense
from tfkd.models import AbNet, freeze, variables_by_path
from tfkd.models.freezing import in_adapter
from tfkd.objectives import build_terms
from tfkd.training import Distiller, build_optimizer
from tfkd.training.optimization.parameters import all_variables
from tfkd.training.step_function import StepFunction

BERT = {"vocabulary_size": 30, "layers": 3, "width": 8, "heads": 2, "initializer_range": 0.2}


def abnet(layers=(1, 2, 3), policy="float32"):
    def of(made):
        return {f"layer_{n}": {"after_block": made(n)} for n in layers}

    adapters = {
        "encoder": of(lambda n: BottleneckAdapter(4, seed=n, dtype=policy)),
        "decoder": of(lambda n: CrossAttentionAdapter(2, feed_forward=4, seed=n, dtype=policy)),
    }
    pure = policy.removeprefix("mixed_")
    return AbNet(
        {**BERT, "dtype": pure}, {**BERT, "dtype": pure}, lengths=12, adapters=adapters,
        seed=2, dtype=policy,
    )  # fmt: skip


def batch(rows=4):
    draw = np.random.default_rng(3)

    def side(width):
        ids = draw.integers(5, 30, (rows, width)).astype(np.int32)
        return {"ids": ids, "valid": np.ones((rows, width), bool)}

    target = side(6)
    target |= {"labels": target["ids"].copy(), "selected": draw.random((rows, 6)) < 0.5}
    target["selected"][:, 0] = True
    target["ids"] = np.where(target["selected"], 4, target["ids"]).astype(np.int32)
    found = {"examples": np.arange(rows), "fill": {"source": side(5), "target": target}}
    return tf.nest.map_structure(tf.convert_to_tensor, found)


def distiller_of(model):
    objective = {
        "words": {"kind": "masked_lm", "view": "fill", "divide_by": "target_tokens"},
        "length": {"view": "fill", "weight": 0.1, "divide_by": "target_tokens"},
    }
    return Distiller(model, build_terms(objective))


@pytest.mark.parametrize(
    ("policy", "streams"),
    [
        ("float32", 1),
        pytest.param("float32", 2, marks=pytest.mark.long),
        pytest.param("mixed_bfloat16", 1, marks=pytest.mark.long),
        pytest.param("mixed_bfloat16", 2, marks=pytest.mark.long),
    ],
)
def test_exactly_the_named_weights_move(policy, streams):
    """Every weight and every slot of the optimizer, before and after, bit for bit."""
    model = abnet(policy=policy)
    freeze(model, ["adapters", "lengths"])
    distiller = distiller_of(model)
    optimizer = build_optimizer({"kind": "adam"})
    optimizer.build(distiller.parameters)
    step = StepFunction(
        distiller, optimizer, strategy=tf.distribute.get_strategy(),
        streams=streams,
    )  # fmt: skip
    before = {path: np.array(one.value) for path, one in all_variables(model).items()}
    for number in range(3):
        step(batch(), number + 1, 1e-2)
    named = {path for path in before if in_adapter(path) or path == "lengths/table"}
    for path, one in all_variables(model).items():
        same = np.array_equal(before[path], np.array(one.value))
        assert same == (path not in named), path
    assert named == {parameter.path for parameter in distiller.parameters}
    # A slot's name holds its weight's: no other weight has one.
    assert all(any(path in slot for path in named) for slot in optimizer.slots)
    # And no frozen weight has a float32 copy beside what is computed with.
    for path, one in variables_by_path(model).items():
        if path not in named and len(one.shape) > 1:
            assert one.dtype == model.compute_dtype, path


def reached(layers, monkeypatch):
    """The paths of projections that a backward pass goes through."""
    found = set()
    original = Dense.call

    def probed(self, inputs, *arguments, **options):
        output = original(self, inputs, *arguments, **options)

        @tf.custom_gradient
        def probe(x):
            def backward(gradient):
                found.add(self.path)
                return gradient

            return tf.identity(x), backward

        return probe(output)

    monkeypatch.setattr(Dense, "call", probed)
    model = abnet(layers)
    freeze(model, ["adapters", "lengths"])
    distiller = distiller_of(model)
    values = [parameter.value for parameter in distiller.parameters]
    data = batch()
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        loss = distiller.objective(data, distiller.counts(data), training=True).loss
    gradients = tape.gradient(loss, values)
    assert all(gradient is not None for gradient in gradients)
    return {path for path in found if not in_adapter(path)}


@pytest.mark.parametrize(("layers", "lowest"), few([((1, 2, 3), 1), ((2, 3), 2), ((3,), 3)], 1))
def test_no_gradient_is_computed_below_the_lowest_decoder_adapter(layers, lowest, monkeypatch):
    """An adapter stands after its block: block `lowest` and those below it are not reached."""
    blocks = {
        int(path.partition("layer_")[2][0])
        for path in reached(layers, monkeypatch)
        if path.startswith("decoder/encoder/")
    }
    assert blocks == set(range(lowest + 1, 4))


def test_the_encoder_is_reached_down_to_the_length_token(monkeypatch):
    """[LENGTH]'s row goes in below all blocks, and learns."""
    paths = reached((3,), monkeypatch)
    blocks = {path.split("/")[2] for path in paths if path.startswith("encoder/encoder/")}
    assert blocks == {"layer_1", "layer_2", "layer_3"}
