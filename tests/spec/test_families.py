"""What the package's families say of themselves, and how messages name them."""

import pytest

from tfkd.spec import families, registry
from tfkd.spec.builtins import register_builtins
from tfkd.spec.options import (
    BertOptions,
    Gpt2Options,
    MlmOptions,
    ModelOptions,
    RnnOptions,
    TransformerOptions,
)

register_builtins()
SIZES = {"tokenizer": "t", "width": 8, "heads": 2}
BERT, GPT2 = BertOptions(layers=1, **SIZES), Gpt2Options(layers=1, **SIZES)
RNN = RnnOptions(tokenizer="t", layers=1, width=8)
PAIR = TransformerOptions(encoder_layers=1, decoder_layers=2, **SIZES)
FILLS = PAIR.model_copy(update={"decoder_attention": "full", "lengths": 20})


@pytest.mark.parametrize("name", registry.names("model"))
def test_every_family_says_what_it_is(name):
    assert issubclass(registry.lookup("model", name).options, ModelOptions)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (BERT, ["single_sequence", "encoder_only"]),
        (GPT2, ["single_sequence", "is_causal", "writes"]),
        (PAIR, ["encoder_decoder", "writes", "encoder_terms"]),
        (RNN, ["encoder_decoder", "writes", "encoder_terms"]),
        (FILLS, ["encoder_decoder", "fills_in", "encoder_terms"]),
    ],
)
def test_what_each_is(model, said):
    names = ("single_sequence", "encoder_decoder", "is_causal", "encoder_only", "fills_in")
    found = [name for name in (*names, "writes", "encoder_terms") if getattr(model, name)]
    assert found == said


def test_terms_read_an_encoder_by_its_hidden_words_or_beside_a_teacher_of_the_source():
    hidden = MlmOptions()
    assert [one.term_module(hidden, None) for one in (PAIR, RNN)] == ["encoder", "encoder"]
    assert PAIR.term_module(None, BERT) == "encoder"
    assert PAIR.term_module(None, PAIR) is PAIR.term_module(None, None) is None
    assert BERT.term_module(hidden, BERT) is None


@pytest.mark.parametrize(
    ("model", "limits"),
    [
        (BERT, {}),
        (PAIR, {}),
        (FILLS, {"target": 19}),
        (PAIR.model_copy(update={"positions": "learned", "max_length": 30}),
         {"source": 28, "target": 28}),
    ],
)  # fmt: skip
def test_the_most_tokens_of_each_side(model, limits):
    assert model.side_limits(4) == limits


def test_messages_name_those_that_fit():
    assert families.one_of(lambda one: one.single_sequence) == "a bert, a gpt2 or a llama"
    assert families.one_of(lambda one: one.made_of) == "an abnet or a bert_fused"
    assert families.kinds(lambda one: one.published) == [
        "bert",
        "gpt2",
        "llama",
        "t5",
        "transformer",
    ]
