"""Noise on the models of each family: which tensors have it, and that nothing of it stays."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tfkd.evaluation import NamedTensor, perturbed
from tfkd.evaluation.parameter_noise import directions
from tfkd.layers import BottleneckAdapter, CrossAttentionAdapter
from tfkd.models import AbNet, Bert, Gpt2, Transformer, build_model
from tfkd.models.builder import CLASSES
from tfkd.models.named_tensors import blocks_by_path
from tfkd.models.weights import variables_by_path
from tfkd.spec.options import BertOptions

SIZES = {"layers": 1, "width": 8, "heads": 2, "dropout": 0.1}
STREAM = {
    "ids": tf.constant([[5, 6, 7, 3], [9, 3, 0, 0]]),
    "valid": tf.constant([[True] * 4, [True, True, False, False]]),
}
PAIR = {"source": STREAM, "target": STREAM}


def classifier():
    options = BertOptions.model_validate(
        {**SIZES, "tokenizer": "t", "max_length": 16, "head": {"kind": "classifier"}}
    )
    sizes = {"t": SimpleNamespace(size=20), CLASSES: SimpleNamespace(size=3)}
    return build_model(options, sizes, heads_needed=("classifier",))


def transformer():
    """As MASS pre-trains it."""
    sizes = {"encoder_layers": 1, "decoder_layers": 1, "width": 8, "heads": 2}
    return Transformer(20, **sizes, positions="learned", max_length=16)


def abnet():
    bert = {**SIZES, "vocabulary_size": 20}
    bottleneck = {"layer_1": {"after_block": BottleneckAdapter(4, seed=1)}}
    cross = CrossAttentionAdapter(2, feed_forward=4, memory_width=8, seed=2)
    adapters = {"encoder": bottleneck, "decoder": {"layer_1": {"after_block": cross}}}
    return AbNet(bert, bert, lengths=10, adapters=adapters, seed=3)


FAMILIES = {
    "bert": (lambda: Bert(20, **SIZES, max_length=16), STREAM),
    "classifier": (classifier, STREAM),
    "gpt2": (lambda: Gpt2(20, **SIZES, max_length=16), STREAM),
    "mass": (transformer, PAIR),
    "abnet": (abnet, PAIR),
}
# Layers of a model that hold several tensors of the papers, by their name.
FUSED = {"query_key_value": 3, "key_value": 2}


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    """A model that tests leave as they have found it."""
    build, record = FAMILIES[request.param]
    model = build()
    generator = np.random.default_rng(1)
    for variable in model.weights:  # biases too have a mean
        values = variable.value.numpy()
        variable.assign(values + generator.normal(0.1, 0.2, values.shape))
    blocks = blocks_by_path(model)
    tensors = {
        path: NamedTensor(variable, blocks[path])
        for path, variable in variables_by_path(model).items()
    }
    (head,) = model.heads.values()

    def predict():
        return head.logits(model(record)["hidden"]).numpy()

    return SimpleNamespace(name=request.param, model=model, tensors=tensors, predict=predict)


def weights(family):
    return {path: tensor.variable.numpy() for path, tensor in family.tensors.items()}


def test_every_weight_is_one_named_tensor_but_fused_projections(family):
    assert len(family.tensors) == len(family.model.weights)
    for path, tensor in family.tensors.items():
        expected = next((FUSED[part] for part in path.split("/") if part in FUSED), 1)
        assert tensor.blocks == expected, path
    fused = {tensor.blocks for tensor in family.tensors.values()}
    assert fused == ({1, 2, 3} if family.name in ("mass", "abnet") else {1, 3})
    if family.name == "classifier":
        of_head = [path for path in family.tensors if path.startswith("classifier/")]
        assert len(of_head) == 4, sorted(family.tensors)


def test_each_tensor_moves_by_its_own_mean(family):
    before, sigma = weights(family), 0.3
    with perturbed(family.tensors, sigma, seed=2, draw=1):
        after = weights(family)
    for path, tensor in family.tensors.items():
        values = before[path].astype(np.float64)
        normal = directions(path, values.shape, seed=2, draw=1)
        moved = np.concatenate(
            [
                part + part.mean() * sigma * move
                for part, move in zip(
                    np.split(values, tensor.blocks, -1), np.split(normal, tensor.blocks, -1),
                    strict=True,
                )
            ], -1,
        )  # fmt: skip
        np.testing.assert_allclose(after[path], moved, rtol=1e-6, atol=1e-7, err_msg=path)
        assert (after[path] != before[path]).mean() > 0.9, path


@pytest.mark.parametrize("way_out", [None, KeyboardInterrupt])
def test_afterwards_weights_and_predictions_are_bit_for_bit_what_they_were(family, way_out):
    before, said = weights(family), family.predict()
    try:
        with perturbed(family.tensors, 0.3, seed=2):
            assert np.abs(family.predict() - said).max() > 1e-3
            if way_out is not None:
                raise way_out
    except KeyboardInterrupt:
        pass
    after = weights(family)
    assert all(after[path].tobytes() == before[path].tobytes() for path in before)
    assert family.predict().tobytes() == said.tobytes()


def test_a_sigma_of_0_predicts_the_same_bit_for_bit(family):
    said = family.predict()
    with perturbed(family.tensors, 0.0):
        assert family.predict().tobytes() == said.tobytes()
