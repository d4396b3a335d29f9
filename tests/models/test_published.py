import json

import keras_hub
import numpy as np
import pytest
import tensorflow as tf
from safetensors import numpy as safetensors_numpy

from tfkd.data.tokenizers import build_tokenizer
from tfkd.data.tokenizers.wordpiece import SPECIALS, WordPiece
from tfkd.models import (
    Bert,
    Transformer,
    from_backbone,
    load_published,
    load_published_gpt2,
    save_published,
    to_backbone,
    variables_by_path,
)
from tfkd.models.published.architectures import open_published
from tfkd.models.published.saving import to_published
from tfkd.spec.errors import UserError
from tfkd.spec.options import WordPieceOptions

TINY = {"layers": 2, "width": 12, "heads": 3, "feed_forward": 20, "max_length": 9}


def values(model):
    return {path: variable.value.numpy() for path, variable in variables_by_path(model).items()}


def assert_equal(left, right):
    assert set(left) == set(right)
    for path in left:
        np.testing.assert_array_equal(left[path], right[path], err_msg=path)


@pytest.fixture(scope="module")
def model(scrambled):
    return scrambled(Bert(19, **TINY, pooler=True, norm_epsilon=1e-6, activation="gelu_tanh"))


def rewrite(folder, change):
    tensors = safetensors_numpy.load_file(folder / "model.safetensors")
    safetensors_numpy.save_file(change(tensors), folder / "model.safetensors")


def test_a_published_folder_brings_the_model_back(tmp_path, model):
    save_published(model, tmp_path / "folder")
    again = load_published(tmp_path / "folder", pooler=True)
    assert_equal(values(again), values(model))
    for option in ("norm_epsilon", "activation", "types", "dropout"):
        assert again.get_config()[option] == model.get_config()[option]
    bare = load_published(tmp_path / "folder", masked_lm=False)
    assert list(bare.parts) == ["embedding", "encoder"]


@pytest.mark.parametrize(("activation", "of_texts"), [("tanh", True), ("none", False)])
def test_a_published_classifier_brings_its_head_back(tmp_path, scrambled, activation, of_texts):
    head = {"classes": 3, "activation": activation}
    model = scrambled(Bert(19, **TINY, output_heads={"classifier": head}))
    pieces = WordPiece([*SPECIALS, *"abcdefghijklmé"], lower_case=True, strip_accents=False)
    folder, names = tmp_path / "it", ["c", "a", "b"]
    save_published(model, folder, labels=names, tokenizer=pieces)
    published = open_published(folder)
    assert (published.labels(), published.of_texts()) == (names, of_texts)
    assert_equal(values(load_published(folder, heads=["classifier"])), values(model))
    again = build_tokenizer(WordPieceOptions(preset="it"), (), tmp_path)
    assert again.fingerprint() == pieces.fingerprint()
    save_published(model, folder)
    assert open_published(folder).labels() == ["LABEL_0", "LABEL_1", "LABEL_2"]


def test_older_spellings_are_read(tmp_path, model):
    """Gamma and beta (checkpoints from TensorFlow 1), no prefix (bare encoders), parts."""
    save_published(model, tmp_path)

    def old(tensors):
        spelled = {}
        for name, value in tensors.items():
            name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
            spelled[name.replace("LayerNorm.bias", "LayerNorm.beta").removeprefix("bert.")] = value
        return {**spelled, "embeddings.position_ids": np.arange(9)[None]}

    rewrite(tmp_path, old)
    assert_equal(values(load_published(tmp_path, pooler=True)), values(model))
    tensors = sorted(safetensors_numpy.load_file(tmp_path / "model.safetensors").items())
    (tmp_path / "model.safetensors").unlink()
    for number, part in enumerate((tensors[:10], tensors[10:]), start=1):
        safetensors_numpy.save_file(
            dict(part), tmp_path / f"model-0000{number}-of-00002.safetensors"
        )
    assert_equal(values(load_published(tmp_path, pooler=True)), values(model))


def test_an_untied_head_is_published_untied(tmp_path, scrambled):
    model = scrambled(Bert(19, **TINY, output_heads={"masked_lm": {"tied": False}}))
    save_published(model, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["tie_word_embeddings"] is False
    assert_equal(values(load_published(tmp_path)), values(model))


def test_a_checkpoint_without_head_or_pooler_says_so(tmp_path, scrambled):
    save_published(scrambled(Bert(19, **TINY, output_heads={})), tmp_path)
    assert "embeddings.LayerNorm.weight" in safetensors_numpy.load_file(
        tmp_path / "model.safetensors"
    )
    load_published(tmp_path, masked_lm=False)
    with pytest.raises(UserError, match="no word-prediction head"):
        load_published(tmp_path)
    with pytest.raises(UserError, match=r"bert\.pooler\.dense\.weight is not there"):
        load_published(tmp_path, masked_lm=False, pooler=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_type": "gpt2"}, "a GPT-2.*which is read into|becomes a model of kind gpt2"),
        ({"position_embedding_type": "relative_key"}, "only 'absolute' is known"),
        ({"is_decoder": True}, "only False is known"),
        ({"hidden_act": "swish"}, "known are gelu"),
        ({"hidden_size": "12"}, "hidden_size must be whole numbers"),
        ({"intermediate_size": 21}, r"does not fit encoder/layer_1/feed_forward/inner"),
    ],
)
def test_configurations_that_do_not_fit_are_refused(tmp_path, model, change, words):
    save_published(model, tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(UserError, match=words):
        load_published(tmp_path)


def test_pickles_and_empty_folders_are_refused(tmp_path, model):
    with pytest.raises(UserError, match=r"no config\.json"):
        load_published(tmp_path)
    save_published(model, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"no model\.safetensors"):
        load_published(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(UserError, match=r"pickled \(pytorch_model\.bin\)"):
        load_published(tmp_path)
    for damaged in ("{", "[" * 100_000, '{"hidden_size": 8, "hidden_size": 9}', '{"a": NaN}'):
        (tmp_path / "config.json").write_text(damaged)
        for load in (load_published, load_published_gpt2):
            with pytest.raises(UserError, match=r"config\.json: not JSON"):
                load(tmp_path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"positions": "segment"}, "positions='segment'"),
        ({"output_heads": {"masked_lm": {"vocabulary_size": 7, "tied": False}}}, "one vocabulary"),
        ({"output_heads": {"masked_lm": {}, "classifier": {"classes": 2}}}, "has one head"),
        (
            {"output_heads": {"classifier": {"classes": 2, "activation": "relu"}}},
            "Received: .*relu",
        ),
    ],
)
def test_what_a_published_folder_cannot_say_is_refused(tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        save_published(Bert(19, **TINY, **options), tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("positions", "segment"),
        ("norm_epsilon", 1e-6),
        ("activation", "relu"),
        ("attention_dropout", 0.3),
    ],
)
def test_what_a_backbone_has_no_argument_for_is_refused(option, value):
    with pytest.raises(ValueError, match=rf"no other {option} than .* Received: {option}="):
        to_backbone(Bert(19, **TINY, **{option: value}))


def test_gelu_by_tanh_is_the_backbones_own(scrambled):
    model = scrambled(Bert(19, **TINY, activation="gelu_tanh", attention_dropout=0.1))
    ids = tf.constant([[2, 7, 11, 3]])
    inputs = {"token_ids": ids, "segment_ids": ids * 0, "padding_mask": ids * 0 + 1}
    outputs = to_backbone(model)(inputs)["sequence_output"]
    np.testing.assert_allclose(outputs, model({"ids": ids})["hidden"], atol=2e-5)


def test_other_models_have_no_published_place():
    other = Transformer(9, encoder_layers=1, decoder_layers=1, width=4, heads=2)
    with pytest.raises(ValueError, match="no place in a BERT's checkpoint"):
        to_published(other)


def test_weights_go_to_a_bert_backbone_and_back(scrambled):
    model = scrambled(Bert(19, **TINY, pooler=True))
    ids = tf.constant([[2, 7, 11, 3, 18, 3], [2, 9, 3, 0, 0, 0]])
    valid = ids != 0
    types = tf.constant([[0, 0, 0, 0, 1, 1], [0] * 6])
    states = model({"ids": ids, "types": types, "valid": valid})
    inputs = {"token_ids": ids, "segment_ids": types, "padding_mask": tf.cast(valid, tf.int32)}
    backbone = to_backbone(model)
    assert isinstance(backbone, keras_hub.models.BertBackbone)
    outputs = backbone(inputs)
    seen = valid.numpy()
    np.testing.assert_allclose(
        outputs["sequence_output"].numpy()[seen], states["hidden"].numpy()[seen], atol=2e-5
    )
    np.testing.assert_allclose(outputs["pooled_output"], states["pooled"], atol=2e-5)
    by_tanh = to_backbone(model, exact_gelu=False)(inputs)["sequence_output"]
    assert np.abs(by_tanh.numpy() - states["hidden"].numpy())[seen].max() > 1e-4
    again = values(from_backbone(backbone, output_heads={}))
    assert_equal(again, {p: v for p, v in values(model).items() if not p.startswith("head/")})
