import shutil
from pathlib import Path

import numpy as np
import pytest
from rings import few
from safetensors import numpy as safetensors_numpy

from tfkd.models import (
    Bert,
    Transformer,
    load_weights,
    rows_of_pieces,
    save_weights,
    saved_names,
    variables_by_path,
)
from tfkd.spec.errors import UserError

TINY = {"width": 8, "heads": 2, "feed_forward": 12, "max_length": 6}


def bert(layers=2, **options):
    return Bert(20, layers=layers, **{**TINY, **options})


def values(model):
    return {path: variable.value.numpy() for path, variable in variables_by_path(model).items()}


@pytest.fixture(scope="module")
def original(tmp_path_factory, scrambled):
    """The values of a BERT of four layers, and its file."""
    model, path = scrambled(bert(4)), tmp_path_factory.mktemp("saved") / "weights.safetensors"
    save_weights(model, path)
    return values(model), path


@pytest.fixture
def saved(original, tmp_path):
    """The same with a file that a test may change."""
    return original[0], Path(shutil.copy(original[1], tmp_path))


@pytest.mark.parametrize("name", few(["bert", "another"], 1))
def test_weights_come_back_whatever_the_model_is_called(saved, name):
    there, path = saved
    model = bert(4, name=name)
    report = load_weights(model, path)
    assert report.loaded == list(there)
    assert [*report.missing, *report.misshapen, *report.unused] == []
    for key, value in values(model).items():
        np.testing.assert_array_equal(value, there[key])


@pytest.mark.long
def test_a_file_is_written_tensor_by_tensor_as_safetensors_writes_it(saved, tmp_path):
    there, path = saved
    wanted = safetensors_numpy.save(there, metadata={"tfkd": "Bert"})
    assert path.read_bytes() == wanted
    narrow = bert(4, dtype="bfloat16")
    load_weights(narrow, path)
    save_weights(narrow, tmp_path / "narrow.safetensors", narrow=True)
    again = bert(4)
    load_weights(again, tmp_path / "narrow.safetensors")
    for name, value in values(again).items():
        np.testing.assert_array_equal(value, values(narrow)[name].astype(np.float32))
    assert (tmp_path / "narrow.safetensors").stat().st_size < 0.75 * path.stat().st_size


def test_paths_are_stable():
    """These are file format: a change of any breaks every checkpoint that users have."""
    paths = set(variables_by_path(bert(1)))
    layer = "encoder/layer_1"
    assert paths == {
        "embedding/tokens/table",
        "embedding/types/table",
        "embedding/positions/table",
        "embedding/norm/scale",
        "embedding/norm/offset",
        *(
            f"{layer}/{part}/{weight}"
            for part in (
                "self_attention/query_key_value",
                "self_attention/output_projection",
                "feed_forward/inner",
                "feed_forward/outer",
            )
            for weight in ("kernel", "bias")
        ),
        *(
            f"{part}/{weight}"
            for part in (
                f"{layer}/self_attention_norm",
                f"{layer}/feed_forward_norm",
                "head/transform_norm",
            )
            for weight in ("scale", "offset")
        ),
        "head/transform/kernel",
        "head/transform/bias",
        "head/bias",
    }
    sides = Transformer(
        20, encoder_layers=1, decoder_layers=1, width=8, heads=2, norm="pre", positions="learned"
    )
    paths = set(variables_by_path(sides))
    assert {"embedding/table", "encoder_positions/table", "decoder_positions/table"} <= paths
    assert {"encoder/final_norm/scale", "decoder/final_norm/scale", "head/bias"} <= paths
    for projection in ("query", "key_value", "output_projection"):
        assert f"decoder/layer_1/cross_attention/{projection}/kernel" in paths


def test_a_shallower_model_reads_the_lower_layers(saved):
    there, path = saved
    model = bert(2, output_heads={})
    report = load_weights(model, path, ["embedding", "encoder"])
    for key, value in values(model).items():
        np.testing.assert_array_equal(value, there[key])
    assert any(name.startswith("encoder/layer_3/") for name in report.unused)
    assert any(name.startswith("head/") for name in report.unused)


def test_layers_can_be_chosen(saved):
    there, path = saved
    model = bert(2)
    load_weights(model, path, ["encoder"], layers={1: 2, 2: 4})
    mine = values(model)
    for own, other in ((1, 2), (2, 4)):
        key = "feed_forward/inner/kernel"
        np.testing.assert_array_equal(
            mine[f"encoder/layer_{own}/{key}"], there[f"encoder/layer_{other}/{key}"]
        )
    assert not np.array_equal(mine["embedding/tokens/table"], there["embedding/tokens/table"])


def test_parts_can_stand_elsewhere_in_the_file(saved):
    there, path = saved
    model = bert(3)
    load_weights(model, path, {"encoder/layer_3": "encoder/layer_1"})
    key = "self_attention/query_key_value/kernel"
    np.testing.assert_array_equal(
        values(model)[f"encoder/layer_3/{key}"], there[f"encoder/layer_1/{key}"]
    )


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: bert(5), r"the file lacks encoder/layer_5/.* and 6 more"),
        (lambda: bert(3), r"the model has no encoder/layer_4/"),
        (lambda: bert(4, feed_forward=10), r"inner/bias is \(10,\), in the file \(12,\)"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_loaded(saved, model, words):
    model = model()
    before = values(model)
    with pytest.raises(UserError, match=words):
        load_weights(model, saved[1])
    for key, value in values(model).items():
        np.testing.assert_array_equal(value, before[key])


def test_without_strict_what_fits_is_loaded(saved):
    there, path = saved
    model = bert(5, feed_forward=10)
    report = load_weights(model, path, strict=False)
    assert {name.split("/")[1] for name in report.missing} == {"layer_5"}
    assert len(report.misshapen) == 4 * 3
    np.testing.assert_array_equal(values(model)["head/bias"], there["head/bias"])


def test_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        load_weights(bert(), tmp_path / "none")
    (tmp_path / "junk").write_bytes(b"junk" * 20)
    with pytest.raises(UserError, match="not a safetensors file"):
        load_weights(bert(), tmp_path / "junk")
    save_weights(bert(), tmp_path / "it")
    with pytest.raises(ValueError, match=r"parts of the model \(embedding, encoder, head\)"):
        load_weights(bert(), tmp_path / "it", ["decoder"])


def test_pure_bfloat16_models_save_and_load_float32_files(saved):
    there, path = saved
    model = bert(4, dtype="bfloat16")
    load_weights(model, path)
    for key, value in values(model).items():
        np.testing.assert_allclose(value.astype("float32"), there[key], rtol=0.01, atol=1e-6)
    save_weights(model, path)
    load_weights(bert(4), path)


def test_what_is_left_out_stays_as_it_is_and_is_not_missed(saved):
    there, path = saved
    model = bert(4, output_heads={"masked_lm": {"tied": False}})
    with pytest.raises(UserError, match="the file lacks head/matrix"):
        load_weights(model, path)
    before = values(model)
    report = load_weights(model, path, without=["head/matrix", "head/bias"])
    after = values(model)
    for name in ("head/matrix", "head/bias"):
        np.testing.assert_array_equal(after.pop(name), before[name])
        assert name not in report.loaded
    for name, value in after.items():
        np.testing.assert_array_equal(value, there[name])
    save_weights(model, path)
    assert load_weights(bert(4), path, without=["head/matrix"]).unused == []
    with pytest.raises(UserError, match="the model has no head/matrix"):
        load_weights(bert(4), path, without=["head/bias"])


def test_names_are_told_without_the_tensors(saved):
    there, path = saved
    assert saved_names(path) == set(there)
    with pytest.raises(UserError, match="no such file"):
        saved_names(path.with_name("none"))


@pytest.mark.parametrize(
    "model",
    [
        lambda: bert(1),
        lambda: bert(1, output_heads={"masked_lm": {"tied": False}}),
        lambda: Transformer(20, encoder_layers=1, decoder_layers=1, width=8, heads=2),
        lambda: Transformer(
            20,
            source_vocabulary_size=20,
            encoder_layers=1,
            decoder_layers=1,
            width=8,
            heads=2,
            share_embeddings="none",
        ),
    ],
)
def test_rows_of_pieces_are_all_weights_with_as_many_rows(model):
    """20 pieces, and no other size of these models is 20."""
    model = model()
    expected = {name for name, value in values(model).items() if value.shape[0] == 20}
    assert set(rows_of_pieces(model)) == expected
