"""`on_policy` of a training stage: who can write, who is asked about it, and how it is written."""

import pytest

from tfkd.reference.schema import json_schema
from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors

SPEC = """\
tfkd: 1
name: own
data:
  train: {generated: everyday, rows: 40, seed: 2}
  texts: {generated: classes, fields: [text, label], rows: 40, seed: 3}
tokenizers:
  joint: {kind: wordpiece, size: 200, learn_from: [train, texts.text]}
  bytes: {kind: byte_bpe, size: 300, learn_from: texts.text}
teacher:
  pairs: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2,
          tokenizer: joint}
  text: {kind: gpt2, layers: 1, width: 8, heads: 2, max_length: 32, tokenizer: bytes}
  bert: {kind: bert, layers: 1, width: 8, heads: 2, max_length: 64, tokenizer: joint}
student:
  pairs: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2,
          tokenizer: joint}
  text: {kind: gpt2, layers: 1, width: 8, heads: 2, max_length: 32, tokenizer: bytes}
  bert: {kind: bert, layers: 1, width: 8, heads: 2, max_length: 64, tokenizer: joint}
views:
  mlm: {kind: mlm, max_length: 64}
  mass: {kind: mass}
  short: {kind: causal_lm, max_length: 8}
stages:
  translator: {train: teacher.pairs, data: train, objective: {cross_entropy: {}}, steps: 4}
  writer: {train: teacher.text, data: texts, objective: {causal_lm: {}}, steps: 4}
  fills: {train: teacher.bert, data: train, objective: {masked_lm: {view: mlm}}, steps: 4}
  targets: {score: translator, data: train}
  own: {targets: {store: folder}, model: student.pairs, data: train}
  kept: {targets: {store: folder}, model: student.text, data: texts}
  learn: {train: student.pairs, data: train, steps: 4, on_policy: {share: 0.5},
          objective: {cross_entropy: {}, soft: {kind: soft_targets, teacher: translator}}}
  goes_on: {train: student.text, data: texts, steps: 4, on_policy: {share: 1, prompt: 0.25},
            objective: {soft: {kind: soft_targets, teacher: writer}}}
evaluate: [{of: learn, on: train, metrics: [loss]}, {of: goes_on, on: texts, metrics: [loss]}]
"""
STORED = "{soft: {kind: soft_targets, teacher: targets}}"
ENCODER = "{soft: {kind: soft_targets, at: all, teacher: fills}, cross_entropy: {}}"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(SPEC, "utf-8")
    return path


def test_a_share_of_the_batches_is_the_students(path):
    stages = load_spec(path).stages
    assert stages["learn"].on_policy.share == 0.5
    assert stages["goes_on"].on_policy.prompt == 0.25
    drawn = "stages.learn.on_policy.decode={kind: sample, temperature: 0.7, max_length: 20}"
    assert load_spec(path, overrides=[drawn]).stages["learn"].on_policy.decode.temperature == 0.7
    load_spec(path, overrides=["stages.goes_on.objective.soft.view=short"])
    beside = "stages.learn.objective.stored={kind: soft_targets, teacher: targets, weight: 0.3}"
    load_spec(path, overrides=[beside])
    own = "stages.goes_on.objective.own={kind: soft_targets, teacher: kept}"
    half = "stages.goes_on.on_policy.share=0.5"
    load_spec(path, overrides=["stages.goes_on.objective.soft.view=short", own, half])
    load_spec(path, overrides=["stages.learn.objective.soft.teacher=[translator, learned]",
                               "stages.learned={train: student.pairs, data: train, steps: 2, "
                               "objective: {cross_entropy: {}}}"])  # fmt: skip


def test_editors_know_how_outputs_are_written():
    decode = json_schema()["$defs"]["OnPolicyOptions"]["properties"]["decode"]
    assert {"$ref": "#/$defs/decode"} in decode["anyOf"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["learn.on_policy={share: 0}"], r"on_policy\.share"),
        (["learn.on_policy={share: 1.5}"], r"on_policy\.share"),
        (["learn.on_policy=0.5"], "on_policy"),
        (["learn.on_policy={every: 2}"], r"on_policy\.every: unknown key"),
        (
            ["learn.on_policy={decode: {kind: greedy}}"],
            r"on_policy\.decode: greedy, which draws nothing; expected {kind: sample}",
        ),
        (
            ["learn.on_policy={prompt: 0.3}"],
            r"on_policy\.prompt: 0\.3, and a transformer writes what follows from a source",
        ),
        (["goes_on.on_policy={prompt: 1}"], r"on_policy\.prompt"),
        (
            [f"learn.objective={STORED}"],
            "targets is a score stage: what it stored is of the corpus's own texts; expected a "
            "soft_targets term whose teacher is a train or load stage",
        ),
        (
            ["learn.objective={soft: {kind: soft_targets, teacher: own}}"],
            "own is a targets stage: what it stored is of the corpus's own texts",
        ),
        (
            ["goes_on.objective={soft: {kind: soft_targets, teacher: kept}}"],
            "kept is a targets stage: what it stored is of",
        ),
        (
            ["learn.objective={live: {kind: soft_targets, teacher: translator}, "
             "mine: {kind: soft_targets, teacher: own}}",
             "learn.gradients={gated: {main: [mine], auxiliary: [live]}}"],
            "of a batch of own outputs speaks live alone, which is auxiliary",
        ),
        (
            ["learn.on_policy.share=1"],
            r"on_policy\.share: 1, and of what the student writes cross_entropy never says "
            "anything; expected a share below 1, or the objective without cross_entropy",
        ),
        (["learn.objective={cross_entropy: {}}"], "no term asks a teacher in the step"),
        ([f"learn.objective={ENCODER}"], "no term asks a teacher in the step about what"),
        (
            ["learn.objective.soft.weight=0"],
            "no term asks a teacher in the step",
        ),
        (
            [
                "learn={train: student.bert, data: train, steps: 2, on_policy: {share: 0.5}, "
                "objective: {soft_targets: {teacher: fills, view: mlm}}}"
            ],
            "student.bert is a bert, which does not write from left to right",
        ),
        (
            [
                "learn.data=texts", "learn.objective={soft: {kind: soft_targets, "
                "teacher: translator, view: mass}}",
            ],
            r"student\.pairs learns to write segments \(mass\)",
        ),
        (
            ["goes_on.objective.more={kind: soft_targets, teacher: writer, view: short}"],
            "soft and more read several views of what the student writes",
        ),
        (
            ["learn.objective={cross_entropy: {}, soft: {kind: soft_targets, teacher: translator}}",
             "learn.gradients={gated: {main: [cross_entropy], auxiliary: [soft]}}"],
            "of a batch of own outputs speaks soft alone, which is auxiliary",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(path, changes, told):
    with pytest.raises(SpecErrors, match=told):
        load_spec(path, overrides=[f"stages.{change}" for change in changes])
