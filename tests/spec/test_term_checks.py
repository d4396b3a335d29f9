"""Terms, online teachers and groups of gradients: each pair that does not fit is one fault."""

import pytest

from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors

SPEC = """\
tfkd: 1
name: fits
data: {train: {parallel: [a.en, a.de]}, text: {text: a.txt}}
tokenizers:
  one: {learn_from: train, size: 300}
  other: {learn_from: text}
  german: {learn_from: train.target, size: 300}
  pieces: {kind: sentencepiece, learn_from: train.target, size: 300}
teacher:
  bert: {kind: bert, layers: 2, width: 8, heads: 2, max_length: 256, tokenizer: one}
  shallow: {kind: bert, layers: 1, width: 16, heads: 2, max_length: 256, tokenizer: one}
  own: {kind: bert, layers: 2, width: 8, heads: 2, tokenizer: one, head: {tokenizer: german}}
  pair:
    {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: one}
student:
  pair:
    kind: transformer
    encoder_layers: 1
    decoder_layers: 1
    width: 8
    heads: 2
    tokenizer: {source: one, target: german}
  bert: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: one}
views:
  mlm: {kind: mlm}
  spans: {kind: spans}
  cmlm: {kind: conditional_mlm}
  long: {kind: mlm, max_length: 300}
  plain_too: {kind: none}
  prefix: {kind: prefix_lm}
stages:
  taught: {train: teacher.bert, data: text, steps: 1, objective: {masked_lm: {view: mlm}}}
  owned: {train: teacher.own, data: train, steps: 1, objective: {masked_lm: {view: cmlm}}}
  pairs: {train: teacher.pair, data: train, steps: 1, objective: {cross_entropy: {}}}
  loaded: {load: bert-folder, into: teacher.bert}
  headless: {load: spanbert-folder, into: teacher.bert, head: none}
  targets: {score: owned, data: train}
  learn:
    train: student.pair
    data: train
    steps: 1
    objective:
      words: {kind: cross_entropy}
      mask: {kind: soft_targets, view: mlm, teacher: taught, weight: 0.5}
    gradients: {gated: {main: [words], auxiliary: [mask], modules: layer}}
  shallow: {train: teacher.shallow, data: text, steps: 1, objective: {masked_lm: {view: mlm}}}
  smaller:
    train: student.bert
    data: text
    steps: 1
    objective: {soft: {kind: soft_targets, at: all, teacher: taught}}
evaluate: [{of: learn, on: train, metrics: bleu}]
export: [learn]
"""
MASK = "stages.learn.objective.mask="
GATES = "stages.learn.gradients="


def load(folder, *overrides):
    path = folder / "spec.yaml"
    path.write_text(SPEC, "utf-8")
    return load_spec(path, overrides=overrides)


@pytest.mark.parametrize(
    "change",
    [
        "name=other",
        MASK
        + "{kind: soft_targets, view: spans, at: all, teacher: loaded, top_k: 8, rest: bucket}",
        MASK + "{kind: soft_targets, at: all, teacher: taught}",
        MASK + "{kind: soft_targets, at: all, teacher: taught, divergence: reverse_kl}",
        MASK + "{kind: soft_targets, teacher: targets, divergence: reverse_kl, rest: bucket}",
        MASK + "{kind: soft_targets, teacher: targets, divergence: jensen_shannon, beta: 0.1}",
        MASK + "{kind: hidden_states, teacher: taught}",
        MASK + "{kind: hidden_states, teacher: loaded, view: spans, at: selected, layers: every}",
        MASK + "{kind: hidden_states, teacher: taught, layers: {layer_1: layer_2, hidden: mix}}",
        MASK + "{kind: masked_lm, view: mlm}",
        MASK + "{kind: hidden_states, teacher: headless}",
        "stages.taught.from={embedding: headless, encoder: headless}",
        MASK + "{kind: soft_targets, teacher: targets}",
        GATES + "{kind: gated, main: words, auxiliary: mask, modules: encoder}",
        GATES + "null",
        "stages.learn.objective.mask.weight=0",
        "stages.learn.objective.words.weight=0",
        "stages.smaller.objective={soft: {kind: soft_targets, view: mlm, teacher: taught}}",
        "stages.smaller.objective={states: {kind: hidden_states, view: spans, teacher: taught}}",
        "evaluate=[{of: taught, on: text, metrics: teacher_check}]",
        "evaluate=[{of: loaded, on: [text], metrics: [teacher_check]}]",
        "evaluate=[{of: learn, on: train, metrics: bleu, tokenize: zh}]",
    ],
)
def test_what_fits_is_valid(tmp_path, change):
    load(tmp_path, change)


RNN = "student.pair={kind: rnn, layers: 2, width: 8, tokenizer: {source: one, target: german}}"


@pytest.mark.parametrize(
    ("term", "part"),
    [
        ("{kind: soft_targets, view: mlm, teacher: taught, weight: 0.5}", None),
        ("{kind: hidden_states, teacher: taught, layers: {layer_2: layer_1}}", None),
        ("{kind: hidden_states, teacher: taught, layers: {layer_3: layer_1}}", "layer_3"),
        ("{kind: masked_lm, view: cmlm}", "cmlm (conditional_mlm) is for a bert"),
        ("{kind: soft_targets, view: mlm, teacher: pairs}", "an encoder alone, and pairs is a tr"),
    ],
)
def test_an_rnn_has_an_encoder_that_terms_read(tmp_path, term, part):
    if part is None:
        load(tmp_path, RNN, MASK + term)
        return
    with pytest.raises(SpecErrors) as raised:
        load(tmp_path, RNN, MASK + term)
    assert part in str(raised.value)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (
            MASK + "{kind: soft_targets, view: mlm, teacher: headless}",
            "headless has no head, and predicts nothing",
        ),
        ("stages.targets.score=headless", "headless has no head, and predicts nothing"),
        ("stages.taught.from=headless", "expected {embedding: headless, encoder: headless}"),
        (
            "evaluate=[{of: headless, on: text, metrics: teacher_check}]",
            "headless has no head, and predicts nothing",
        ),
        (MASK + "{kind: soft_targets, teacher: taught}", "mask.at: selected, and the plain view"),
        (
            MASK + "{kind: hidden_states, teacher: taught, at: selected}",
            "at: all, or a view of kind",
        ),
        (MASK + "{kind: hidden_states, teacher: targets}", "targets is a score stage; expected a"),
        (MASK + "{kind: hidden_states, teacher: pairs}", "mask.teacher: pairs is a transformer"),
        (
            MASK + "{kind: soft_targets, view: mlm, teacher: owned}",
            "owned predicts the pieces of german, not of what it reads",
        ),
        (
            MASK + "{kind: soft_targets, view: mlm, teacher: targets}",
            "mlm hides words of the source, and targets scored the target",
        ),
        (
            MASK + "{kind: soft_targets, teacher: targets, at: all}",
            "mask.at: all, and targets is a score stage, whose targets are stored",
        ),
        (
            MASK + "{kind: soft_targets, teacher: targets, top_k: 3}",
            "mask.top_k: 3, and targets is",
        ),
        (
            MASK + "{kind: soft_targets, teacher: targets, divergence: reverse_kl}",
            "mask.divergence: reverse_kl, and of targets the top K is stored",
        ),
        (
            MASK + "{kind: soft_targets, view: mlm, teacher: taught, divergence: reverse_kl, "
            "top_k: 4}",
            "mask.divergence: reverse_kl, and of taught the top K is asked",
        ),
        (
            MASK + "{kind: soft_targets, teacher: targets, divergence: total_variation, beta: 0.2}",
            "mask.beta: 0.2, and total_variation has none",
        ),
        (
            MASK + "{kind: soft_targets, view: mlm, teacher: taught, rest: bucket}",
            "mask.rest: bucket, of a whole distribution",
        ),
        (
            MASK + "{kind: soft_targets, view: cmlm, teacher: taught}",
            "for its encoder, a view of kind",
        ),
        (
            MASK + "{kind: soft_targets, view: mlm, teacher: taught, divide_by: target_tokens}",
            "mask.divide_by: target_tokens, and mlm is a view of the source alone",
        ),
        (
            "student.pair.tokenizer={source: other, target: pieces}",
            "taught reads the pieces of one, this student those of other",
        ),
        (
            "stages.smaller.objective={soft: {kind: soft_targets, view: mlm, teacher: pairs}}",
            "soft.teacher: pairs is a transformer; expected a stage of a bert",
        ),
        (
            GATES + "{gated: {main: [words], auxiliary: [maks]}}",
            "no term maks; expected one of words",
        ),
        (GATES + "{gated: {main: [words], auxiliary: [words, mask]}}", "words stands here twice"),
        (
            "stages.learn.objective.more={kind: masked_lm, view: mlm}",
            "stages.learn.gradients.gated: more in neither list",
        ),
        (GATES + "{gates: {main: [words], auxiliary: [mask]}}", "'gates' is no combiner"),
        (GATES + "{gated: {main: [words], auxiliary: [mask], modules: layers}}", "found 'layers'"),
        (GATES + "{gated: {main: [], auxiliary: [mask]}}", "gated.main: 0 entries"),
        (GATES + "{gated: words}", "found 'words'"),
        ("evaluate=[{of: pairs, on: train, metrics: teacher_check}]", "nothing stands beside it"),
        (
            "evaluate=[{of: taught, on: text, metrics: teacher_check, against: learn}]",
            "taught is compared with itself without context",
        ),
        (
            MASK + "{kind: hidden_states, teacher: taught, divide_by: selected}",
            "mask.divide_by: selected, and the plain view selects no word of the source",
        ),
        (
            MASK + "{kind: soft_targets, view: plain_too, teacher: taught}",
            "mask.at: selected, and the plain view selects no word of the source",
        ),
        (
            MASK + "{kind: soft_targets, view: mlm, teacher: pairs}",
            "mlm is read by an encoder alone, and pairs is a transformer",
        ),
        (
            "stages.smaller.objective={s: {kind: soft_targets, view: prefix, at: all, teacher: "
            "taught}}",
            "prefix (prefix_lm) predicts the next word of the target alone",
        ),
        (
            "stages.smaller.objective={s: {kind: soft_targets, view: long, teacher: taught}}",
            "taught has positions for 256 tokens, and long makes 300",
        ),
        (
            "student.bert.head={tokenizer: other}",
            "taught predicts the pieces that it reads, this student those of other",
        ),
        (
            MASK + "{kind: soft_targets, view: mlm, teacher: taught, top_k: 301}",
            "mask.top_k: 301 of the 300 pieces of one",
        ),
        (
            MASK + "{kind: hidden_states, teacher: taught, layers: {layer_1: layer_3}}",
            "mask.layers: Expected states of the teacher: embedding, layer_1, layer_2, hidden, mix",
        ),
        (
            MASK + "{kind: hidden_states, teacher: shallow, layers: second_to_last}",
            "mask.layers: Expected a teacher of two layers or more",
        ),
        (
            MASK + "{kind: hidden_states, teacher: shallow, projection: none}",
            "mask.projection: none, between widths 8 and 16; expected linear",
        ),
        (
            "teacher.own.head.tokenizer=pieces",
            "pieces is of kind sentencepiece, one of kind wordpiece",
        ),
        (
            "evaluate=[{of: smaller, on: text, metrics: teacher_check}]",
            "the first term of smaller hides no words",
        ),
        (
            GATES + "{gated: {main: [typo], auxiliary: [mask]}}",
            "there is no term typo",
        ),
        ("stages.learn.objective=5", "stages.learn.objective: found 5"),
        ("stages.learn.objective=[words]", "stages.learn.objective: found"),
        ("views.spans.replace=[80, 10, 20]", "replace must add up to 100"),
        ("tokenizers.pieces.vocabulary=de.model", "exactly one of learn_from, vocabulary"),
        ("evaluate=[{of: learn, on: train, metrics: bleu, tokenize: cn}]", "found 'cn'"),
    ],
)
def test_what_does_not_fit_is_one_fault(tmp_path, change, part):
    with pytest.raises(SpecErrors) as raised:
        load(tmp_path, change)
    lines = str(raised.value).splitlines()
    assert [line for line in lines if part in line], lines


def test_a_term_of_weight_0_leaves_the_groups_too(tmp_path):
    spec = load(tmp_path, "stages.learn.objective.mask.weight=0")
    assert spec.stages["learn"].gradients is None
    assert list(spec.stages["learn"].objective) == ["words"]


def test_both_forms_of_a_combiner_are_the_same(tmp_path):
    short = load(tmp_path).stages["learn"].gradients
    long = "{kind: gated, main: [words], auxiliary: [mask]}"
    assert load(tmp_path, GATES + long).stages["learn"].gradients == short
