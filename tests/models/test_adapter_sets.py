"""Adapters of several tasks on one model."""

import numpy as np
import pytest
from ab_nets import RECORD, abnet

from tfkd.models import AdapterSets, load_weights, variables_by_path
from tfkd.models.freezing import in_adapter
from tfkd.models.safetensors_files import read_tensors
from tfkd.spec.errors import UserError


def shaken(model, seed):
    """Other adapters and lengths, as another task would have left them."""
    random = np.random.default_rng(seed)
    for path, variable in variables_by_path(model).items():
        if in_adapter(path) or path == "lengths/table":
            variable.assign(random.normal(size=variable.shape).astype(np.float32) * 0.1)
    return model


def test_sets_are_saved_apart_and_put_in_place_by_name(tmp_path):
    expected = {}
    for name, seed in (("german", 1), ("italian", 2)):
        model = shaken(abnet(), seed)
        expected[name] = model(RECORD)["hidden"].numpy()
        AdapterSets(model).save(tmp_path / f"{name}.safetensors")
    saved = set(read_tensors(tmp_path / "german.safetensors"))
    assert all(in_adapter(path) or path == "lengths/table" for path in saved)
    model = abnet()
    frozen = {p: np.asarray(v) for p, v in variables_by_path(model).items() if p not in saved}
    sets = AdapterSets(model)
    sets.keep("fresh")
    for name in expected:
        sets.load(name, tmp_path / f"{name}.safetensors")
    before = model(RECORD)["hidden"].numpy()
    for name in ("italian", "german", "italian"):
        sets.use(name)
        assert sets.used == name
        np.testing.assert_array_equal(model(RECORD)["hidden"], expected[name])
    sets.use("fresh")
    np.testing.assert_array_equal(model(RECORD)["hidden"], before)
    assert sets.names == ["fresh", "german", "italian"]
    for path, value in frozen.items():
        np.testing.assert_array_equal(variables_by_path(model)[path], value)


def test_what_does_not_fit_is_refused_by_name(tmp_path):
    model = abnet()
    sets = AdapterSets(model)
    sets.save(tmp_path / "a.safetensors")
    other = AdapterSets(abnet(lengths=30))
    with pytest.raises(UserError, match="lengths/table"):
        other.load("a", tmp_path / "a.safetensors")
    with pytest.raises(KeyError, match="no set 'b'"):
        sets.use("b")
    with pytest.raises(ValueError, match="taught"):
        AdapterSets(model, ["nothing"])
    assert load_weights(model, tmp_path / "a.safetensors", strict=False).missing


def test_names_that_no_weight_has_are_refused_and_a_causal_model_needs_no_lengths():
    causal = abnet(lengths=None, decoder_attention="causal")
    sets = AdapterSets(causal)
    sets.keep("one")
    assert sets.names == ["one"]
    for taught in (("adapters", "length"), ("lengths",)):
        with pytest.raises(ValueError, match=f"it lacks {taught[-1]}"):
            AdapterSets(causal, taught)


def test_a_set_that_is_replaced_is_in_use_no_more():
    sets = AdapterSets(abnet())
    sets.keep("one")
    assert sets.used == "one"
    sets.add("one", {path: 2 * value for path, value in sets._sets["one"].items()})
    assert sets.used is None
    sets.use("one")
    assert sets.used == "one"
