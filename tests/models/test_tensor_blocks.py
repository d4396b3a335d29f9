"""Tensors that are read and written some rows at a time, and models whose values follow."""

import encoder_reference
import keras
import ml_dtypes
import numpy as np
import pytest
import rotary_reference
from rings import few
from safetensors.numpy import save_file

from tfkd.layers.dense import Dense
from tfkd.layers.initializers import values_follow
from tfkd.models import load_weights, save_weights, variables_by_path
from tfkd.models import safetensors_files as files
from tfkd.models.published.architectures import open_published
from tfkd.models.published.checkpoint import Checkpoint
from tfkd.models.published.loading import load_model
from tfkd.spec.errors import UserError

pytestmark = pytest.mark.tensorflow


def values(model):
    return {path: variable.value.numpy() for path, variable in variables_by_path(model).items()}


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_blocks_end_to_end_are_the_tensor(tmp_path, monkeypatch, block):
    monkeypatch.setattr(files, "_BLOCK", block)
    drawn = np.random.default_rng(1)
    tensors = {
        "matrix": drawn.normal(size=(5, 3)).astype(np.float32),
        "half": drawn.normal(size=(4, 2, 3)).astype(np.float16),
        "vector": drawn.normal(size=6),
        "scalar": np.float32(2.5),
        "none": np.zeros((0, 4), np.float32),
        "narrow": np.zeros((3, 0), np.float32),
    }
    save_file({name: np.asarray(one) for name, one in tensors.items()}, tmp_path / "all")
    for name, value in tensors.items():
        read = files.read_tensor(tmp_path / "all", name)
        assert read.shape == np.shape(value)
        np.testing.assert_array_equal(read, np.asarray(value, np.float32))
        blocks = list(files.tensor_blocks(tmp_path / "all", name))
        assert all(one.dtype == np.asarray(value).dtype for one in blocks)
        assert all(one.size <= max(block, one[:1].size) for one in blocks)


@pytest.mark.parametrize("family", few(["roberta", "llama"], 1))
def test_a_load_of_small_blocks_is_the_load(tmp_path, monkeypatch, family):
    """Rows that are skipped (RoBERTa's places) begin and end within blocks."""
    if family == "roberta":
        encoder_reference.write_folder(tmp_path, family, "words")
    else:
        rotary_reference.write_folder(tmp_path, family)
    heads = ("masked_lm",) if family == "roberta" else ()
    whole = values(load_model(open_published(tmp_path), heads))
    monkeypatch.setattr(files, "_BLOCK", 30)
    model = load_model(open_published(tmp_path), heads)
    save_weights(model, tmp_path / "weights")
    for path, value in values(model).items():
        np.testing.assert_array_equal(value, whole[path], err_msg=path)
    narrow = load_model(open_published(tmp_path), heads, dtype="bfloat16")
    for path, value in values(narrow).items():
        np.testing.assert_array_equal(value, whole[path].astype(value.dtype), err_msg=path)
    load_weights(narrow, tmp_path / "weights")
    for path, value in values(narrow).items():
        np.testing.assert_array_equal(value, whole[path].astype(value.dtype), err_msg=path)


def test_numbers_that_are_not_finite_are_counted_over_all_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_BLOCK", 4)
    matrix = np.ones((5, 4), np.float32)
    matrix[[0, 4], [1, 2]] = np.nan, np.inf
    save_file({"one": matrix, "other": matrix}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="one has 2 of 20 numbers that are NaN or infinite"):
        list(Checkpoint(tmp_path).blocks("one"))


def test_tensors_are_compared_block_by_block(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_BLOCK", 4)
    matrix = np.arange(20, dtype=np.float32).reshape(5, 4)
    other = matrix.copy()
    other[4, 3] = 7
    tensors = {"one": matrix, "same": matrix.astype(np.float64), "other": other, "turned": matrix.T}
    save_file(
        {name: np.ascontiguousarray(one) for name, one in tensors.items()},
        tmp_path / "model.safetensors",
    )
    checkpoint = Checkpoint(tmp_path)
    assert checkpoint.same("one", "same")
    assert not checkpoint.same("one", "other")
    assert not checkpoint.same("one", "turned")


def test_weights_whose_values_follow_are_not_drawn():
    def drawn(*_, **__):
        raise AssertionError("drawn")

    class Refusing(keras.initializers.Initializer):
        __call__ = drawn

    with values_follow():
        layer = Dense(4, kernel_initializer=Refusing(), dtype="bfloat16")
        layer.build((None, 3))
    assert layer.kernel.shape == (3, 4)
    layer.kernel.assign(np.ones((3, 4), ml_dtypes.bfloat16))
    np.testing.assert_array_equal(layer(np.ones((1, 3), ml_dtypes.bfloat16)), 3 * np.ones((1, 4)))
    with pytest.raises(AssertionError, match="drawn"):
        Dense(4, kernel_initializer=Refusing()).build((None, 3))
