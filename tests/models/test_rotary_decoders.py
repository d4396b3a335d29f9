import json

import numpy as np
import pytest
import rotary_reference as reference
import tensorflow as tf
import yaml
from rings import few

from tfkd.data.tokenizers.byte_bpe import learn_byte_bpe, write_published
from tfkd.layers.rotary import rotary_rates
from tfkd.models import Llama, load_published, save_published_llama
from tfkd.models.published.architectures import open_published
from tfkd.models.published.description import described
from tfkd.models.published.loading import load_model
from tfkd.objectives.prediction import top_k_log_probabilities
from tfkd.spec.errors import UserError
from tfkd.spec.options import LlamaOptions


def loaded(folder, **more):
    return load_model(open_published(folder), ("causal_lm",), **more)


@pytest.mark.parametrize("family", few(reference.FAMILIES, 0, -1, -2))
def test_a_published_decoder_computes_what_its_paper_says(family, tmp_path):
    config, tensors = reference.write_folder(tmp_path, family)
    ids = np.random.default_rng(3).integers(0, 23, 11)
    expected = reference.logits(config, tensors, ids)
    model = loaded(tmp_path)
    padded = tf.constant([[*ids, 0, 0], [*ids[:7], *[1] * 6]], tf.int32)
    valid = tf.sequence_mask([11, 7], 13)
    hidden = model({"ids": padded, "valid": valid})["hidden"]
    found = model.head.logits(hidden).numpy()
    np.testing.assert_allclose(found[0, :11], expected, atol=2e-4)
    np.testing.assert_allclose(found[1, :7], expected[:7], atol=2e-4)
    # What is scored and taught by parts of the head has its cap, too.
    gold = np.exp(expected - np.log(np.exp(expected).sum(-1, keepdims=True)))
    asked = tf.constant(ids, tf.int32)
    head = model.head
    best = top_k_log_probabilities(
        hidden[0, :11], head.matrix(), head.bias(), 3, asked, cap=head.cap
    )
    np.testing.assert_allclose(np.exp(best.gold_log_probability), gold[range(11), ids], atol=2e-4)
    # A prompt is read, and goes on token by token, as the whole text at once.
    state = model.start({"ids": padded[:, :5], "valid": tf.sequence_mask([5, 3], 5)})
    for step in range(4):
        logits, state = model.step(tf.gather(padded[0], [4 + step, 2 + step]), state, step)
        np.testing.assert_allclose(logits[0], expected[4 + step], atol=2e-4)
        np.testing.assert_allclose(logits[1], expected[2 + step], atol=2e-4)


def test_rows_behind_the_tokenizers_pieces_are_padding_and_have_no_mass(tmp_path):
    tokenizer = learn_byte_bpe(["the quick brown fox", "the lazy dog"] * 3, 259)
    config, tensors = reference.write_folder(tmp_path, "qwen2", vocab_size=264)
    ids = np.random.default_rng(3).integers(0, 259, 7)
    expected = reference.logits(config, tensors, ids)
    assert loaded(tmp_path).vocabulary_size == 264
    write_published(tokenizer, tmp_path)
    model = loaded(tmp_path)
    assert model.vocabulary_size == 259
    found = model.logits(tf.constant(ids[None], tf.int32)).numpy()[0]
    np.testing.assert_allclose(found, expected[:, :259], atol=2e-4)
    assert "264 rows, its tokenizer 259 pieces" in described(tmp_path)


def test_inspect_prints_what_a_spec_has_to_say(tmp_path):
    reference.write_folder(
        tmp_path, "gemma3_text", rope_scaling={"rope_type": "linear", "factor": 8.0}
    )
    said = described(tmp_path)
    line = next(line for line in said.splitlines() if line.startswith("teacher: "))
    options = yaml.safe_load(line)["teacher"]
    options["norm_epsilon"] = float(options["norm_epsilon"])  # 1e-5 is text to that reader
    published = open_published(tmp_path).options()
    model = LlamaOptions.model_validate(options)
    assert {**model.compared(), "vocabulary_size": 23} == {**model.compared(), **published}
    assert "Teaches the next word" in said


def test_scaled_angles_are_those_of_the_papers():
    plain, _ = rotary_rates(8, 100.0)
    np.testing.assert_allclose(plain, 100.0 ** -np.array([0, 0.25, 0.5, 0.75]), rtol=1e-6)
    said = {"kind": "llama3", "factor": 4.0, "low_factor": 1.0, "high_factor": 4.0,
            "original_length": 64}  # fmt: skip
    found, factor = rotary_rates(8, 100.0, said)
    waves = 2 * np.pi / plain.astype(np.float64)
    assert factor == 1.0
    assert waves[0] < 16 < waves[1] < 64 < waves[3]
    assert found[0] == plain[0]
    np.testing.assert_allclose(found[3], plain[3] / 4, rtol=1e-6)
    smooth = (64 / waves[1] - 1) / 3
    np.testing.assert_allclose(found[1], plain[1] * (smooth + (1 - smooth) / 4), rtol=1e-6)
    said = {"kind": "yarn", "factor": 4.0, "original_length": 64, "fast": 8.0, "slow": 1.0}
    found, factor = rotary_rates(8, 100.0, said)
    assert factor == pytest.approx(0.1 * np.log(4) + 1)
    assert found[0] == plain[0]
    np.testing.assert_allclose(found[3], plain[3] / 4, rtol=1e-6)


@pytest.mark.parametrize("normed", few([False, True], 1))
def test_a_saved_decoder_is_read_again(normed, tmp_path, scrambled):
    scaling = {"kind": "linear", "factor": 2.0}
    model = scrambled(
        Llama(19, layers=2, width=12, heads=2, key_value_heads=1, feed_forward=10, seed=3,
              head_width=4, attention_bias="all", query_key_norm=normed, rotary_theta=50.0,
              rotary_scaling=scaling, tie_embeddings=normed)
    )  # fmt: skip
    save_published_llama(model, tmp_path)
    ids = tf.constant([[3, 5, 7, 11]])
    np.testing.assert_array_equal(loaded(tmp_path).logits(ids), model.logits(ids))
    again = Llama.from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.logits(ids), model.logits(ids))
    with pytest.raises(ValueError, match="norms='around'"):
        save_published_llama(Llama(19, layers=1, width=8, heads=2, norms="around"), tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_low_precision_is_one_copy_in_that_precision(tmp_path):
    config, tensors = reference.write_folder(tmp_path, "llama")
    model = loaded(tmp_path, dtype="bfloat16")
    kinds = {str(value.dtype) for value in model.weights if "norm" not in value.path}
    assert kinds == {"bfloat16"}
    ids = np.arange(9)
    found = model.logits(tf.constant(ids[None], tf.int32)).numpy()[0]
    np.testing.assert_allclose(found, reference.logits(config, tensors, ids), atol=0.15)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "rope_scaling is of type 'dynamic'"),
        ({"rope_parameters": {"rope_type": "longrope"}, "rope_scaling": None},
         "rope_parameters is of type 'longrope'"),
        ({"rope_scaling": {"type": "linear", "factor": 0}}, "rope_scaling.factor is 0"),
        ({"quantization_config": {"bits": 4}}, "quantization_config is {'bits': 4}"),
        ({"num_local_experts": 8}, "num_local_experts is 8"),
        ({"attention_bias": "yes"}, "attention_bias is 'yes'"),
        ({"attention_bias": False}, "q_proj.bias is of no part of it"),
        ({"num_key_value_heads": 3}, "num_key_value_heads (3) does not divide 4"),
        ({"hidden_act": "relu2"}, "hidden_act is 'relu2'"),
        ({"intermediate_size": 21}, "expected (12, 21)"),
        ({"model_type": "mixtral"}, "model_type is 'mixtral'"),
        ({"tie_word_embeddings": True}, "lm_head.weight is not embed_tokens.weight"),
        ({"head_dim": 6}, "q_proj.bias is (16,), which does not fit"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused_by_key_and_value(change, words, tmp_path):
    config, _ = reference.write_folder(tmp_path, "llama")
    (tmp_path / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(UserError) as error:
        loaded(tmp_path)
    assert words.replace("(", "").replace(")", "") in str(error.value).replace("(", "").replace(
        ")", ""
    )


def test_a_head_that_is_not_there_is_not_made_up(tmp_path):
    config, _ = reference.write_folder(tmp_path, "smollm3")
    (tmp_path / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": False}))
    with pytest.raises(UserError, match=r"there is no lm_head\.weight"):
        loaded(tmp_path)
    with pytest.raises(UserError, match="which becomes a model of kind llama, not bert"):
        load_published(tmp_path)
