"""Stages whose students write a share of their batches: a translator and a language model."""

import json

import numpy as np
import pytest
from test_several_teachers import nodes

from tfkd import UserError, cli, load_spec
from tfkd.pipeline.engine.builder import GraphBuilder
from tfkd.pipeline.engine.context import Context
from tfkd.training import read_history

SPEC = """\
tfkd: 1
name: own
data:
  train: {generated: everyday, rows: 60, seed: 2}
  valid: {generated: everyday, rows: 10, seed: 4}
  texts: {generated: classes, fields: [text, label], rows: 60, seed: 3}
tokenizers:
  joint: {kind: wordpiece, size: 200, learn_from: train}
  bytes: {kind: byte_bpe, size: 300, learn_from: texts.text}
teacher:
  pairs: {kind: rnn, layers: 1, width: 16, tokenizer: joint}
  text: {kind: gpt2, layers: 1, width: 16, heads: 2, max_length: 32, tokenizer: bytes}
student:
  pairs: {kind: rnn, layers: 1, width: 8, tokenizer: joint}
  text: {kind: gpt2, layers: 1, width: 8, heads: 2, max_length: 32, tokenizer: bytes}
stages:
  translator: {train: teacher.pairs, data: train, objective: {cross_entropy: {}}, steps: 4}
  writer: {train: teacher.text, data: texts, objective: {causal_lm: {}}, steps: 4}
  learn:
    train: student.pairs
    data: train
    steps: 12
    log_every: 1
    on_policy: {share: 0.5}
    objective:
      cross_entropy: {weight: 0.5}
      soft: {kind: soft_targets, weight: 0.5, teacher: translator, divergence: jensen_shannon}
  goes_on:
    train: student.text
    data: texts
    steps: 12
    log_every: 1
    precision: bfloat16
    on_policy: {share: 0.5, decode: {kind: sample, temperature: 0.8}}
    objective:
      causal_lm: {weight: 0.5}
      soft: {kind: soft_targets, weight: 0.5, teacher: writer, divergence: reverse_kl}
evaluate:
  - {of: learn, on: valid, metrics: [loss], bootstrap: 20}
  - {of: goes_on, on: texts, metrics: [loss], bootstrap: 20}
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "own.yaml"
    path.write_text(SPEC, "utf-8")
    return path


def test_a_share_is_a_key_of_its_own_and_none_is_as_before(path):
    keys = {
        share: nodes(path, f"stages.learn.on_policy={share}")["train learn"].key
        for share in ("null", "{share: 0.5}", "{}", "{share: 0.4}")
    }
    assert keys["{}"] == keys["{share: 0.5}"]
    assert len({*keys.values()}) == 3
    assert "on_policy" not in nodes(path, "stages.learn.on_policy=null")["train learn"].identity
    named = nodes(path, "stages.learn.on_policy={decode: {kind: sample}}")["train learn"]
    assert named.key == keys["{}"]
    other = nodes(path, "stages.learn.on_policy={decode: {kind: sample, seed: 2}}")["train learn"]
    assert other.key not in keys.values()


def test_stored_targets_of_another_spec_are_refused_in_the_graph(path):
    other = path.with_name("other.yaml")
    kept = "stages:\n  kept: {score: translator, data: train}\n"
    other.write_text(SPEC.replace("stages:\n", kept), "utf-8")
    asked = "stages.learn.objective.soft={kind: soft_targets, teacher: 'other.yaml:kept'}"
    spec = load_spec(path, overrides=[asked])
    with pytest.raises(UserError, match=r"learn\.on_policy: no term asks a teacher in the step"):
        GraphBuilder(path.parent, spec).stage(spec, "learn")
    GraphBuilder(path.parent, spec).stage(load_spec(path, overrides=[asked.replace(
        "kept", "translator")]), "learn")  # fmt: skip


@pytest.mark.long
@pytest.mark.tensorflow
def test_students_learn_of_what_they_write(path, capsys):
    runs = path.parent / "runs"
    assert cli.main(["plan", str(path), "--runs-dir", str(runs)]) == cli.DONE
    assert "the student writes the targets of 50% of the batches" in capsys.readouterr().out
    assert cli.main(["run", str(path), "--runs-dir", str(runs)]) == cli.DONE
    results = json.loads((runs / "own" / "results.json").read_text("utf-8"))
    assert len(results["evaluations"]) == 2
    context = Context(data_dir=path.parent, runs_dir=runs)
    for name, gold in (("learn", "cross_entropy"), ("goes_on", "causal_lm")):
        folder = context.folder(nodes(path)[f"train {name}"]).path
        lines = [line for line in read_history(folder / "history.jsonl") if "terms" in line]
        assert len(lines) == 12
        # Of a batch of its own the words say nothing, and the history has no 0 for them.
        soft = np.array([line["terms"]["soft"] for line in lines])
        assert 2 <= sum(gold not in line["terms"] for line in lines) <= 10
        assert all(line["terms"].get(gold, 1) > 0 for line in lines)
        assert np.isfinite(soft).all()
        assert (soft > 0).all()


@pytest.mark.long
@pytest.mark.tensorflow
def test_its_smoke_writes_too(path):
    runs = path.parent / "smoke"
    assert cli.main(["run", str(path), "--smoke", "--runs-dir", str(runs)]) == cli.DONE
