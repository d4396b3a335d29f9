from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tfkd.models import Bert, Transformer, build_model, start_head_from_embeddings
from tfkd.models.builder import start_head
from tfkd.spec import registry
from tfkd.spec.options import BertOptions, TransformerOptions

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def tokenizer(*words):
    vocabulary = [*SPECIAL, *words]
    return SimpleNamespace(
        size=len(vocabulary),
        vocabulary=vocabulary,
        special_ids=tuple(range(5)),
        unknown_id=1,
    )


TOKENIZERS = {"joint": tokenizer("a", "b", "c"), "other": tokenizer("c", "x", "b", "y")}


def bert_options(**options):
    return BertOptions(tokenizer="joint", layers=1, width=8, heads=2, max_length=16, **options)


def transformer_options(**options):
    return TransformerOptions(
        **{
            "tokenizer": "joint",
            "encoder_layers": 2,
            "decoder_layers": 1,
            "width": 8,
            "heads": 2,
            "feed_forward": 10,
            "dropout": 0.3,
            "attention_dropout": 0.0,
            "norm": "pre",
            "positions": "learned",
            "output_bias": False,
            **options,
        }
    )


def test_a_bert_has_the_heads_that_are_needed():
    model = build_model(bert_options(), TOKENIZERS, seed=3)
    assert isinstance(model, Bert)
    assert model.head.tied
    assert model.vocabulary_size == 8
    assert build_model(bert_options(), TOKENIZERS, heads_needed=()).heads == {}
    config = model.get_config()
    assert (config["layers"], config["max_length"], config["seed"]) == (1, 16, 3)


def test_an_output_vocabulary_of_its_own_starts_from_the_embeddings():
    options = bert_options(head={"tokenizer": "other"})
    model = build_model(options, TOKENIZERS)
    table, matrix = model.embedding.tokens.table.value.numpy(), model.head.matrix().numpy()
    unknown = table[1]
    expected = [*[unknown] * 5, table[7], unknown, table[6], unknown]  # c, x, b, y
    np.testing.assert_array_equal(matrix, expected)
    model.head.own_bias.assign(tf.ones([9]))
    model.embedding.tokens.table.assign(table + 1)
    assert start_head(model, options, TOKENIZERS) == 2
    np.testing.assert_array_equal(model.head.matrix(), np.array(expected) + 1)
    np.testing.assert_array_equal(model.head.bias(), np.zeros(9))
    options = bert_options(head={"tokenizer": "other", "start": "random"})
    assert start_head(model, options, TOKENIZERS) is None
    assert np.abs(build_model(options, TOKENIZERS).head.matrix().numpy() - expected).max() > 0


def test_a_head_is_not_started_from_vocabularies_that_do_not_fit():
    model = Bert(4, layers=1, width=8, heads=2, output_heads={"masked_lm": {"tied": False}})
    table = model.embedding.tokens.table
    with pytest.raises(ValueError, match=r"`output_vocabulary`. Expected 4 pieces"):
        start_head_from_embeddings(model.head, table, ["[UNK]", "a", "b", "c"], ["a"])
    with pytest.raises(ValueError, match="`unknown`"):
        start_head_from_embeddings(model.head, table, list("abcd"), list("abcd"))
    tied = Bert(4, layers=1, width=8, heads=2)
    with pytest.raises(ValueError, match="not tied"):
        start_head_from_embeddings(tied.head, table, list("abcd"), list("abcd"))


def test_a_transformer_takes_its_sizes_from_its_tokenizers():
    model = build_model(transformer_options(), TOKENIZERS, policy="mixed_bfloat16")
    assert isinstance(model, Transformer)
    assert model.get_config()["share_embeddings"] == "all"
    assert model.head.bias() is None
    assert model.head.matrix().dtype == tf.bfloat16
    sides = {"source": "joint", "target": "other"}
    model = build_model(transformer_options(tokenizer=sides), TOKENIZERS)
    assert (model.source_vocabulary_size, model.vocabulary_size) == (8, 9)
    assert model.get_config()["share_embeddings"] == "target"
    assert list(model.parts) == [
        "source_embedding",
        "target_embedding",
        "encoder_positions",
        "encoder",
        "decoder_positions",
        "decoder",
    ]


def test_the_seed_alone_decides_the_weights():
    first, again = (build_model(transformer_options(), TOKENIZERS, seed=5) for _ in range(2))
    for left, right in zip(first.weights, again.weights, strict=True):
        np.testing.assert_array_equal(left.value, right.value)


class Foreign(Bert):
    """A plugin's model."""

    @classmethod
    def from_options(cls, options, tokenizers, *, policy, seed, heads_needed):
        return cls(tokenizers["joint"].size, layers=1, width=options.width, heads=1, dtype=policy)


def test_a_plugin_builds_its_own(monkeypatch):
    entry = registry.Entry("model", "foreign", BertOptions, f"{__name__}:Foreign")
    monkeypatch.setitem(registry._entries, ("model", "foreign"), entry)
    monkeypatch.setattr(registry, "load", lambda found: Foreign if found is entry else None)
    model = build_model(SimpleNamespace(kind="foreign", width=6, made_of={}), TOKENIZERS)
    assert isinstance(model, Foreign)
    assert model.width == 6
