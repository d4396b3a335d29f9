import keras
import numpy as np
import pytest
import tensorflow as tf
from rings import few

from tfkd.layers import dropout_key, sinusoidal
from tfkd.models import Transformer

ONE_LAYER = {"encoder_layers": 1, "decoder_layers": 1}
TINY = {"encoder_layers": 2, "decoder_layers": 2, "width": 8, "heads": 2, "feed_forward": 12}
KINDS = {
    "base": {},
    "pre_norm": {"norm": "pre", "positions": "learned", "max_length": 12},
    "two_vocabularies": {"share_embeddings": "target", "source_vocabulary_size": 30},
    "led": {
        "positions": "learned",
        "max_length": 12,
        "embedding_norm": True,
        "source_lead": 3,
        "scale_embeddings": False,
        "target_lead": 2,
    },
    "untied": {"share_embeddings": "none", "output_bias": False, "activation": "gelu"},
}


def build(kind="base", **options):
    return Transformer(20, **{**TINY, **KINDS[kind], **options})


def logits(model, record, **options):
    return model.head.logits(model(record, **options)["hidden"]).numpy()


def changed(record, side, place, value):
    ids = record[side]["ids"].numpy().copy()
    ids[:, place] = value
    return {**record, side: {**record[side], "ids": tf.constant(ids)}}


@pytest.mark.long
def test_leads_are_tokens_that_need_not_be_written(pair, scrambled):
    model = scrambled(build("led"))
    plain = build("led", source_lead=None, target_lead=None)
    plain.set_weights(model.get_weights())
    written = {}
    for side, lead in (("source", 3), ("target", 2)):
        record = {
            **pair[side],
            "ids": tf.pad(pair[side]["ids"], [[0, 0], [1, 0]], constant_values=lead),
        }
        record["valid"] = tf.pad(pair[side]["valid"], [[0, 0], [1, 0]], constant_values=True)
        written[side] = record
    np.testing.assert_allclose(logits(model, pair), logits(plain, written)[:, 1:], atol=1e-5)
    found, whole = model(pair), plain(written)
    for name in ("encoder.hidden", "encoder.layer_1", "decoder.embedding"):
        np.testing.assert_allclose(found[name], whole[name][:, 1:], atol=1e-5)
    assert found.keys() == whole.keys()


@pytest.mark.parametrize("kind", few(KINDS, 1, 3))
def test_cached_steps_equal_the_whole_pass(kind, once, pair):
    model = once(build, kind)
    whole = logits(model, pair)
    state = model.start(pair["source"])
    for place in range(5):
        step, state = model.step(pair["target"]["ids"][:, place], state, place, 5)
        np.testing.assert_allclose(step, whole[:, place], atol=1e-5)


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[] if kind == "pre_norm" else [pytest.mark.long]) for kind in KINDS],
)
def test_the_state_gathers_rows_and_grows_in_a_loop(kind, once, pair):
    """Greedy decoding in a tf.while_loop, rows swapped at each step, equals decoding apart."""
    model = once(build, kind, **ONE_LAYER)

    @tf.function(autograph=False)
    def decode(source):
        def body(index, ids, state, written):
            step, state = model.step(ids, state, index, 4)
            state = tf.nest.map_structure(lambda t: tf.gather(t, [1, 0]), state)
            ids = tf.gather(tf.argmax(step, -1, output_type=tf.int32), [1, 0])
            return index + 1, ids, state, written.write(index, ids)

        written = tf.TensorArray(tf.int32, 4, element_shape=[2])
        start = (tf.constant(0), tf.fill([2], 2), model.start(source), written)
        return tf.while_loop(lambda index, *_: index < 4, body, start)[3].stack()

    swapped = decode(pair["source"]).numpy()
    for row in range(2):
        source = {name: tensor[row : row + 1] for name, tensor in pair["source"].items()}
        ids = [2]
        for place in range(4):
            target = {"ids": tf.constant([ids])}
            ids.append(int(logits(model, {"source": source, "target": target})[0, -1].argmax()))
            assert swapped[place, (row + place + 1) % 2] == ids[-1]


@pytest.mark.parametrize("kind", few(KINDS, 1, 3))
def test_later_targets_and_padding_change_nothing(kind, once, pair):
    model = once(build, kind)
    before = logits(model, pair)
    later = logits(model, changed(pair, "target", 3, 17))
    np.testing.assert_array_equal(later[:, :3], before[:, :3])
    assert np.abs(later[0, 3] - before[0, 3]).max() > 1e-3
    padded = logits(model, changed(pair, "source", 5, 17))  # padding of row 1 only
    np.testing.assert_allclose(padded[1], before[1], atol=1e-6)
    assert np.abs(padded[0] - before[0]).max() > 1e-3
    wide = {
        side: {
            "ids": tf.pad(pair[side]["ids"], [[0, 0], [0, 3]]),
            "valid": tf.pad(pair[side]["valid"], [[0, 0], [0, 3]]),
        }
        for side in pair
    }
    np.testing.assert_allclose(logits(model, wide)[:, :5], before, atol=1e-5)


def test_hidden_memory_is_seen_by_the_encoder_alone(once, pair, scrambled):
    """MASS: the decoder does not attend to chosen encoder states."""
    model = once(build, "base")
    memory_valid = pair["source"]["valid"] & (tf.range(6) != 2)
    record = {**pair, "source": {**pair["source"], "memory_valid": memory_valid}}
    assert np.abs(logits(model, record) - logits(model, pair)).max() > 1e-3
    one_layer = scrambled(build(encoder_layers=0))  # no mixing: the state is the token's own
    before = logits(one_layer, record)
    np.testing.assert_array_equal(logits(one_layer, changed(record, "source", 2, 17)), before)


def test_given_positions_are_those_counted(once, pair):
    model = once(build, "base")
    positions = tf.tile(tf.range(5)[None], [2, 1])
    record = {**pair, "target": {**pair["target"], "positions": positions}}
    np.testing.assert_allclose(logits(model, record), logits(model, pair), atol=1e-6)


def test_states_are_named():
    model = build()
    assert list(model.parts) == ["embedding", "encoder", "decoder", "head"]
    assert list(build("two_vocabularies").parts)[:2] == ["source_embedding", "target_embedding"]
    record = {"source": {"ids": tf.constant([[5, 6]])}, "target": {"ids": tf.constant([[2]])}}
    states = model(record)
    names = ["embedding", "layer_1", "layer_2", "hidden"]
    sides = [f"{side}.{name}" for side in ("encoder", "decoder") for name in names]
    assert list(states) == [*sides, "hidden"]
    np.testing.assert_array_equal(
        states["encoder.hidden"], model.encode(record["source"])["hidden"]
    )


def test_embeddings_are_scaled_at_input_and_positions_added(once, pair):
    model = once(build, "base")
    table = model.source_embedding.table.value.numpy()
    expected = table[pair["source"]["ids"]] * 8**0.5 + sinusoidal(tf.range(6), 8).numpy()
    np.testing.assert_allclose(model(pair)["encoder.embedding"], expected, atol=1e-6)


def test_sharing_decides_how_many_tables_there_are():
    counts = {"base": 1, "two_vocabularies": 2, "untied": 3}
    for kind, count in counts.items():
        tables = [
            v for v in build(kind, **ONE_LAYER).weights if v.path.endswith(("table", "matrix"))
        ]
        assert len(tables) == count
        for table in tables:
            assert np.std(table.value.numpy()) == pytest.approx(8**-0.5, rel=0.2)


def test_a_step_traces_once_for_all_shapes_and_keys():
    model = build(dropout=0.3, **ONE_LAYER)
    specification = {
        name: tf.TensorSpec([None, None], dtype)
        for name, dtype in (("ids", tf.int32), ("valid", tf.bool))
    }
    traces = []

    # As users write it; other tests trace as the package does, without AutoGraph.
    @tf.function(
        input_signature=[
            {"source": specification, "target": specification},
            tf.TensorSpec([2], tf.int32),
        ]
    )
    def step(record, key):
        traces.append(1)
        with dropout_key(key), tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(record, training=True)["hidden"][..., 0])
        gradients = tape.gradient(loss, model.trainable_variables)
        return [tf.convert_to_tensor(g) for g in gradients if g is not None]

    def record(batch, source, target):
        return {
            side: {
                "ids": tf.fill([batch, length], 7),
                "valid": tf.ones([batch, length], tf.bool),
            }
            for side, length in (("source", source), ("target", target))
        }

    first = step(record(2, 3, 4), tf.constant([1, 2]))
    step(record(5, 9, 2), tf.constant([3, 4]))
    again = step(record(2, 3, 4), tf.constant([1, 2]))
    other = step(record(2, 3, 4), tf.constant([1, 3]))
    assert len(traces) == 1
    for left, right in zip(first, again, strict=True):
        np.testing.assert_array_equal(left, right)
    assert max(np.abs(a - b).max() for a, b in zip(first, other, strict=True)) > 0


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_keras_file_brings_the_model_back(kind, tmp_path, pair, scrambled):
    model = scrambled(build(kind))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config()
    np.testing.assert_array_equal(logits(again, pair), logits(model, pair))


def test_mixed_bfloat16_comes_near_and_decodes(pair):
    plain, mixed = build(**ONE_LAYER), build(**ONE_LAYER, dtype="mixed_bfloat16")
    np.testing.assert_allclose(logits(mixed, pair), logits(plain, pair), atol=0.3)
    state = mixed.start(pair["source"])
    assert {tensor.dtype for tensor in tf.nest.flatten(state)} == {tf.bfloat16}
    step, _ = mixed.step(pair["target"]["ids"][:, 0], state, 0)
    np.testing.assert_allclose(step, logits(mixed, pair)[:, 0], atol=0.2)


def test_xla_equals_the_graph(once, pair):
    model = once(build, "base", **ONE_LAYER)
    plain = tf.function(lambda record: model(record)["hidden"], autograph=False)
    compiled = tf.function(
        lambda record: model(record)["hidden"], jit_compile=True, autograph=False
    )
    np.testing.assert_allclose(compiled(pair), plain(pair), atol=1e-5)


@pytest.mark.long
def test_compile_and_fit_learn_to_copy():
    keras.utils.set_random_seed(1)
    model = Transformer(
        12, encoder_layers=1, decoder_layers=1, width=32, heads=2, dropout=0.0, norm="pre"
    )
    words = np.random.default_rng(1).integers(3, 12, size=(96, 4)).astype("int32")
    record = {
        "source": {"ids": words, "valid": np.ones_like(words, bool)},
        "target": {"ids": np.concatenate([np.full((96, 1), 2, "int32"), words[:, :-1]], 1)},
    }
    model.compile(
        keras.optimizers.Adam(0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["sparse_categorical_accuracy"],
        jit_compile=False,
    )
    history = model.fit(record, words, batch_size=32, epochs=20, verbose=0).history
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    assert model.evaluate(record, words, verbose=0)[1] > 0.9


def test_options_that_contradict_are_refused():
    with pytest.raises(ValueError, match="vocabularies of 30 and 20"):
        build("two_vocabularies", share_embeddings="all")
    with pytest.raises(ValueError, match="'all', 'target' or 'none'"):
        build(share_embeddings="some")
    with pytest.raises(ValueError, match="keys encoder, decoder"):
        build(adapters={"middle": {}})


@pytest.mark.long
def test_a_saved_model_answers_alike(tmp_path, pair, scrambled):
    """Custom gradients and growing caches must survive the export."""
    model = scrambled(build("pre_norm", encoder_layers=1, decoder_layers=1))
    specification = {
        name: tf.TensorSpec([None, None], dtype)
        for name, dtype in (("ids", tf.int32), ("valid", tf.bool))
    }

    @tf.function(input_signature=[specification], autograph=False)
    def first_logits(source):
        state = model.start(source)
        _, state = model.step(tf.fill([tf.shape(source["ids"])[0]], 2), state, 0)
        return model.step(tf.fill([tf.shape(source["ids"])[0]], 7), state, 1)[0]

    module = tf.Module()
    module.model, module.first_logits = model, first_logits
    expected = first_logits(pair["source"])
    tf.saved_model.save(module, str(tmp_path / "saved"))
    again = tf.saved_model.load(str(tmp_path / "saved"))
    np.testing.assert_allclose(again.first_logits(pair["source"]), expected, atol=1e-6)
