"""Language models that teach translators, behind a prompt."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from tfkd import cli
from tfkd.data.tokenizers.byte_bpe import learn_byte_bpe, write_published
from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors
from tfkd.targets import SoftTargetStore

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import rotary_reference

PROMPT = "Translate German to English.\\nGerman: {source}\\nEnglish:\\n"
SPEC = f"""\
tfkd: 1
name: it
data:
  train: {{parallel: [train.de, train.en]}}
  text: {{text: train.en}}
tokenizers: {{pieces: {{kind: byte_bpe, preset: checkpoint}}}}
teacher: {{kind: llama, layers: 3, width: 12, heads: 4, key_value_heads: 2, head_width: 4,
  feed_forward: 20, max_length: 128, norm_epsilon: 1e-5, attention_bias: all,
  feed_forward_bias: true, rotary_theta: 500.0, rotary_scaling: {{kind: linear, factor: 2.5}},
  tie_embeddings: false, tokenizer: pieces}}
student:
  {{kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: pieces}}
views: {{mlm: {{kind: mlm}}}}
stages:
  large: {{load: checkpoint, into: teacher}}
  targets: {{score: large, data: train, top_k: 4, prompt: "{PROMPT}"}}
  learn:
    train: student
    data: train
    steps: 2
    objective: {{cross_entropy: {{}}, soft: {{kind: soft_targets, teacher: targets}}}}
evaluate:
  - {{of: learn, on: [train], metrics: [loss]}}
  - {{of: targets, on: [train], metrics: [teacher_check], against: learn}}
"""
GERMAN = ["ein hund", "zwei katzen", "ein hund und zwei katzen"] * 4
ENGLISH = ["a dog", "two cats", "a dog and two cats"] * 4


def written(folder, *changes):
    text = SPEC
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "spec.yaml").write_text(text)
    return folder / "spec.yaml"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('prompt: "' + PROMPT + '"', "prompt: English"), "a text with {source} in it once"),
        (("{source}", "{source} {source}"), "a text with {source} in it once"),
        (("score: large", "score: learn"), "prompt: learn is a transformer, which reads source and "
         "target as is; expected a language model, or no prompt"),
        (("targets: {score: large, data: train", "targets: {score: large, data: text"),
         "text has text; expected a corpus with source and target"),
        ((f', prompt: "{PROMPT}"', ""), "train has source, target; expected a corpus of text; or "
         "prompt: with {source} in it, for pairs"),
        (("targets: {score: large, data: train", "targets: {score: large, data: {of: train, pack: "
          "64}"), "pack: train is scored pair by pair, in a prompt"),
        (("{kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8",
          "{kind: bert, layers: 1, width: 8"), "targets stored each word of targets, read from the "
         "left, and a bert reads both sides of a word"),
        (("preset: checkpoint}", "preset: checkpoint, keep: {seen_in: [train.target]}}"),
         "tokenizer pieces, which large reads by, keeps the pieces of corpora, and a prompt"),
        (("  targets: {score: large", "  tuned: {train: teacher, from: large, data: {of: text, "
          "pack: {length: 16, separator: newline}}, steps: 1, objective: {causal_lm: {}}}\n"
          "  targets: {score: tuned"), "prompt: tuned has learnt from documents between newlines"),
    ],
)  # fmt: skip
def test_a_prompt_that_cannot_be_is_refused_before_anything_runs(tmp_path, change, said):
    with pytest.raises(SpecErrors, match=re.escape(said)):
        load_spec(written(tmp_path, change))


@pytest.mark.tensorflow
@pytest.mark.long
@pytest.mark.parametrize("student", ["translator", "language model"])
def test_a_language_model_teaches_behind_a_prompt(tmp_path, capsys, student):
    (tmp_path / "train.de").write_text("\n".join(GERMAN) + "\n")
    (tmp_path / "train.en").write_text("\n".join(ENGLISH) + "\n")
    tokenizer = learn_byte_bpe([*GERMAN, *ENGLISH], 280)
    checkpoint = tmp_path / "checkpoint"
    config, tensors = rotary_reference.write_folder(
        checkpoint, "llama", vocab_size=tokenizer.size, max_position_embeddings=128
    )
    write_published(tokenizer, checkpoint)
    changes = []
    if student != "translator":
        check = "  - {of: targets, on: [train], metrics: [teacher_check], against: learn}\n"
        changes = [("{kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2,",
                    "{kind: gpt2, layers: 1, width: 8, heads: 2, max_length: 64,"),
                   ("cross_entropy: {}", "causal_lm: {}"),
                   (check, "")]  # fmt: skip
    path = written(tmp_path, *changes)
    words = ["run", str(path), "--data-dir", str(tmp_path), "--runs-dir", str(tmp_path / "runs")]
    assert cli.main(words) == cli.DONE, capsys.readouterr().err
    (folder,) = (tmp_path / "runs" / "stages").glob("score-*/store-0")
    header = json.loads((folder / "manifest.json").read_text())
    corpus, vocabulary = (header["header"][key] for key in ("corpus", "vocabulary"))
    store = SoftTargetStore(folder, corpus=corpus, vocabulary=vocabulary)
    nll = count = 0.0
    for row, (german, english) in enumerate(zip(GERMAN, ENGLISH, strict=True)):
        prompt = f"Translate German to English.\nGerman: {german}\nEnglish:\n"
        before, target = (one.values for one in map(tokenizer.encode, ([prompt], [english])))
        read = np.array([tokenizer.start_id, *before, *target])
        logits = rotary_reference.logits(config, tensors, read)[len(before) :]
        log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        order = np.argsort(-log_p, 1)[:, :4]
        found = store.take([row], 40)
        np.testing.assert_array_equal(found["ids"][0, : len(order)], order)
        gold = [*target, tokenizer.end_id]
        nll -= log_p[np.arange(len(gold)), gold].sum()
        count += len(gold)
    assert store.metrics["loss"] == pytest.approx(nll / count, rel=1e-4)
    results = json.loads((tmp_path / "runs" / "it" / "results.json").read_text("utf-8"))
    if student == "translator":
        (check,) = results["teacher_checks"]
        assert check["metrics"]["loss"] == pytest.approx(nll / count, rel=1e-4)
    history = (tmp_path / "runs" / "it" / "learn" / "history.jsonl").read_text().splitlines()
    assert np.isfinite(json.loads(history[0])["loss"])
