"""Views of one text (MASS) and noise: each pair that does not fit is one fault."""

import pytest

from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors

SPEC = """\
tfkd: 1
name: segments
data:
  train: {parallel: [a.en, a.de]}
  text: {text: a.txt}
  labelled: {tsv: a.tsv, columns: {source: 0, label: 1}}
tokenizers:
  one: {learn_from: [train, text], size: 300}
  german: {learn_from: train.target, size: 300}
teacher:
  big:
    {kind: transformer, encoder_layers: 2, decoder_layers: 2, width: 8, heads: 2, tokenizer: one}
  bert: {kind: bert, layers: 2, width: 8, heads: 2, max_length: 256, tokenizer: one}
student:
  small:
    {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: one}
  two:
    kind: transformer
    encoder_layers: 1
    decoder_layers: 1
    width: 8
    heads: 2
    tokenizer: {source: one, target: german}
  fills:
    kind: transformer
    encoder_layers: 1
    decoder_layers: 1
    width: 8
    heads: 2
    decoder_attention: full
    tokenizer: one
views:
  segment: {kind: mass}
  other: {kind: mass, side: target, share: 0.3}
  mlm: {kind: mlm}
  cmlm: {kind: conditional_mlm}
stages:
  taught: {train: teacher.big, data: text, steps: 1, objective: {cross_entropy: {view: segment}}}
  words: {train: teacher.bert, data: train, steps: 1, objective: {masked_lm: {view: cmlm}}}
  targets: {score: words, data: train}
  learn:
    train: student.small
    data: [text, train]
    steps: 1
    balance: {soft: 0.7}
    objective:
      words: {kind: cross_entropy, view: segment}
      soft: {kind: soft_targets, view: segment, teacher: taught}
    validate: {on: text, metrics: [loss, accuracy]}
  tuned: {train: student.small, from: learn, data: train, steps: 1, objective: {cross_entropy: {}}}
evaluate:
  - {of: learn, on: [text, train], metrics: [loss, accuracy], noise: {sigma: [0.1, 0.2]}}
  - {of: tuned, on: train, metrics: bleu}
export: [tuned]
"""
SOFT, WORDS = "stages.learn.objective.soft=", "stages.learn.objective.words="


def load(folder, *overrides):
    path = folder / "spec.yaml"
    path.write_text(SPEC, "utf-8")
    return load_spec(path, overrides=overrides)


@pytest.mark.parametrize(
    "change",
    [
        "name=other",
        SOFT + "{kind: soft_targets, view: segment, at: all, teacher: taught, top_k: 8}",
        SOFT + "{kind: soft_targets, view: other, teacher: taught}",
        WORDS + "{kind: masked_lm, view: other}",
        WORDS + "{kind: cross_entropy, view: segment, divide_by: target_tokens}",
        "views.segment={kind: mass, share: 1, start: [0, 0, 100], replace: [9, 1, 90], end: false}",
        "stages.learn.balance=null",
        "evaluate.0.noise={sigma: 0.1, draws: 1, metrics: loss}",
        "evaluate.1.noise={sigma: [0, 0.1]}",
    ],
)
def test_what_fits_is_valid(tmp_path, change):
    load(tmp_path, change)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (
            "stages.learn.train=student.two",
            "words.view: segment (mass) predicts words that the source shows, and the sides have "
            "two tokenizers, one and german; expected one tokenizer for both",
        ),
        ("stages.learn.train=student.fills", "this decoder sees both sides of each word"),
        ("stages.learn.train=teacher.bert", "not for a bert"),
        (SOFT + "{kind: soft_targets, view: segment, teacher: targets}", "expected a train stage"),
        (
            SOFT + "{kind: soft_targets, view: segment, teacher: words}",
            "expected a stage of an rnn",
        ),
        (SOFT + "{kind: hidden_states, view: segment, teacher: words}", "which a hidden_states"),
        (WORDS + "{kind: causal_lm, view: segment}", "which a causal_lm term cannot read"),
        (WORDS + "{kind: cross_entropy}", "data.0: an encoder-decoder cannot read text"),
        ("stages.learn.data=labelled", "an encoder-decoder cannot read labelled"),
        ("stages.learn.data=[{of: text, swap: true}]", "text has no source and target to swap"),
        ("stages.learn.validate.metrics=[bleu]", "bleu of a stage that learns to write segments"),
        ("evaluate.0.metrics=[chrf]", "chrf of a stage that learns to write segments (segment)"),
        ("evaluate.1.on=text", "an encoder-decoder cannot read text"),
        (
            "export=[learn]",
            "learn learns to write segments (segment); expected a stage that starts",
        ),
        ("views.segment.start=[20, 20, 20]", "start must add up to 100"),
        ("views.segment.max_length=100", "views.segment.max_length: unknown key"),
        ("evaluate.0.noise={sigma: [-1]}", "evaluate.0.noise.sigma"),
        ("evaluate.0.noise={draws: 3}", "evaluate.0.noise.sigma: missing"),
        ("evaluate.0.noise={sigma: 0.1, metrics: [bleu]}", "bleu, which the evaluation does not"),
        (
            "evaluate=[{of: targets, on: train, metrics: teacher_check, noise: {sigma: 0.1}}]",
            "noise on a teacher check",
        ),
    ],
)
def test_what_does_not_fit_is_a_fault_that_says_what_does(tmp_path, change, part):
    with pytest.raises(SpecErrors) as caught:
        load(tmp_path, change)
    found = [str(error) for error in caught.value.errors]
    assert any(part in line for line in found), found
