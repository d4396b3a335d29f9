"""The RNN encoder-decoder against a plain one in NumPy, and its own properties."""

import keras
import numpy as np
import pytest
import rnn_reference
import tensorflow as tf
from rings import few
from small_rnn import KINDS, build

from tfkd.data.tokenizers.wordpiece import SPECIALS
from tfkd.decoding import BeamSearch, GreedySearch
from tfkd.decoding.numpy_decoding import numpy_beam_search, numpy_greedy_search
from tfkd.layers import dropout_key
from tfkd.models import Rnn, build_model, rows_of_pieces, variables_by_path
from tfkd.spec.options import RnnOptions


def logits(model, record, **options):
    return model.head.logits(model(record, **options)["hidden"]).numpy()


def bare(side, row):
    """A row's ids without its padding."""
    return side["ids"].numpy()[row][side["valid"].numpy()[row]].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_logits_equal_those_of_a_plain_reference(kind, once, pair):
    model = once(build, kind)
    found = logits(model, pair)
    for row in range(2):
        source, target = bare(pair["source"], row), bare(pair["target"], row)
        expected = rnn_reference.logits(model, source, target)
        np.testing.assert_allclose(found[row, : len(target)], expected, atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_encoder_states_equal_those_of_a_plain_reference(kind, once, pair):
    model = once(build, kind)
    found = model.encode(pair["source"])["hidden"].numpy()
    weights = rnn_reference.weights_of(model)
    for row in range(2):
        source = bare(pair["source"], row)
        expected, _ = rnn_reference.encode(weights, source, len(model.encoder.blocks))
        np.testing.assert_allclose(found[row, : len(source)], expected, atol=1e-5)


def test_hidden_memory_is_read_and_not_attended_to(once, pair):
    """MASS: the decoder does not attend to chosen encoder states."""
    model = once(build, "base")
    seen = pair["source"]["valid"] & (tf.range(6) != 2)
    found = logits(model, {**pair, "source": {**pair["source"], "memory_valid": seen}})
    source, target = bare(pair["source"], 0), bare(pair["target"], 0)
    expected = rnn_reference.logits(model, source, target, np.arange(6) != 2)
    np.testing.assert_allclose(found[0], expected, atol=2e-5)


@pytest.mark.parametrize("kind", few(KINDS, 0, -1))
def test_cached_steps_equal_the_whole_pass(kind, once, pair):
    model = once(build, kind)
    whole = logits(model, pair)
    state = model.start(pair["source"])
    for place in range(5):
        step, state = model.step(pair["target"]["ids"][:, place], state, place, 5)
        np.testing.assert_allclose(step, whole[:, place], atol=1e-5)


@pytest.mark.parametrize("kind", few(KINDS, 0))
def test_padding_fillers_and_later_targets_change_nothing(kind, once, pair):
    model = once(build, kind)
    before = logits(model, pair)
    wide = {
        side: {
            "ids": tf.pad(pair[side]["ids"], [[0, 1], [0, 3]], constant_values=7),
            "valid": tf.pad(pair[side]["valid"], [[0, 1], [0, 3]]),
        }
        for side in pair
    }
    found = logits(model, wide)
    np.testing.assert_allclose(found[:2, :5], before, atol=1e-5)
    assert np.isfinite(found).all()
    ids = pair["target"]["ids"].numpy().copy()
    ids[:, 3] = 17
    later = logits(model, {**pair, "target": {**pair["target"], "ids": tf.constant(ids)}})
    np.testing.assert_array_equal(later[:, :3], before[:, :3])
    assert np.abs(later[0, 3] - before[0, 3]).max() > 1e-3


@pytest.mark.parametrize("search", [GreedySearch(max_length=6), BeamSearch(max_length=6)])
def test_searches_find_what_plain_searches_over_the_reference_find(search, once, pair):
    """One batch of two rows of different lengths; the reference decodes each alone."""
    model = once(build, "base")

    class Specials:
        size, pad_id, unknown_id, start_id, end_id, mask_id = 20, 0, 1, 2, 3, 4
        special_ids = tuple(range(len(SPECIALS)))

    with tf.device("cpu"):
        found = search(model, pair["source"], tf.constant([6, 6]), Specials)
    for row in range(2):
        source = bare(pair["source"], row)

        def predict(prefixes, source=source):
            rows = [rnn_reference.logits(model, source, [2, *prefix])[-1] for prefix in prefixes]
            rows = np.array(rows)
            rows[:, [0, 1, 2, 4]] = -np.inf
            return rows - np.log(np.exp(rows).sum(1, keepdims=True))

        if isinstance(search, GreedySearch):
            plain = numpy_greedy_search(predict, end_id=3, limit=6)
        else:
            plain = numpy_beam_search(predict, end_id=3, limit=6, beam=4, length_penalty=0.6)
        assert plain.margin > 1e-4
        length = found.lengths[row, 0]
        assert tuple(found.ids[row, 0, :length].numpy()) == plain.ids
        np.testing.assert_allclose(found.scores[row, 0], plain.score, atol=1e-4)


def test_dropout_is_between_layers_and_on_attentional_vectors(pair):
    model = build(dropout=0.5)
    with dropout_key((1, 2)):
        states = model(pair, training=True)
    plain = model(pair)
    for name in ("encoder.embedding", "encoder.layer_1", "decoder.embedding"):
        np.testing.assert_array_equal(states[name], plain[name])
    zeros = np.mean(states["hidden"].numpy() == 0)
    assert 0.2 < zeros < 0.8
    assert np.mean(states["encoder.hidden"].numpy() == 0) == 0
    assert np.abs(states["encoder.hidden"] - plain["encoder.hidden"]).max() > 1e-3


def test_mixed_precision_comes_near_and_holds_cells_in_float32(pair, scrambled):
    plain = scrambled(build())
    mixed = build(dtype="mixed_bfloat16")
    mixed.set_weights(plain.get_weights())
    assert {weight.dtype for weight in mixed.weights} == {"float32"}
    np.testing.assert_allclose(logits(mixed, pair), logits(plain, pair), atol=0.1)
    state = mixed.start(pair["source"])
    assert {one.dtype for one in state["fed"]["cells"]} == {tf.float32}
    assert {one.dtype for one in state["fed"]["hidden"]} == {tf.bfloat16}
    step, _ = mixed.step(pair["target"]["ids"][:, 0], state, 0)
    np.testing.assert_allclose(step, logits(plain, pair)[:, 0], atol=0.1)


@pytest.mark.long
def test_xla_equals_the_graph(once, pair):
    model = once(build, "base")
    values = [variable.value for variable in model.trainable_variables]

    def gradients(record):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(model.head.logits(model(record)["hidden"])))
        return [tf.convert_to_tensor(one) for one in tape.gradient(loss, values)]

    plain, compiled = (
        tf.function(gradients, jit_compile=jit, autograph=False) for jit in (False, True)
    )
    for one, other in zip(plain(pair), compiled(pair), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4 * max(1, np.abs(one).max()))


def test_weights_and_states_have_their_names(pair):
    model = build()
    assert list(model.parts) == ["embedding", "encoder", "decoder", "head"]
    assert {
        "encoder/layer_2/backward/recurrent_kernel", "decoder/layer_1/kernel",
        "decoder/keys/kernel", "decoder/combine/kernel",
    } <= set(variables_by_path(model))  # fmt: skip
    states = model(pair)
    encoder = [f"encoder.{name}" for name in ("embedding", "layer_1", "layer_2", "hidden")]
    assert list(states) == [*encoder, "decoder.embedding", "decoder.hidden", "hidden"]
    assert list(model({"source": pair["source"]})) == encoder
    bias = model.encoder.blocks[0].directions[0].bias.value.numpy()
    np.testing.assert_array_equal(bias, np.repeat([0, 1, 0, 0], 4))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_pieces_are_all_weights_with_as_many_rows(kind):
    """20 and 30 pieces, and no other size of these models is one of them."""
    model = build(kind)
    expected = {n for n, v in variables_by_path(model).items() if v.shape[0] in (20, 30)}
    assert set(rows_of_pieces(model)) == expected


def test_a_seed_gives_the_same_weights_and_no_two_alike():
    one, again, other = build(), build(), build(seed=2)
    for left, right in zip(one.weights, again.weights, strict=True):
        np.testing.assert_array_equal(left, right)
    kernels = {v.path: v.value.numpy() for v in one.weights if "kernel" in v.path}
    for left, right in zip(one.weights, other.weights, strict=True):
        assert left.path not in kernels or np.abs(left.value - right.value).max() > 0
    assert len({value.tobytes() for value in kernels.values()}) == len(kernels)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_keras_file_brings_the_model_back(kind, tmp_path, pair, scrambled):
    model = scrambled(build(kind))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config()
    np.testing.assert_array_equal(logits(again, pair), logits(model, pair))


def test_a_spec_builds_it():
    class Pieces:
        def __init__(self, size):
            self.size = size

    options = RnnOptions(
        tokenizer={"source": "one", "target": "two"}, layers=1, width=6, dropout=0.1
    )
    model = build_model(options, {"one": Pieces(30), "two": Pieces(20)}, policy="mixed_bfloat16")
    config = model.get_config()
    assert (config["vocabulary_size"], config["source_vocabulary_size"]) == (20, 30)
    assert (config["share_embeddings"], config["dropout"]) == ("target", 0.1)
    assert model.compute_dtype == "bfloat16"


@pytest.mark.long
def test_compile_and_fit_learn_to_copy():
    keras.utils.set_random_seed(1)
    model = Rnn(12, layers=1, width=32, dropout=0.0)
    words = np.random.default_rng(1).integers(3, 12, size=(96, 4)).astype("int32")
    record = {
        "source": {"ids": words, "valid": np.ones_like(words, bool)},
        "target": {"ids": np.concatenate([np.full((96, 1), 2, "int32"), words[:, :-1]], 1)},
    }
    model.compile(
        keras.optimizers.Adam(0.02),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["sparse_categorical_accuracy"],
    )
    history = model.fit(record, words, batch_size=32, epochs=25, verbose=0).history
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    assert model.evaluate(record, words, verbose=0)[1] > 0.9


def test_options_that_contradict_are_refused():
    with pytest.raises(ValueError, match="vocabularies of 30 and 20"):
        build("two_vocabularies", share_embeddings="all")
    with pytest.raises(ValueError, match="an even one of two directions"):
        build(width=7)
    with pytest.raises(ValueError, match="width is 7; expected an even one"):
        RnnOptions(tokenizer="one", layers=1, width=7)
    with pytest.raises(ValueError, match="its decoder is causal"):
        build().prepare({"ids": tf.constant([[5]])})
