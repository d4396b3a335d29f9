"""T5: against NumPy in float64, token by token, and its distances by hand."""

import json

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import save_file

from tfkd.layers.relative_bias import RelativeBias, distance_buckets
from tfkd.models import T5, variables_by_path
from tfkd.models.published.architectures import open_published
from tfkd.models.published.description import model_options
from tfkd.models.published.loading import load_model
from tfkd.spec.errors import UserError

SIZES = {"encoder_layers": 2, "decoder_layers": 2, "width": 8, "heads": 2, "head_size": 3,
         "feed_forward": 10, "buckets": 8, "max_distance": 12}  # fmt: skip
KINDS = {"plain": {}, "gated": {"gated": True, "activation": "gelu_tanh", "output": "own"}}


def build(kind, once):
    return once(T5, 20, **SIZES, **KINDS[kind])


def normed(x, scale):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6) * scale


def bias(table, queries, keys, both):
    """A number a head for each pair, its bucket found one by one."""
    found = np.zeros((table.shape[1], len(queries), len(keys)))
    buckets = len(table) // 2 if both else len(table)
    exact = buckets // 2
    for row, query in enumerate(queries):
        for column, key in enumerate(keys):
            distance = abs(query - key) if both else max(query - key, 0)
            if distance >= exact:
                share = np.log(distance / exact) / np.log(SIZES["max_distance"] / exact)
                distance = min(exact + int(share * (buckets - exact) + 1e-6), buckets - 1)
            found[:, row, column] = table[distance + buckets * (both and key > query)]
    return found


def attention(w, path, x, memory, added):
    heads, size = SIZES["heads"], SIZES["head_size"]
    query = (x @ w[f"{path}/query/kernel"]).reshape(-1, heads, size)
    key, value = np.split(memory @ w[f"{path}/key_value/kernel"], 2, -1)
    key, value = (one.reshape(-1, heads, size) for one in (key, value))
    logits = np.einsum("qhs,khs->hqk", query, key) + added
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    mixed = np.einsum("hqk,khs->qhs", weights, value).reshape(len(x), -1)
    return mixed @ w[f"{path}/output_projection/kernel"]


def reference(model, source, target):
    """The logits of one pair without padding, float64."""
    w = {path: np.asarray(one.value, np.float64) for path, one in variables_by_path(model).items()}
    options = model.get_config()

    def block(path, x, own, memory=None):
        n = normed(x, w[f"{path}/self_attention_norm/scale"])
        x = x + attention(w, f"{path}/self_attention", n, n, own)
        if memory is not None:
            n = normed(x, w[f"{path}/cross_attention_norm/scale"])
            x = x + attention(w, f"{path}/cross_attention", n, memory, 0)
        inner = normed(x, w[f"{path}/feed_forward_norm/scale"]) @ w[f"{path}/inner/kernel"]
        if options["gated"]:
            opened, value = np.split(inner, 2, -1)
            cube = np.sqrt(2 / np.pi) * (opened + 0.044715 * opened**3)
            inner = 0.5 * opened * (1 + np.tanh(cube)) * value
        else:
            inner = np.maximum(inner, 0)
        return x + inner @ w[f"{path}/outer/kernel"]

    places = np.arange(len(source))
    x = w["embedding/table"][source]
    for number in (1, 2):
        added = bias(w["encoder_bias/table"], places, places, True)
        x = block(f"encoder/layer_{number}", x, added)
    memory = normed(x, w["encoder/final_norm/scale"])
    places = np.arange(len(target))
    added = bias(w["decoder_bias/table"], places, places, False)
    added = np.where(places[None, :] > places[:, None], -np.inf, added)
    x = w["embedding/table"][target]
    for number in (1, 2):
        x = block(f"decoder/layer_{number}", x, added, memory)
    x = normed(x, w["decoder/final_norm/scale"])
    if options["output"] == "own":
        return x @ w["head/matrix"].T
    return x * options["width"] ** -0.5 @ w["embedding/table"].T


@pytest.mark.parametrize("kind", KINDS)
def test_it_predicts_as_the_formulas_say(kind, once):
    model, draw = build(kind, once), np.random.default_rng(1)
    lengths = np.array([18, 5])
    source = draw.integers(2, 20, (2, 18)).astype(np.int32)
    target = draw.integers(2, 20, (2, 15)).astype(np.int32)
    record = {
        "source": {"ids": tf.constant(source), "valid": np.arange(18) < lengths[:, None]},
        "target": {"ids": tf.constant(target)},
    }
    found = model.head.logits(model(record)["hidden"]).numpy()
    state = model.start(record["source"])
    for place in range(15):
        step, state = model.step(record["target"]["ids"][:, place], state, place, 15)
        np.testing.assert_allclose(step, found[:, place], atol=2e-5)
    for row, length in enumerate(lengths):
        expected = reference(model, source[row, :length], target[row])
        np.testing.assert_allclose(found[row], expected, atol=5e-5)


def test_distances_are_told_apart_nearby():
    found = distance_buckets(32, 128)
    assert found[:17].tolist() == list(range(17))
    assert found[[127, 128]].tolist() == [31, 31]
    assert (np.diff(found) >= 0).all()


def test_a_step_has_the_row_of_the_whole():
    layer = RelativeBias(2, buckets=8, max_distance=12, both_sides=False)
    layer.build()
    places = tf.range(9)
    whole = layer(places, places)
    np.testing.assert_array_equal(layer(places[6:7], places[:7]), whole[:, :, 6:7, :7])


def test_its_config_makes_the_same_model(once):
    model = build("gated", once)
    again = T5.from_config(model.get_config())
    ours, theirs = (variables_by_path(one) for one in (model, again))
    assert {path: one.shape for path, one in ours.items()} == {
        path: one.shape for path, one in theirs.items()
    }


def written(model, folder, **said):
    """A folder as T5's are published, from the weights of a model."""
    options = model.get_config()
    w = {path: np.asarray(one.value) for path, one in variables_by_path(model).items()}
    tensors = {"shared.weight": w["embedding/table"], "lm_head.weight": w.get("head/matrix")}
    for side, last in (("encoder", 1), ("decoder", 2)):
        first = f"{side}.block.0.layer.0.SelfAttention"
        tensors[f"{first}.relative_attention_bias.weight"] = w[f"{side}_bias/table"]
        tensors[f"{side}.final_layer_norm.weight"] = w[f"{side}/final_norm/scale"]
        tensors[f"{side}.embed_tokens.weight"] = w["embedding/table"]
        for number in range(2):
            ours, theirs = f"{side}/layer_{number + 1}", f"{side}.block.{number}.layer"
            for place, name in [("self", "SelfAttention"), ("cross", "EncDecAttention")][:last]:
                part, at = f"{ours}/{place}_attention", f"{theirs}.{0 if place == 'self' else 1}"
                key, value = np.split(w[f"{part}/key_value/kernel"], 2, -1)
                for letter, kernel in (
                    ("q", w[f"{part}/query/kernel"]), ("k", key), ("v", value),
                    ("o", w[f"{part}/output_projection/kernel"]),
                ):  # fmt: skip
                    tensors[f"{at}.{name}.{letter}.weight"] = kernel.T
                tensors[f"{at}.layer_norm.weight"] = w[f"{part}_norm/scale"]
            dense = f"{theirs}.{last}.DenseReluDense"
            names = ["wi_0", "wi_1"] if options["gated"] else ["wi"]
            kernels = np.split(w[f"{ours}/inner/kernel"], len(names), -1)
            tensors |= {f"{dense}.{n}.weight": k.T for n, k in zip(names, kernels, strict=True)}
            tensors[f"{dense}.wo.weight"] = w[f"{ours}/outer/kernel"].T
            tensors[f"{theirs}.{last}.layer_norm.weight"] = w[f"{ours}/feed_forward_norm/scale"]
    tensors = {n: np.ascontiguousarray(v) for n, v in tensors.items() if v is not None}
    save_file(tensors, folder / "model.safetensors")
    config = {
        "model_type": "t5", "vocab_size": 20, "d_model": 8, "d_kv": 3, "d_ff": 10, "num_layers": 2,
        "num_heads": 2, "relative_attention_num_buckets": 8, "relative_attention_max_distance": 12,
        **said,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("plain", {"feed_forward_proj": "relu"}),
        ("gated", {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}),
    ],
)
def test_a_published_folder_is_read(kind, said, once, tmp_path):
    model = build(kind, once)
    written(model, tmp_path, **said)
    published = open_published(tmp_path)
    read = load_model(published, ())
    # The rate of dropout is the folder's.
    assert {**read.get_config(), "name": "t5"} == {**model.get_config(), "name": "t5"}
    again = variables_by_path(read)
    for path, variable in variables_by_path(model).items():
        np.testing.assert_array_equal(variable.value, again[path].value, err_msg=path)
    assert "output" in model_options(published) or kind == "plain"


def test_what_is_no_t5_that_is_known_is_refused(once, tmp_path):
    written(build("plain", once), tmp_path, feed_forward_proj="gated-tanh")
    with pytest.raises(UserError, match="feed_forward_proj is 'gated-tanh'; known are relu"):
        open_published(tmp_path).options()
    written(build("plain", once), tmp_path, feed_forward_proj="gated-gelu")
    with pytest.raises(UserError, match=r"wi_0\.weight, .*wi_1\.weight is not there"):
        load_model(open_published(tmp_path), ())
