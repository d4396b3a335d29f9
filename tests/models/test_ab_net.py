"""AB-Net: its parts, its counts, and what its frozen BERTs do."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ab_nets import BERT, RECORD, TARGET, abnet, abnet_once, adapters, fused_once
from rings import few

from tfkd.layers import BottleneckAdapter, CrossAttentionAdapter, LengthPredictor
from tfkd.models import (
    AbNet,
    Bert,
    Transformer,
    freeze,
    load_weights,
    save_weights,
    variables_by_path,
)
from tfkd.models.freezing import in_adapter
from tfkd.objectives import MaskedLM
from tfkd.objectives.objective import objective_forward, term_counts


@pytest.mark.parametrize(
    ("width", "feed_forward", "expected"),
    [(512, 512, 48_079_872), (2048, 2048, 104_721_408), (2048, None, 66_920_448)],
)
def test_trained_parameters_are_those_of_bert_base(width, feed_forward, expected):
    """P3's 67 M and its code's two settings: 12 layers of width 768 a side, 1,024 lengths."""
    encoder, decoder = BottleneckAdapter(width), CrossAttentionAdapter(4, feed_forward=feed_forward)
    lengths = LengthPredictor(1024, 768)
    for layer in (encoder, decoder):
        layer.build((None, None, 768))
    lengths.build()
    total = 12 * (encoder.count_params() + decoder.count_params()) + lengths.count_params()
    assert total == expected


def test_with_outer_products_of_zero_the_encoder_is_berts():
    """W2 = 0: an adapter passes on what the block computed."""
    model = abnet(lengths=None, decoder_attention="causal")
    bert = Bert(**{**BERT, "output_heads": {}})
    for path, variable in variables_by_path(bert).items():
        variable.assign(variables_by_path(model)[f"encoder/{path}"])
    for path, variable in variables_by_path(model).items():
        if path.startswith("encoder/") and path.endswith("outer/kernel") and in_adapter(path):
            variable.assign(tf.zeros_like(variable))
    states, expected = model.encode(RECORD["source"]), bert(RECORD["source"])
    for name in ("embedding", "layer_1", "layer_2", "layer_3", "hidden"):
        np.testing.assert_allclose(states[name], expected[name], atol=1e-6)
    changed = abnet(lengths=None, decoder_attention="causal").encode(RECORD["source"])
    assert np.abs(changed["layer_1"] - expected["layer_1"]).max() > 1e-3


def test_an_adapters_formula():
    layer = BottleneckAdapter(8, seed=1)
    hidden = tf.random.stateless_normal([2, 3, 16], [1, 2])
    found = layer(hidden, {})
    x = hidden.numpy().astype(float)
    normed = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    inner, outer = (np.asarray(one.kernel, float) for one in (layer.inner, layer.outer))
    np.testing.assert_allclose(found, x + np.maximum(normed @ inner, 0) @ outer, atol=1e-5)
    beside = layer(hidden, {}, branch=2 * hidden)
    np.testing.assert_allclose(beside, layer(2 * hidden, {}), atol=1e-6)


@pytest.mark.parametrize("feed_forward", [None, 8])
def test_the_cross_attention_adapters_formula(feed_forward):
    layer = CrossAttentionAdapter(2, feed_forward=feed_forward, memory_width=6, seed=1)
    hidden = tf.random.stateless_normal([2, 3, 16], [1, 2])
    memory = {
        "hidden": tf.random.stateless_normal([2, 4, 6], [3, 4]),
        "mask": 3e4 * tf.constant([[[[0.0, 0, 0, 0]]], [[[0.0, 0, 1, 1]]]]),
    }
    found, _ = layer(hidden, {"encoder": memory})

    def weight(part, name):
        return np.asarray(getattr(getattr(part, name), "value", getattr(part, name)), float)

    def linear(part, x):
        return x @ weight(part, "kernel") + weight(part, "bias")

    def norm(x):
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)

    x, m = hidden.numpy().astype(float), memory["hidden"].numpy().astype(float)
    attention = layer.attention
    query, both = linear(attention.query, x), linear(attention.key_value, m)
    key, value = np.split(both, 2, -1)
    heads = []
    for head in (slice(0, 8), slice(8, 16)):
        logits = query[..., head] @ key[..., head].transpose(0, 2, 1) / np.sqrt(8)
        logits[1, :, 2:] = -np.inf
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        heads.append(weights / weights.sum(-1, keepdims=True) @ value[..., head])
    x = norm(x + linear(attention.output_projection, np.concatenate(heads, -1)))
    if feed_forward:
        inner = np.maximum(linear(layer.feed_forward.inner, x), 0)
        x = norm(x + linear(layer.feed_forward.outer, inner))
    np.testing.assert_allclose(found, x, atol=1e-5)


def test_attention_starts_as_one_xavier_matrix_and_dense_layers_at_0_02():
    layer = CrossAttentionAdapter(4, feed_forward=64, seed=1)
    layer.build((None, None, 96))
    limit = np.sqrt(6 / (4 * 96))  # of a matrix [3 * 96, 96]
    for part in (layer.attention.query, layer.attention.key_value):
        kernel = np.asarray(part.kernel)
        assert 0.98 * limit < np.abs(kernel).max() <= limit
        np.testing.assert_allclose(kernel.std(), limit / np.sqrt(3), rtol=0.02)
    for part in (layer.attention.output_projection, layer.feed_forward.inner):
        np.testing.assert_allclose(np.asarray(part.kernel).std(), 0.02, rtol=0.05)


def test_the_length_token_has_no_position_and_class_0_is_impossible():
    model = abnet_once()
    logits = model.encode(RECORD["source"])["length_logits"]
    assert logits.shape == (2, 20)
    assert (logits[:, 0] < -1e8).numpy().all()
    table = np.asarray(model.lengths.table)
    # By hand: row 0 in front of the embedded source, through the blocks, times the table.
    embedded = model.encoder.embed(RECORD["source"])
    first = np.tile(table[:1][None], (2, 1, 1))
    seen = np.pad(RECORD["source"]["valid"], [[0, 0], [1, 0]], constant_values=True)
    penalty = 3e4 * (~seen[:, None, None, :]).astype(np.float32)
    states = model.encoder_stack(tf.concat([first, embedded], 1), tf.constant(penalty))
    np.testing.assert_allclose(logits[:, 1:], (states["hidden"][:, 0] @ table.T)[:, 1:], atol=1e-5)
    # Its own state is cut off: the decoder attends to the source's tokens.
    assert model.encode(RECORD["source"])["hidden"].shape == (2, 5, 16)


def test_padding_changes_nothing():
    model = abnet_once()
    states = model(RECORD)
    row = {
        side: {key: value[1:, :count] for key, value in RECORD[side].items()}
        for side, count in (("source", 3), ("target", 2))
    }
    alone = model(row)
    np.testing.assert_allclose(alone["hidden"][0], states["hidden"][1, :2], atol=1e-5)
    np.testing.assert_allclose(alone["length_logits"][0], states["length_logits"][1], atol=1e-5)


def test_filling_in_is_the_whole_model():
    """`prepare` and `fill`, which project the source once, against a whole forward pass."""
    for model in (abnet_once(), fused_once()):
        states = model(RECORD)
        logits, state = model.prepare(RECORD["source"])
        np.testing.assert_allclose(logits, states["length_logits"], atol=1e-6)
        np.testing.assert_allclose(model.fill(RECORD["target"], state), states["hidden"], atol=1e-5)


def test_what_a_decoder_cannot_do_is_said():
    with pytest.raises(ValueError, match="lengths=1024"):
        abnet(lengths=None).prepare(RECORD["source"])
    with pytest.raises(ValueError, match=r"bert, transformer.*'recurrent'"):
        AbNet(BERT, {**TARGET, "kind": "recurrent"})
    with pytest.raises(ValueError, match="decoder_attention='both'"):
        abnet(decoder_attention="both")


def test_a_decoder_by_itself_is_a_transformers():
    """The same weights in `TransformerDecoder` and in a whole `Transformer`."""
    sizes = {"width": 12, "heads": 2, "decoder_attention": "full", "dropout": 0.0}
    whole = Transformer(
        40, source_vocabulary_size=50, encoder_layers=1, decoder_layers=2,
        share_embeddings="target", **sizes,
    )  # fmt: skip
    sizes.pop("decoder_attention")
    model = AbNet(
        {**BERT, "width": 12}, {"vocabulary_size": 40, "kind": "transformer", "layers": 2, **sizes}
    )
    theirs, ours = variables_by_path(whole), variables_by_path(model)
    names = {"embedding": "target_embedding", "stack": "decoder", "head": "head"}
    copied = [path for path in ours if path.startswith("decoder/")]
    for path in copied:
        _, part, rest = path.split("/", 2)
        ours[path].assign(theirs[f"{names[part]}/{rest}"])
    assert {path.split("/")[1] for path in copied} == set(names)
    memory = {
        "hidden": tf.random.stateless_normal([2, 5, 12], [1, 2]),
        "mask": tf.zeros([2, 1, 1, 5]),
    }
    hidden = [
        one.decoder_stack(
            one.embed("decoder", RECORD["target"], False), None, memories={"encoder": memory}
        )["hidden"]
        for one in (whole, model)
    ]
    np.testing.assert_allclose(hidden[1], hidden[0], atol=1e-6)
    np.testing.assert_allclose(
        model.head.logits(hidden[1]), whole.head.logits(hidden[0]), atol=1e-5
    )


@pytest.mark.parametrize("decoder", few(["bert", "transformer"], 1))
def test_a_causal_decoder_steps_as_it_runs_whole(decoder):
    """Later target tokens change nothing before them, and cached steps are the whole pass."""
    sides = {"bert": TARGET, "transformer": {**TARGET, "kind": "transformer", "width": 12}}
    options = dict(sides[decoder])
    if decoder == "transformer":
        options.pop("initializer_range")
    made = adapters()
    model = AbNet(
        BERT,
        options,
        lengths=None,
        decoder_attention="causal",
        adapters={side: made[side] for side in made if decoder == "bert" or side == "encoder"},
    )
    hidden = model(RECORD)["hidden"]
    state = model.start(RECORD["source"])
    for index in range(2):
        logits, state = model.step(RECORD["target"]["ids"][:, index], state, index)
        np.testing.assert_allclose(logits, model.head.logits(hidden[:, index]), atol=1e-4)
    with pytest.raises(ValueError, match="one token after the other"):
        model.prepare(RECORD["source"])
    with pytest.raises(ValueError, match="mask_predict"):
        abnet().start(RECORD["source"])


def test_what_stands_under_a_mask_changes_the_loss_and_not_the_logits():
    """The ids under [MASK] are labels alone: the record's ids are what the model reads."""
    model = abnet_once()
    term = MaskedLM(view="fill")
    hidden, losses = [], []
    for more in (0, 1):
        target = {**RECORD["target"], "labels": RECORD["target"]["ids"] + more}
        target["selected"] = target["valid"]
        batch = {"examples": tf.range(2), "fill": {**RECORD, "target": target}}
        hidden.append(model(batch["fill"])["hidden"])
        counts = term_counts([term], batch)
        losses.append(float(objective_forward(model, [term], batch, counts, training=False).loss))
    np.testing.assert_array_equal(hidden[0], hidden[1])
    assert abs(losses[0] - losses[1]) > 1e-3


@pytest.mark.long
def test_frozen_berts_are_frozen_through_save_and_load(tmp_path):
    model = abnet()
    counted = freeze(model, ["adapters", "lengths"])
    names = [path for path, one in variables_by_path(model).items() if one.trainable]
    assert all(in_adapter(path) or path == "lengths/table" for path in names)
    assert counted.trained == sum(
        int(np.prod(variables_by_path(model)[path].shape)) for path in names
    )
    model.save(tmp_path / "it.keras")
    again = keras.models.load_model(tmp_path / "it.keras")
    np.testing.assert_array_equal(again(RECORD)["hidden"], model(RECORD)["hidden"])
    assert freeze(again, ["adapters", "lengths"]) == counted
    assert [path for path, one in variables_by_path(again).items() if one.trainable] == names


def test_a_bert_is_read_into_each_part(tmp_path):
    bert = Bert(**TARGET, seed=9)
    save_weights(bert, tmp_path / "bert.safetensors")
    model = abnet()
    left = [path for path in variables_by_path(model) if in_adapter(path)]
    report = load_weights(model, tmp_path / "bert.safetensors", {"decoder": ""}, without=left)
    theirs, ours = variables_by_path(bert), variables_by_path(model)
    assert set(report.sources.values()) == set(theirs)
    for path, variable in theirs.items():
        np.testing.assert_array_equal(ours[f"decoder/{path}"], variable)


@pytest.mark.long
def test_a_part_in_the_compute_type_computes_the_same():
    """Frozen BERTs need no float32 copy: bfloat16 weights give a mixed policy's very states."""
    mixed = abnet(dtype="mixed_bfloat16")
    pure = AbNet(
        {**BERT, "dtype": "bfloat16"}, {**TARGET, "dtype": "bfloat16"}, lengths=20, seed=3,
        adapters=adapters(), dtype="mixed_bfloat16",
    )  # fmt: skip
    for path, variable in variables_by_path(pure).items():
        variable.assign(variables_by_path(mixed)[path])
    matrices = [
        one for path, one in variables_by_path(pure).items()
        if not in_adapter(path) and path != "lengths/table" and len(one.shape) > 1
    ]  # fmt: skip
    assert {one.dtype for one in matrices} == {"bfloat16"}
    np.testing.assert_array_equal(
        tf.cast(mixed(RECORD)["hidden"], tf.float32), tf.cast(pure(RECORD)["hidden"], tf.float32)
    )
