"""Models made of models, adapters, views of two sides and decodings: each misfit is one fault."""

import pytest

from tfkd.pipeline.plan.smoke import smoke_spec
from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors

SPEC = """\
tfkd: 1
name: fits
data: {train: {parallel: [a.de, a.en]}, text: {text: a.txt}}
tokenizers:
  german: {learn_from: train.source}
  english: {learn_from: train.target}
teacher:
  german: {kind: bert, layers: 3, width: 8, heads: 2, tokenizer: german}
  english: {kind: bert, layers: 2, width: 8, heads: 2, tokenizer: english}
  own: {kind: bert, layers: 2, width: 8, heads: 2, tokenizer: english, head: {tokenizer: german}}
  wide: {kind: bert, layers: 3, width: 16, heads: 2, tokenizer: german}
  pair:
    kind: transformer
    encoder_layers: 1
    decoder_layers: 1
    width: 8
    heads: 2
    decoder_attention: full
    lengths: 32
    tokenizer: {source: german, target: english}
student:
  ab: {kind: abnet, encoder: teacher.german, decoder: teacher.english}
  enc:
    kind: abnet
    encoder: teacher.german
    decoder: {tokenizer: english, layers: 2, width: 8, heads: 2}
    decoder_attention: causal
    lengths: null
  fused: {kind: bert_fused, bert: teacher.german, transformer: teacher.pair}
adapters:
  encoder: {kind: bottleneck, width: 4}
views:
  mlm: {kind: mlm}
  fill: {source: {kind: one_span}, target: {kind: uniform_count}}
  cmlm: {kind: conditional_mlm}
stages:
  de: {train: teacher.german, data: text, steps: 1, objective: {masked_lm: {view: mlm}}}
  en: {train: teacher.english, data: text, steps: 1, objective: {masked_lm: {view: mlm}}}
  wide: {train: teacher.wide, data: text, steps: 1, objective: {masked_lm: {view: mlm}}}
  ab:
    train: student.ab
    from: {encoder: de, decoder: en}
    trainable: [adapters, lengths]
    data: train
    steps: 1
    objective: {words: {kind: masked_lm, view: fill}, length: {view: fill}}
  enc:
    train: student.enc
    from: {encoder: de}
    trainable: [adapters, decoder]
    data: train
    steps: 1
    objective: {cross_entropy: {}}
  fused:
    train: student.fused
    from: {bert: de}
    trainable: [transformer]
    data: train
    steps: 1
    objective: {words: {kind: masked_lm, view: fill}, length: {view: fill}}
evaluate:
  - {of: ab, on: train, metrics: bleu, against: enc}
"""


def load(folder, *changes):
    path = folder / "fits.yaml"
    path.write_text(SPEC, "utf-8")
    # bert_fused has no adapters of a spec's own.
    return load_spec(path, overrides=["student.fused=null", "stages.fused=null", *changes])


def test_what_fits_is_valid(tmp_path):
    spec = load(tmp_path)
    model = spec.models["student.ab"]
    assert (model.tokenizer.source, model.tokenizer.target) == ("german", "english")
    assert model.encoder_options.layers == 3
    assert model.adapters["encoder"].numbers(3) == [1, 2, 3]
    assert spec.models["teacher.german"].adapters == {}
    assert spec.views["fill"].target.most == "all"


def test_a_decoder_that_fills_in_has_lengths_and_a_causal_one_none(tmp_path):
    spec = load(tmp_path)
    assert spec.models["student.ab"].lengths == 1024
    assert spec.models["student.enc"].lengths is None
    spec = load(tmp_path, "teacher.pair.lengths=null")
    assert spec.models["teacher.pair"].lengths == 1024


def test_a_fused_bert_fits_without_adapters(tmp_path):
    path = tmp_path / "fits.yaml"
    path.write_text(SPEC, "utf-8")
    spec = load_spec(
        path,
        overrides=["adapters=null", "stages.ab.trainable=[lengths]", "stages.enc.trainable=all"],
    )
    model = spec.models["student.fused"]
    assert (model.lengths, model.decoder_attention) == (32, "full")


@pytest.mark.parametrize(
    "changes",
    [
        # Lengths, and whole models, that an earlier stage has taught.
        ("stages.more={train: student.ab, from: ab, trainable: [adapters], data: train, steps: 1, "
         "objective: {words: {kind: masked_lm, view: fill}}}",),
        ("stages.more={train: student.ab, from: {encoder: de, decoder: en, lengths: ab}, "
         "trainable: [adapters], data: train, steps: 1, objective: {words: {kind: masked_lm, "
         "view: fill}}}",),
        # Parts of a bert, and parts that train.
        ("stages.ab.from={encoder/embedding: de, encoder/encoder/layer_1: de, decoder: en}",
         "stages.ab.trainable=[adapters, lengths, encoder/encoder/layer_2]"),
        ("stages.ab.from={encoder: de}", "stages.ab.trainable=[adapters, lengths, decoder]"),
        ("stages.ab.from=null", "stages.ab.trainable=all"),
    ],
)  # fmt: skip
def test_what_was_taught_before_may_stay(tmp_path, changes):
    load(tmp_path, *changes)


def test_a_resolved_spec_is_the_spec(tmp_path):
    import yaml

    spec = load(tmp_path)
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(spec.resolved()), "utf-8")
    again = load_spec(tmp_path / "again.yaml")
    assert again.resolved() == spec.resolved()
    assert again.models["student.ab"].adapters == spec.models["student.ab"].adapters


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (
            "student.ab.encoder=teacher.greek",
            "student.ab.encoder: there is no model 'teacher.greek'",
        ),
        ("student.ab.encoder=teacher.pair", "student.ab.encoder: teacher.pair is a transformer"),
        ("student.ab.decoder=teacher.own", "teacher.own has a head of its own"),
        ("student.ab.lengths=1", "student.ab.lengths"),
        ("student.enc.decoder.tokenizer=greek", "there is no tokenizer 'greek'"),
        ("adapters.middle={kind: bottleneck, width: 4}", "adapters.middle: unknown key"),
        ("adapters.encoder.kind=bottle", "'bottle' is no adapter"),
        ("adapters.encoder.layers={top: 4}", "the top 4 of 3 layers of student.ab"),
        ("adapters.encoder.layers=[2, 9]", "layer 9 of 3 layers of student.ab"),
        ("adapters.encoder.layers=some", "adapters.encoder.layers"),
        ("adapters.encoder.place=behind", "adapters.encoder.place"),
        (
            "adapters.encoder.place=on_feed_forward_inner",
            "adapters.encoder.place: on_feed_forward_inner, whose output is not as wide as its",
        ),
        (
            "adapters.encoder.place=beside_cross_attention",
            "the blocks of student.ab have no cross-attention",
        ),
        ("adapters.decoder={kind: cross_attention, heads: 3}", "3, and student.ab is 8 wide"),
        (
            "adapters.encoder={kind: cross_attention, heads: 2}",
            "cross_attention on the encoder, which has nothing to attend to",
        ),
        ("stages.ab.trainable=[adapter]", "without a part 'adapter'"),
        ("stages.ab.trainable=[]", "stages.ab.trainable: 0 entries; expected at least 1"),
        ("stages.ab.from={encoder: wide, decoder: en}", "wide has a bert with width: 16"),
        ("stages.ab.from={encoder: en, decoder: en}", "stages.ab.from.encoder"),
        ("stages.ab.from=de", "de has a bert, this stage trains an abnet"),
        (
            "stages.ab.from={encoder: de}",
            "stages.ab: decoder neither starts from a stage nor trains: it would stay at chance",
        ),
        (
            "stages.ab.objective={words: {kind: masked_lm, view: fill}}",
            "student.ab predicts lengths, and no term teaches them",
        ),
        (
            "stages.ab.objective={words: {kind: masked_lm, view: fill}, length: {view: fill, "
            "weight: 0}}",
            "student.ab predicts lengths, and no term teaches them",
        ),
        (
            "stages.ab.from={encoder: de, encoder/embedding: de, decoder: en}",
            "stages.ab.from.encoder/embedding: a part of encoder, which starts from a stage",
        ),
        (
            "stages.ab.from={encoder/encoder/layer_4: de, decoder: en}",
            "this model has no 'encoder/encoder/layer_4'; expected layers 1 to 3",
        ),
        (
            "stages.ab.from={encoder/middle: de, decoder: en}",
            "de has a bert without a part middle",
        ),
        (
            "stages.enc.trainable=[adapters, decoder/decoder/layer_3]",
            "student.enc has no 'decoder/decoder/layer_3'; expected layers 1 to 2",
        ),
        (
            "stages.de.trainable=[encoder/layer_77]",
            "teacher.german has no 'encoder/layer_77'; expected layers 1 to 3",
        ),
        ("stages.ab.objective={words: {kind: masked_lm}}", "expected view: one of kind by_side"),
        (
            "stages.ab.objective={words: {kind: cross_entropy}}",
            "student.ab sees both sides of each word, and the plain view hides none",
        ),
        (
            "stages.ab.objective={words: {kind: masked_lm, view: cmlm}}",
            "cmlm (conditional_mlm) is for a bert; expected a view of kind by_side",
        ),
        (
            "stages.ab.objective={words: {kind: masked_lm, view: mlm}}",
            "mlm (mlm) is of the source alone, and abnet has no terms on its encoder",
        ),
        (
            "stages.enc.objective={words: {kind: masked_lm, view: fill}}",
            "fill (by_side) is for a decoder that sees both sides",
        ),
        ("stages.enc.objective={length: {}}", "student.enc predicts no lengths"),
        (
            "stages.de.objective={masked_lm: {view: mlm}, length: {view: mlm}}",
            "stages.de.objective.length: a bert predicts no lengths",
        ),
        ("stages.de.objective={masked_lm: {view: fill}}", "fill (by_side) has two sides"),
        (
            "stages.ab.objective.soft={kind: soft_targets, teacher: de, view: fill}",
            "stages.ab.objective.soft.teacher: de is a bert, which reads the source",
        ),
        (
            "stages.ab.objective.near={kind: hidden_states, teacher: de, view: fill}",
            "stages.ab.objective.near.teacher: de is a bert, which reads the source",
        ),
        (
            "stages.enc.objective.soft={kind: soft_targets, teacher: ab}",
            "stages.enc.objective.soft.teacher: ab fills in, and this student goes from left",
        ),
        (
            "stages.ab.objective.soft={kind: soft_targets, teacher: enc, view: fill}",
            "stages.ab.objective.soft.teacher: enc goes from left to right, and this student fills",
        ),
        ("views.fill={source: {kind: one_span}}", "fill hides nothing of the target"),
        ("views.fill={target: {kind: prefix_lm}}", "the target of fill is of kind prefix_lm"),
        ("views.fill={target: {kind: uniform}}", "'uniform' is no view"),
        ("views.fill={target: {kind: uniform_count, most: some}}", "views.fill.target.most"),
        (
            "evaluate=[{of: ab, on: train, metrics: bleu, decode: {kind: beam}}]",
            "evaluate.0.decode: beam, and ab fills in; expected mask_predict",
        ),
        (
            "evaluate=[{of: ab, on: train, metrics: bleu, decode: {kind: sample}}]",
            "evaluate.0.decode: sample, and ab fills in; expected mask_predict",
        ),
        (
            "evaluate=[{of: enc, on: train, metrics: bleu, decode: {kind: mask_predict}}]",
            "evaluate.0.decode: mask_predict, and enc goes from left to right",
        ),
        (
            "evaluate=[{of: ab, on: train, metrics: bleu, against: enc, against_decode: "
            "{kind: mask_predict}}]",
            "evaluate.0.against_decode: mask_predict, and enc goes from left to right",
        ),
        (
            "evaluate=[{of: ab, on: train, metrics: bleu, against_decode: {kind: beam}}]",
            "evaluate.0.against_decode: no baseline to decode; expected against:",
        ),
        (
            "evaluate=[{of: ab, on: train, metrics: bleu, against: enc, decode: {kind: "
            "mask_predict}, choose: {decode.length_penalty: [0, 1], by: valid.bleu}}]",
            "evaluate.0.choose: ab fills in and enc goes from left to right: they are decoded by",
        ),
        (
            "stages.ab.validate={on: train, metrics: [bleu], decode: {kind: greedy}}",
            "stages.ab.validate.decode: greedy, and student.ab fills in",
        ),
        (
            "evaluate=[{of: ab, on: train, metrics: bleu, decode: "
            "{kind: mask_predict, n_best: 9}}]",
            "n_best (9) is more than length_candidates (4)",
        ),
    ],
)
def test_what_does_not_fit_is_one_fault(tmp_path, change, part):
    with pytest.raises(SpecErrors) as raised:
        load(tmp_path, change)
    lines = str(raised.value).splitlines()
    assert [line for line in lines if part in line], lines


def test_adapters_of_a_model_that_has_none_are_named(tmp_path):
    path = tmp_path / "fits.yaml"
    path.write_text(SPEC, "utf-8")
    with pytest.raises(SpecErrors, match=r"student\.fused is a bert_fused, without adapters"):
        load_spec(path)


def test_trainable_adapters_need_adapters(tmp_path):
    with pytest.raises(SpecErrors, match=r"adapters, and student\.ab has none"):
        load(tmp_path, "adapters=null")


@pytest.mark.parametrize("layers", ["[1, 3]", "[2]", "{top: 2}", "all"])
def test_smoke_keeps_adapters_inside_its_small_models(tmp_path, layers):
    """A small transformer has one block a side, whatever the layers are called in the large."""
    spec = load(
        tmp_path,
        "student={kind: transformer, encoder_layers: 3, decoder_layers: 3, width: 8, heads: 2, "
        "tokenizer: {source: german, target: english}}",
        f"adapters.encoder.layers={layers}",
        "stages.ab={train: student, trainable: [adapters], data: train, steps: 1, "
        "objective: {cross_entropy: {}}}",
        "stages.enc=null",
        "evaluate=[{of: ab, on: train, metrics: bleu}]",
    )
    small = smoke_spec(spec).models["student"]
    assert small.adapters["encoder"].numbers(small.encoder_layers) == [1]
