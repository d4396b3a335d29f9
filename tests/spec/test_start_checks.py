"""What a training stage starts from and trains: the weights must be there."""

import itertools

import pytest
from rings import few

from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors
from tfkd.spec.options import BertOptions, RnnOptions, TransformerOptions

SPEC = """\
tfkd: 1
name: start
data: {train: {parallel: [a.de, a.en]}}
tokenizers: {one: {learn_from: train}, two: {learn_from: train, size: 99}}
teacher:
  same: {kind: bert, layers: 2, width: 8, heads: 2, tokenizer: one}
  deep: {kind: bert, layers: 4, width: 8, heads: 4, feed_forward: 32, tokenizer: one, dropout: 0.3}
  wide: {kind: bert, layers: 2, width: 16, heads: 2, feed_forward: 32, tokenizer: one}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: one}
views: {cmlm: {kind: conditional_mlm}}
stages:
  tuned: {train: teacher.same, data: train, steps: 1, objective: {masked_lm: {view: cmlm}}}
  plain: {train: student, data: train, steps: 1, objective: {cross_entropy: {}}}
  deep: {train: teacher.deep, data: train, steps: 1, objective: {masked_lm: {view: cmlm}}}
  wide: {train: teacher.wide, data: train, steps: 1, objective: {masked_lm: {view: cmlm}}}
  bert: {load: bert, into: teacher.deep}
  here: {train: teacher.same, data: train, steps: 1, objective: {masked_lm: {view: cmlm}}}
  there: {train: student, data: train, steps: 1, objective: {cross_entropy: {}}}
variants:
  grown: {stages.tuned.train: teacher.deep}
  thick: {teacher.same.layers: 3}
export: [there]
"""  # noqa: E501


def load(folder, *overrides):
    path = folder / "spec.yaml"
    path.write_text(SPEC, "utf-8")
    return load_spec(path, overrides=overrides)


@pytest.mark.parametrize(
    "change",
    [
        "stages.here.from=tuned",
        "stages.here.from={all: tuned}",
        "stages.here.from={embedding: wide, encoder/layer_1: deep}",
        "stages.here.from={encoder: plain}",
        "stages.there.from=plain",
        "stages.there.from={encoder: plain#grown, decoder: plain}",
        "stages.here.from={embedding: deep, encoder: deep, head: deep}",
        "stages.there.from={encoder: deep}",
        "stages.deep.from=bert",
        "stages.deep.from=tuned#grown",
        "stages.here.trainable=all",
        "stages.here.trainable=[embedding, encoder/layer_2, head]",
        "stages.there.trainable=[encoder, decoder, embedding, head]",
    ],
)
def test_weights_that_are_there_are_valid(tmp_path, change):
    load(tmp_path, change)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            "stages.there.from=tuned",
            "stages.there.from: tuned has a bert, this stage trains a transformer; "
            "expected a stage of a transformer, or parts and their stages",
        ),
        ("stages.there.from={all: tuned}", "tuned has a bert, this stage trains a transformer"),
        ("stages.here.from=plain", "plain has a transformer, this stage trains a bert"),
        (
            "stages.here.from=deep",
            "stages.here.from: deep has a bert with layers: 4; this stage trains one with "
            "layers: 2; expected a model of the same sizes",
        ),
        ("stages.here.from=wide", "a bert with width: 16; this stage trains one with width: 8"),
        ("stages.here.from=bert", "bert has a bert with layers: 4"),
        ("stages.here.from=tuned#grown", "tuned#grown has a bert with layers: 4"),
        ("stages.here.from=tuned#thick", "tuned#thick has a bert with layers: 3"),
        (
            "stages.here.from={nosuch: tuned}",
            "stages.here.from.nosuch: this model is a bert without a part 'nosuch'; expected one "
            "of embedding, encoder, head",
        ),
        ("stages.here.from={encodr/layer_1: tuned}", "did you mean encoder?"),
        (
            "stages.there.from={decoder: tuned}",
            "stages.there.from.decoder: tuned has a bert without a part decoder; expected one of",
        ),
        (
            "stages.here.trainable=[encoder, nosuch]",
            "stages.here.trainable.1: teacher.same is a bert without a part 'nosuch'; expected one "
            "of embedding, encoder, head",
        ),
        ("stages.here.trainable=[adapters]", "adapters, and teacher.same has none"),
        ("stages.there.trainable=[source_embedding]", "a transformer without a part 'source_emb"),
    ],
)
def test_weights_that_are_not_there_are_one_fault(tmp_path, change, line):
    with pytest.raises(SpecErrors) as caught:
        load(tmp_path, change)
    (error,) = caught.value.errors
    assert line in str(error)


class _Pieces:
    """A tokenizer as a model's builder reads it."""

    size = 24
    vocabulary = tuple("abcdefghijklmnopqrstuvwx")
    unknown_id = 0
    special_ids = (0, 1)


SIZES = {"width": 8, "heads": 2}
BERTS = [
    BertOptions(tokenizer="one", layers=1, head=head, **SIZES)
    for head in (None, {"tokenizer": "two"}, {"tied": True}, {"start": "random"})
]
TRANSFORMERS = [
    TransformerOptions(
        tokenizer=tokenizer, encoder_layers=1, decoder_layers=1, positions=positions,
        share_embeddings=share, output_bias=bias, **SIZES,
    )
    for tokenizer, positions, share, bias in itertools.product(
        ("one", {"source": "one", "target": "two"}), ("sinusoidal", "learned"),
        (None, "all", "target", "none"), (True, False),
    )
]  # fmt: skip

RNNS = [
    RnnOptions(
        tokenizer=tokenizer, layers=1, width=8, share_embeddings=share, output_bias=bias,
        bidirectional=bidirectional,
    )
    for tokenizer, share, bias, bidirectional in (
        ("one", None, True, True), ("one", "none", False, False),
        ({"source": "one", "target": "two"}, "target", False, True),
    )
]  # fmt: skip


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "options", few([*BERTS, *TRANSFORMERS, *RNNS], 0, 5, 10, 15, 20, 25, 30), ids=repr
)
def test_the_table_has_the_parts_of_the_real_models(options):
    from tfkd.models import build_model

    model = build_model(options, {"one": _Pieces(), "two": _Pieces()})
    assert set(options.part_names) == set(model.parts)


@pytest.mark.long
@pytest.mark.tensorflow
def test_sizes_tell_the_weights_of_models_apart():
    """Models of equal sizes have weights of equal names and shapes; of others, of others."""
    from tfkd.models import build_model
    from tfkd.models.weights import variables_by_path

    def shapes(options):
        model = build_model(options, {"one": _Pieces(), "two": _Pieces()})
        return {path: tuple(one.shape) for path, one in variables_by_path(model).items()}

    learned = next(one for one in TRANSFORMERS if one.positions == "learned")
    changes = [
        {"layers": 2}, {"types": 3}, {"encoder_layers": 2}, {"decoder_layers": 2}, {"width": 16},
        {"feed_forward": 16}, {"feed_forward": 32}, {"max_length": 64}, {"heads": 4},
        {"dropout": 0.3}, {"activation": "gelu_tanh"}, {"bidirectional": False},
        {"output_bias": False}, {"share_embeddings": "none"},
    ]  # fmt: skip
    for options in (BERTS[0], learned, RNNS[0]):
        own = shapes(options)
        for change in (one for one in changes if set(one) <= set(type(options).model_fields)):
            other = options.model_copy(update=change)
            same = options.weight_sizes() == other.weight_sizes()
            assert same == (shapes(other) == own), (options, change)
    # Where positions are counted without a table, its length is nobody's.
    plain = [TRANSFORMERS[0].model_copy(update={"max_length": length}) for length in (64, 512)]
    assert plain[0].weight_sizes() == plain[1].weight_sizes()
