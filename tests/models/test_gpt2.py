"""GPT-2: against NumPy, later tokens, decoding from prompts side by side, published files."""

import json

import gpt2_reference
import keras
import numpy as np
import pytest
import tensorflow as tf
from margins import assert_likeliest
from safetensors import numpy as safetensors_numpy

from tfkd.data.tokenizers.byte_bpe import learn_byte_bpe, read_byte_bpe
from tfkd.decoding import BeamSearch, GreedySearch
from tfkd.models import Gpt2, load_published_gpt2, save_published_gpt2, variables_by_path
from tfkd.spec.errors import UserError

TINY = {"layers": 2, "width": 12, "heads": 3, "max_length": 16}
END = 18


class Specials:
    size, pad_id, start_id, end_id, special_ids = 19, END, END, END, (END,)


@pytest.fixture(scope="module")
def model(scrambled):
    return scrambled(Gpt2(19, **TINY))


@pytest.fixture
def published(model, tmp_path):
    """The tensors and the configuration of the model's published folder."""
    save_published_gpt2(model, tmp_path / "published", end_id=END)
    tensors = safetensors_numpy.load_file(tmp_path / "published" / "model.safetensors")
    return tensors, json.loads((tmp_path / "published" / "config.json").read_text())


def logits(model, ids, **more):
    states = model({"ids": tf.constant(ids, tf.int32), **more})
    return model.head.logits(states["hidden"]).numpy()


def test_logits_are_those_of_numpy(model, published):
    ids = np.random.default_rng(2).integers(0, 19, (3, 16))
    found = logits(model, ids)
    for row, expected in zip(ids, found, strict=True):
        np.testing.assert_allclose(
            expected, gpt2_reference.logits(*published, row), atol=2e-4, rtol=2e-5
        )


def test_states_by_name(model):
    states = model({"ids": tf.constant([[1, 2, 3]])})
    assert list(states) == ["embedding", "layer_1", "layer_2", "hidden"]
    assert all(state.shape == (1, 3, 12) for state in states.values())
    assert list(model.parts) == ["embedding", "decoder"]


def test_later_tokens_and_padding_change_nothing_before_them(model):
    ids = np.random.default_rng(3).integers(0, 19, (1, 9))
    other = np.where(np.arange(9) < 5, ids, (ids + 1) % 19)
    np.testing.assert_array_equal(logits(model, ids)[:, :5], logits(model, other)[:, :5])
    valid = tf.constant(np.arange(9)[None] < 5)
    np.testing.assert_allclose(
        logits(model, other, valid=valid)[:, :5], logits(model, ids)[:, :5], atol=1e-5
    )


def test_given_positions_are_read(model):
    ids = [[4, 5, 6]]
    plain = logits(model, ids)
    np.testing.assert_array_equal(plain, logits(model, ids, positions=tf.constant([[0, 1, 2]])))
    assert np.abs(plain - logits(model, ids, positions=tf.constant([[3, 4, 5]]))).max() > 0.01


def test_new_weights_shrink_where_sub_layers_end():
    """Radford et al. 2019, section 2.3: by 1 / sqrt of the number of residual layers."""
    model = Gpt2(50, layers=8, width=64, heads=2, initializer_range=0.1)
    spread = {path: float(np.std(v.value.numpy())) for path, v in variables_by_path(model).items()}
    for path, value in spread.items():
        if path.endswith("kernel"):
            last = path.endswith(("outer/kernel", "output_projection/kernel"))
            np.testing.assert_allclose(value, 0.1 / 4 if last else 0.1, rtol=0.05, err_msg=path)


def prompts():
    ids = np.random.default_rng(5).integers(0, 18, (4, 6))
    lengths = np.array([6, 2, 1, 4])
    valid = np.arange(6) < lengths[:, None]
    return np.where(valid, ids, END).astype(np.int32), valid, lengths


def test_steps_give_the_logits_of_the_whole_text(model):
    ids, valid, lengths = prompts()
    text = np.random.default_rng(6).integers(0, 19, (4, 5)).astype(np.int32)
    state = model.start({"ids": tf.constant(ids), "valid": tf.constant(valid)})
    found = []
    for index in range(6):
        fed = np.full(4, 99) if index == 0 else text[:, index - 1]  # the first is not read
        step, state = model.step(tf.constant(fed), state, index)
        found.append(step.numpy())
    for row in range(4):
        whole = logits(model, [[*ids[row, : lengths[row]], *text[row]]])[0]
        for index in range(6):
            np.testing.assert_allclose(
                found[index][row], whole[lengths[row] - 1 + index], atol=2e-5, rtol=1e-4
            )


@pytest.mark.parametrize(
    "search",
    [BeamSearch(beam=3, n_best=2), pytest.param(GreedySearch(), marks=pytest.mark.long)],
    ids=["beam", "greedy"],
)
def test_prompts_side_by_side_are_continued_as_alone(model, search):
    ids, valid, lengths = prompts()

    # One trace for all shapes.
    shapes = [([None, None], tf.int32), ([None, None], tf.bool), ([None], tf.int32)]

    @tf.function(input_signature=[tf.TensorSpec(*one) for one in shapes], autograph=False)
    def run(ids, valid, limits):
        return search(model, {"ids": ids, "valid": valid}, limits, Specials)

    together = run(tf.constant(ids), tf.constant(valid), tf.fill([4], 7))
    for row in range(4):
        length = lengths[row]
        alone = run(
            tf.constant(ids[row : row + 1, :length]),
            tf.ones([1, length], tf.bool),
            tf.constant([7]),
        )
        for rank in range(search.n_best):
            size = int(alone.lengths[0, rank])
            assert int(together.lengths[row, rank]) == size
            np.testing.assert_array_equal(together.ids[row, rank, :size], alone.ids[0, rank, :size])
        np.testing.assert_allclose(together.scores[row], alone.scores[0], atol=1e-4)


def test_greedy_takes_the_best_token_of_the_whole_text(model):
    ids, valid, lengths = prompts()
    found = GreedySearch()(
        model, {"ids": tf.constant(ids), "valid": tf.constant(valid)}, tf.fill([4], 8), Specials
    )
    for row in range(4):
        size = int(found.lengths[row, 0])
        written = np.array([*found.ids[row, 0, :size].numpy(), END])
        assert END not in written[:-1]
        text = [*ids[row, : lengths[row]], *written[:-1]]
        last = logits(model, [text])[0, lengths[row] - 1 :].astype(np.float64)
        log_p = last - np.log(np.exp(last).sum(-1, keepdims=True))
        chosen = min(size + 1, 8)  # after 8 tokens it has to end
        assert_likeliest(log_p[:chosen], written[:chosen])
        total = log_p[np.arange(size + 1), written].sum()
        np.testing.assert_allclose(found.log_probabilities[row, 0], total, rtol=1e-4)


def test_a_model_comes_back_from_its_config(model):
    again = Gpt2.from_config(model.get_config())
    assert again.get_config() == model.get_config()
    assert keras.saving.get_registered_object("tfkd>Gpt2") is Gpt2


@pytest.mark.parametrize("prefix", ["transformer.", ""])
def test_a_published_folder_brings_the_model_back(model, published, tmp_path, prefix):
    tensors, config = published
    tensors = {name.replace("transformer.", prefix): value for name, value in tensors.items()}
    tensors[prefix + "h.0.attn.bias"] = np.ones((1, 1, 16, 16), np.float32)  # a mask, stored
    tensors["lm_head.weight"] = tensors[prefix + "wte.weight"].copy()
    safetensors_numpy.save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(config))
    again = load_published_gpt2(tmp_path)
    for path, variable in variables_by_path(again).items():
        expected = variables_by_path(model)[path].value.numpy()
        np.testing.assert_array_equal(variable.value.numpy(), expected, err_msg=path)
    ours = {**model.get_config(), "attention_dropout": 0.1, "seed": 1}
    assert again.get_config() == ours


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_type": "bert"}, "a BERT, which becomes a model of kind bert"),
        ({"n_head": "3"}, "n_head must be whole numbers"),
        ({"scale_attn_by_inverse_layer_idx": True}, "only False is known"),
        ({"activation_function": "swish"}, "known are gelu_new"),
        ({"activation_function": ["gelu_new"]}, "known are gelu_new"),
        ({"n_layer": 1}, "h.1.attn.c_attn.bias is of no part of it"),
        ({"n_layer": 3}, "h.2.mlp.c_fc.bias is not there"),
        ({"n_inner": 5}, r"does not fit decoder/layer_1/feed_forward/inner"),
    ],
)
def test_folders_that_do_not_fit_are_refused(model, tmp_path, change, words):
    save_published_gpt2(model, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(UserError, match=words):
        load_published_gpt2(tmp_path)


def test_an_output_matrix_of_its_own_is_refused(model, published, tmp_path):
    tensors, config = published
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"] + 1
    safetensors_numpy.save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"lm_head.weight is not wte.weight"):
        load_published_gpt2(tmp_path)


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(4))
def test_random_models_give_the_logits_of_transformers(seed, tmp_path):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    generator = np.random.default_rng(seed)
    torch.manual_seed(seed)
    heads = int(generator.integers(1, 5))
    config = transformers.GPT2Config(
        vocab_size=int(generator.integers(10, 200)),
        n_embd=heads * int(generator.integers(4, 20)),
        n_layer=int(generator.integers(1, 4)),
        n_head=heads,
        n_inner=(None, 30)[seed % 2],
        n_positions=int(generator.integers(10, 40)),
        activation_function=("gelu_new", "relu")[seed % 2],
        layer_norm_epsilon=(1e-5, 1e-3)[seed % 2],
        bos_token_id=0,
        eos_token_id=0,
    )
    theirs = transformers.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for value in theirs.parameters():
            value.add_(0.1 * torch.randn_like(value))
    theirs.save_pretrained(tmp_path)
    ids = generator.integers(0, config.vocab_size, (3, config.n_positions))
    with torch.no_grad():
        expected = theirs(input_ids=torch.tensor(ids)).logits.numpy()
    np.testing.assert_allclose(
        logits(load_published_gpt2(tmp_path), ids), expected, atol=1e-4, rtol=1e-4
    )


def test_a_published_folder_has_what_other_libraries_read(model, tmp_path):
    lines = ["a dog runs", "two dogs run", "the dog is fast"] * 9
    tokenizer = learn_byte_bpe(lines, 300)
    save_published_gpt2(model, tmp_path / "one", tokenizer=tokenizer)
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {"config.json", "model.safetensors", "vocab.json", "merges.txt"}
    again = read_byte_bpe(tmp_path / "one" / "vocab.json", tmp_path / "one" / "merges.txt")
    assert again.fingerprint() == tokenizer.fingerprint()
    rules = tokenizer.rules._replace(compose=True)
    other = read_byte_bpe(tmp_path / "one" / "vocab.json", tmp_path / "one" / "merges.txt", rules)
    with pytest.raises(ValueError, match="cuts text by GPT-2's rules"):
        save_published_gpt2(model, tmp_path / "two", tokenizer=other)
    assert not (tmp_path / "two").exists()


@pytest.mark.oracle
def test_transformers_loads_what_we_publish(model, tmp_path):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    save_published_gpt2(model, tmp_path, end_id=END)
    theirs, report = transformers.GPT2LMHeadModel.from_pretrained(
        tmp_path, output_loading_info=True
    )
    assert not report["missing_keys"]
    assert not report["mismatched_keys"]
    ids = [[END, 3, 7, 1, 0, 5]]
    with torch.no_grad():
        expected = theirs.eval()(input_ids=torch.tensor(ids)).logits.numpy()
    np.testing.assert_allclose(logits(model, ids), expected, atol=1e-4, rtol=1e-4)
