import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfkd.models import Bert, load_published
from tfkd.models.bert import segment_positions

TINY = {"layers": 2, "width": 8, "heads": 2, "feed_forward": 12, "max_length": 10}


def record(ids, **others):
    return {"ids": tf.constant(ids, tf.int32), **others}


def logits(model, sequence):
    return model.head.logits(model(sequence)["hidden"]).numpy()


@pytest.mark.parametrize("tied", [True, False])
def test_logits_equal_those_of_transformers(reference, tied, tmp_path):
    reference.write_folder(tmp_path, tied)
    model = load_published(tmp_path)
    sequence = record(
        reference.IDS,
        types=tf.constant(reference.TYPES),
        valid=tf.constant(np.array(reference.VALID, bool)),
    )
    expected = np.array(json.loads(reference.FILE.read_text())["tied" if tied else "untied"])
    valid = np.array(reference.VALID, bool)
    np.testing.assert_allclose(logits(model, sequence)[valid], expected[valid], atol=1e-5)


def test_padding_changes_nothing(once):
    model = once(Bert, 20, **TINY)
    short = logits(model, record([[2, 7, 9, 3]], valid=tf.ones([1, 4], tf.bool)))
    valid = tf.constant([[True] * 4 + [False] * 3])
    long = logits(model, record([[2, 7, 9, 3, 11, 12, 0]], valid=valid))
    np.testing.assert_allclose(long[:, :4], short, atol=1e-5)


def test_a_prefix_is_seen_whole_and_the_rest_only_backwards(once):
    model = once(Bert, 20, **TINY)
    ids = [[2, 7, 9, 3, 5, 6, 3]]
    prefix = tf.constant([4])
    before = logits(model, record(ids, prefix=prefix))
    for place in range(7):
        changed = [list(ids[0])]
        changed[0][place] = 15
        moved = np.abs(logits(model, record(changed, prefix=prefix)) - before).max(-1)[0] > 1e-6
        expected = [place < 4 or query >= place for query in range(7)]
        assert moved.tolist() == expected


def test_states_are_named_and_end_in_hidden():
    model = Bert(20, **TINY, pooler=True)
    states = model(record([[2, 7, 3]]))
    assert list(states) == ["embedding", "layer_1", "layer_2", "hidden", "pooled"]
    np.testing.assert_array_equal(states["layer_2"], states["hidden"])
    assert states["pooled"].shape == (1, 8)
    assert model.input_layout == "sequence"
    assert list(model.parts) == ["embedding", "encoder", "pooler", "head"]


def test_the_head_in_parts_equals_its_logits(once):
    model = once(Bert, 20, **TINY)
    hidden = model(record([[2, 7, 3]]))["hidden"]
    head = model.head
    apart = head.transform(hidden) @ tf.transpose(head.matrix()) + head.bias()
    np.testing.assert_allclose(head.logits(hidden), apart, atol=1e-6)
    np.testing.assert_array_equal(head.matrix(), model.embedding.tokens.table)


@pytest.mark.long
def test_keras_file_brings_the_model_back(tmp_path, scrambled):
    model = scrambled(Bert(20, **TINY, activation="relu", pooler=True, dropout=0.2))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config()
    sequence = record([[2, 7, 9, 3]])
    np.testing.assert_array_equal(logits(again, sequence), logits(model, sequence))


def test_mixed_bfloat16_keeps_float32_weights_and_comes_near():
    plain, mixed = Bert(20, **TINY), Bert(20, **TINY, dtype="mixed_bfloat16")
    sequence = record([[2, 7, 9, 3]], valid=tf.ones([1, 4], tf.bool))
    states = mixed(sequence)
    assert {state.dtype for state in states.values()} == {tf.bfloat16}
    assert {variable.dtype for variable in mixed.weights} == {"float32"}
    assert mixed.head.matrix().dtype == tf.bfloat16
    assert mixed.head.bias().dtype == tf.float32
    assert logits(mixed, sequence).dtype == np.float32
    np.testing.assert_allclose(logits(mixed, sequence), logits(plain, sequence), atol=0.02)


def test_a_seed_gives_the_same_weights_and_another_others():
    first, again, other = (Bert(20, **TINY, seed=seed) for seed in (1, 1, 2))
    for left, right, far in zip(first.weights, again.weights, other.weights, strict=True):
        path = left.path
        left, right, far = (variable.value.numpy() for variable in (left, right, far))
        np.testing.assert_array_equal(left, right)
        if path.endswith(("table", "kernel")):
            assert np.abs(left - far).max() > 0.005
            assert 0.01 < np.std(left) < 0.03
            assert np.abs(left).max() <= 0.046  # truncated at two standard deviations


@pytest.mark.long
def test_compile_and_fit_learn_a_vocabulary(capsys):
    """The bare model in Keras: predict each token from its own id."""
    keras.utils.set_random_seed(1)
    model = Bert(12, layers=1, width=16, heads=2, max_length=8)
    ids = np.random.default_rng(1).integers(1, 12, size=(64, 6)).astype("int32")
    model.compile(
        keras.optimizers.Adam(0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["sparse_categorical_accuracy"],
    )
    history = model.fit(
        {"ids": ids, "valid": np.ones_like(ids, bool)},
        ids,
        sample_weight=np.ones(ids.shape, "float32"),
        batch_size=32,
        epochs=12,
        verbose=0,
    ).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["sparse_categorical_accuracy"][-1] > 0.9


def test_dropout_places_do_not_depend_on_what_was_built_before():
    first, second = Bert(20, **TINY), Bert(20, **TINY, name="other")
    places = [
        sorted(layer.place for layer in model._flatten_layers() if hasattr(layer, "place"))
        for model in (first, second)
    ]
    assert places[0] == places[1]
    assert len(set(places[0])) == len(places[0])
    assert "encoder/layer_2/self_attention/dropout" in places[0]


def test_a_head_over_another_vocabulary():
    model = Bert(20, **TINY, output_heads={"masked_lm": {"vocabulary_size": 7, "tied": False}})
    assert logits(model, record([[2, 3]])).shape == (1, 2, 7)
    with pytest.raises(ValueError, match="tied=False"):
        Bert(20, **TINY, output_heads={"masked_lm": {"vocabulary_size": 7}})
    with pytest.raises(ValueError, match="Expected kinds: masked_lm"):
        Bert(20, **TINY, output_heads={"something": {}})
    with pytest.raises(AttributeError, match="no head over a vocabulary"):
        _ = Bert(20, **TINY, output_heads={}).head


def test_segment_positions_count_anew_in_the_second_segment():
    types = np.array([[0, 0, 0, 1, 1, 0], [0, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0]], np.int32)
    expected = [[0, 1, 2, 1, 2, 5], [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]]
    np.testing.assert_array_equal(segment_positions(types), expected)


def test_segment_positions_are_those_a_record_could_name():
    sizes = {"layers": 1, "width": 8, "heads": 2, "max_length": 8}
    counted = Bert(20, positions="segment", **sizes)
    plain = Bert(20, **sizes)
    record = {
        "ids": np.array([[2, 7, 3, 8, 9, 3]], np.int32),
        "types": np.array([[0, 0, 0, 1, 1, 1]], np.int32),
    }
    named = {**record, "positions": np.array([[0, 1, 2, 1, 2, 3]], np.int32)}
    np.testing.assert_array_equal(counted(record)["hidden"], plain(named)["hidden"])
    assert not np.allclose(counted(record)["hidden"], plain(record)["hidden"])
