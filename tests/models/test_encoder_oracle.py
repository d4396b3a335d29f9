"""Published encoders against transformers, where it is installed (the extra `oracle`)."""

import numpy as np
import pytest
import tensorflow as tf

from tfkd.models import load_published
from tfkd.models.published.architectures import open_published
from tfkd.models.published.loading import load_model

pytestmark = pytest.mark.oracle
SMALL = {
    "vocab_size": 61,
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 40,
    "max_position_embeddings": 30,
    "layer_norm_eps": 1e-5,
    "num_labels": 3,
    "pad_token_id": 0,
}
DISTILLED = {"dim": 24, "n_layers": 3, "n_heads": 4, "hidden_dim": 40}
# By model_type: the names of its classes, what is its own, and a head that only some have.
FAMILIES = {
    "bert": ("Bert", {"type_vocab_size": 2, "hidden_act": "gelu_new"}),
    "roberta": ("Roberta", {"type_vocab_size": 1, "pad_token_id": 1}),
    "xlm-roberta": ("XLMRoberta", {"type_vocab_size": 1, "pad_token_id": 1}),
    "distilbert": ("DistilBert", {**DISTILLED, "activation": "gelu"}),
    "electra": ("Electra", {"embedding_size": 16, "type_vocab_size": 2}),
    "electra of one width": ("Electra", {"embedding_size": 24, "type_vocab_size": 2}),
    "albert": ("Albert", {"embedding_size": 16, "type_vocab_size": 2, "num_hidden_groups": 2,
                          "num_hidden_layers": 4}),
}  # fmt: skip
HEADS = {"MaskedLM": "masked_lm", "SequenceClassification": "classifier",
         "TokenClassification": "classifier"}  # fmt: skip


@pytest.fixture
def oracle():
    pytest.importorskip("torch")
    return pytest.importorskip("transformers")


def written(oracle, family, head, folder):
    """A random model, every weight of it off zero, as transformers writes it."""
    import torch

    torch.manual_seed(len(family) + len(head))
    name, more = FAMILIES[family]
    config = getattr(oracle, f"{name}Config")(**{**SMALL, **more})
    model = getattr(oracle, f"{name}{'For' if head else 'Model'}{head}")(config).eval()
    with torch.no_grad():
        for value in model.parameters():
            value.add_(0.1 * torch.randn_like(value))
    model.save_pretrained(folder)
    return model, config


def batch(config, types):
    """Four rows of unequal lengths, padded, two of them pairs."""
    generator = np.random.default_rng(7)
    lengths = np.array([9, 21, 5, 14])
    valid = np.arange(21) < lengths[:, None]
    pad = config.pad_token_id
    ids = np.where(valid, generator.integers(4, config.vocab_size, valid.shape), pad)
    second = (np.arange(21) >= np.array([4, 99, 99, 6])[:, None]) & valid
    return ids, second.astype(np.int32) * (types > 1), valid


def theirs(model, ids, types, valid):
    import torch

    given = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(valid.astype(int))}
    if types.any():
        given["token_type_ids"] = torch.tensor(types)
    with torch.no_grad():
        outputs = model(**given)
    return (outputs.logits if hasattr(outputs, "logits") else outputs[0]).numpy()


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_are_those_of_transformers(oracle, family, head, tmp_path):
    reference, config = written(oracle, family, head, tmp_path)
    published = open_published(tmp_path)
    assert published.heads() == (HEADS[head],)
    ids, types, valid = batch(config, published.options()["types"])
    # Ours is told of a second segment even where theirs has none.
    second = types if types.any() else (np.arange(21) > 6).astype(np.int32) * valid
    model = load_published(tmp_path, heads=published.heads())
    sequence = {
        "ids": tf.constant(ids, tf.int32),
        "types": tf.constant(second, tf.int32),
        "valid": tf.constant(valid),
    }
    hidden = model(sequence)["hidden"]
    expected = theirs(reference, ids, types, valid)
    if head == "SequenceClassification":
        found = model.heads["classifier"].logits(hidden[:, 0]).numpy()
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert published.labels() == ["LABEL_0", "LABEL_1", "LABEL_2"]
    else:
        found = model.heads[HEADS[head]].logits(hidden).numpy()
        np.testing.assert_allclose(found[valid], expected[valid], atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_bare_encoders_are_read_and_have_no_head(oracle, family, tmp_path):
    reference, config = written(oracle, family, "", tmp_path)
    published = open_published(tmp_path)
    assert published.heads() == ()
    ids, types, valid = batch(config, published.options()["types"])
    model = load_published(tmp_path, heads=())
    sequence = {"ids": tf.constant(ids, tf.int32), "valid": tf.constant(valid)}
    if types.any():
        sequence["types"] = tf.constant(types, tf.int32)
    found = model(sequence)["hidden"].numpy()
    expected = theirs(reference, ids, types, valid)
    np.testing.assert_allclose(found[valid], expected[valid], atol=1e-4)


@pytest.mark.parametrize("activation", ["swish", "gelu"])
def test_a_marian_predicts_as_in_transformers(oracle, activation, tmp_path):
    import torch

    torch.manual_seed(3)
    config = oracle.MarianConfig(
        vocab_size=61, d_model=24, encoder_layers=3, decoder_layers=2, encoder_attention_heads=4,
        decoder_attention_heads=4, encoder_ffn_dim=40, decoder_ffn_dim=40, scale_embedding=True,
        max_position_embeddings=30, activation_function=activation, pad_token_id=60,
        eos_token_id=0, decoder_start_token_id=60,
    )  # fmt: skip
    reference = oracle.MarianMTModel(config).eval()
    with torch.no_grad():
        for name, value in reference.named_parameters():
            if "embed_positions" not in name:
                value.add_(0.1 * torch.randn_like(value))
        reference.final_logits_bias.add_(torch.randn(1, 61))
    reference.save_pretrained(tmp_path)
    ids, _, valid = batch(config, 1)
    target = np.roll(ids[:, :12], 1, axis=1)
    target[:, 0] = config.decoder_start_token_id
    with torch.no_grad():
        expected = reference(
            input_ids=torch.tensor(ids),
            attention_mask=torch.tensor(valid.astype(int)),
            decoder_input_ids=torch.tensor(target),
        ).logits.numpy()
    model = load_model(open_published(tmp_path), ())
    record = {
        "source": {"ids": tf.constant(ids, tf.int32), "valid": tf.constant(valid)},
        "target": {"ids": tf.constant(target, tf.int32)},
    }
    found = model.head.logits(model(record)["hidden"]).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("type", ["bfloat16", "float16"])
def test_half_precision_is_read_as_it_is_stored(oracle, type, tmp_path):
    import torch

    reference, config = written(oracle, "roberta", "MaskedLM", tmp_path)
    reference.to(getattr(torch, type)).save_pretrained(tmp_path)
    ids, types, valid = batch(config, 1)
    expected = theirs(reference.float(), ids, types, valid)
    model = load_published(tmp_path)
    sequence = {"ids": tf.constant(ids, tf.int32), "valid": tf.constant(valid)}
    found = model.head.logits(model(sequence)["hidden"]).numpy()
    np.testing.assert_allclose(found[valid], expected[valid], atol=1e-4)
