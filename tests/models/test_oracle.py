"""BERT against transformers, where it is installed (the extra `oracle`)."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tfkd.models import Bert, load_published, save_published

pytestmark = pytest.mark.oracle


@pytest.fixture
def oracle():
    pytest.importorskip("torch")
    return pytest.importorskip("transformers")


def inputs(generator, config):
    lengths = generator.integers(3, config.max_position_embeddings + 1, size=4)
    valid = np.arange(lengths.max()) < lengths[:, None]
    ids = generator.integers(0, config.vocab_size, size=valid.shape)
    types = generator.integers(0, config.type_vocab_size, size=valid.shape)
    return ids, types, valid


@pytest.mark.parametrize("seed", range(6))
def test_random_models_give_the_logits_of_transformers(oracle, seed, tmp_path):
    import torch

    generator = np.random.default_rng(seed)
    torch.manual_seed(seed)
    heads = int(generator.integers(1, 5))
    config = oracle.BertConfig(
        vocab_size=int(generator.integers(10, 200)),
        hidden_size=heads * int(generator.integers(4, 20)),
        num_hidden_layers=int(generator.integers(1, 4)),
        num_attention_heads=heads,
        intermediate_size=int(generator.integers(5, 90)),
        max_position_embeddings=int(generator.integers(5, 40)),
        type_vocab_size=int(generator.integers(1, 4)),
        hidden_act=("gelu", "gelu_new", "relu")[seed % 3],
        layer_norm_eps=(1e-12, 1e-5)[seed % 2],
        tie_word_embeddings=seed < 3,
    )
    theirs = oracle.BertForMaskedLM(config).eval()
    with torch.no_grad():
        for value in theirs.parameters():
            value.add_(0.1 * torch.randn_like(value))
    theirs.save_pretrained(tmp_path)
    ids, types, valid = inputs(generator, config)
    with torch.no_grad():
        expected = theirs(
            input_ids=torch.tensor(ids),
            token_type_ids=torch.tensor(types),
            attention_mask=torch.tensor(valid.astype(int)),
        ).logits.numpy()
    model = load_published(tmp_path)
    sequence = {
        "ids": tf.constant(ids, tf.int32),
        "types": tf.constant(types, tf.int32),
        "valid": tf.constant(valid),
    }
    logits = model.head.logits(model(sequence)["hidden"]).numpy()
    np.testing.assert_allclose(logits[valid], expected[valid], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("tied", [True, False])
def test_transformers_loads_what_we_publish(oracle, tied, tmp_path, scrambled):
    import torch

    model = scrambled(
        Bert(23, layers=2, width=12, heads=3, output_heads={"masked_lm": {"tied": tied}})
    )
    save_published(model, tmp_path)
    theirs, report = oracle.BertForMaskedLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["mismatched_keys"]
    with torch.no_grad():
        expected = theirs.eval()(input_ids=torch.tensor([[2, 7, 9, 3]])).logits.numpy()
    logits = model.head.logits(model({"ids": tf.constant([[2, 7, 9, 3]])})["hidden"])
    np.testing.assert_allclose(logits, expected, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("head", ["SequenceClassification", "TokenClassification"])
def test_transformers_loads_the_classifiers_that_we_publish(oracle, head, tmp_path, scrambled):
    import torch

    activation = {"activation": "none"} if head == "TokenClassification" else {}
    heads = {"classifier": {"classes": 3, **activation}}
    model = scrambled(Bert(23, layers=2, width=12, heads=3, output_heads=heads))
    save_published(model, tmp_path, labels=["b", "a", "c"])
    kind = getattr(oracle, f"BertFor{head}")
    theirs, report = kind.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["mismatched_keys"]
    assert theirs.config.id2label == {0: "b", 1: "a", 2: "c"}
    with torch.no_grad():
        expected = theirs.eval()(input_ids=torch.tensor([[2, 7, 9, 3]])).logits.numpy()
    hidden = model({"ids": tf.constant([[2, 7, 9, 3]])})["hidden"]
    states = hidden if activation else hidden[:, 0]
    logits = model.heads["classifier"].logits(states)
    np.testing.assert_allclose(logits, expected, atol=1e-4, rtol=1e-5)


def test_the_committed_logits_are_those_of_transformers(oracle, reference):
    committed = json.loads(reference.FILE.read_text())
    for name, tied in (("tied", True), ("untied", False)):
        np.testing.assert_allclose(committed[name], reference.transformers_logits(tied), atol=2e-6)
