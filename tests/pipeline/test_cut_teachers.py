"""Causal teachers whose vocabulary is cut down to what the corpora use."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tfkd import cli
from tfkd.data.tokenizers import load_tokenizer
from tfkd.data.tokenizers.byte_bpe import ByteBpe, learn_byte_bpe, write_published
from tfkd.targets import SoftTargetStore

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import rotary_reference

pytestmark = [pytest.mark.tensorflow, pytest.mark.long]
SPEC = """\
tfkd: 1
name: it
data: {train: {text: train.txt}}
tokenizers: {pieces: {kind: byte_bpe, preset: checkpoint, keep: {seen_in: [train]}}}
teacher: {kind: llama, layers: 3, width: 12, heads: 4, key_value_heads: 2, head_width: 4,
  feed_forward: 20, max_length: 128, norm_epsilon: 1e-5, attention_bias: all,
  feed_forward_bias: true, rotary_theta: 500.0, rotary_scaling: {kind: linear, factor: 2.5},
  tie_embeddings: false, tokenizer: pieces}
student: {kind: gpt2, layers: 1, width: 8, heads: 2, max_length: 64, tokenizer: pieces}
stages:
  large: {load: checkpoint, into: teacher}
  targets: {score: large, data: train, top_k: 5}
  learn:
    train: student
    data: train
    steps: 2
    objective: {causal_lm: {}, soft: {kind: soft_targets, teacher: targets}}
evaluate: [{of: learn, on: [train], metrics: [loss]}]
"""
LINES = ["a dog and two cats", "two dogs", "a cat and a dog"] * 4


def run(folder, text):
    (folder / "spec.yaml").write_text(text)
    (folder / "train.txt").write_text("\n".join(LINES) + "\n")
    words = ["run", str(folder / "spec.yaml"), "--data-dir", str(folder)]
    return cli.main([*words, "--runs-dir", str(folder / "runs")])


def test_a_teacher_of_kept_pieces_says_of_them_what_the_whole_one_does(tmp_path, capsys):
    """Its distribution is the whole one's, with the mass of what is left out taken away."""
    whole = learn_byte_bpe([*LINES, "the other elephants were resting there"] * 2, 330)
    config, tensors = rotary_reference.write_folder(
        tmp_path / "checkpoint", "llama", vocab_size=whole.size + 6, max_position_embeddings=128
    )
    write_published(whole, tmp_path / "checkpoint")
    assert run(tmp_path, SPEC) == cli.DONE, capsys.readouterr().err
    stages = tmp_path / "runs" / "stages"
    (folder,) = stages.glob("tokenizer-*/")
    cut = load_tokenizer(folder)
    assert 257 < cut.size < whole.size
    kept = np.array([whole.vocabulary.index(piece) for piece in cut.vocabulary])
    (folder,) = stages.glob("score-*/store-0")
    header = json.loads((folder / "manifest.json").read_text())["header"]
    assert header["vocabulary"] == cut.fingerprint()
    store = SoftTargetStore(folder, corpus=header["corpus"], vocabulary=header["vocabulary"])
    for row, line in enumerate(LINES[:3]):
        ids = cut.encode([line]).values
        np.testing.assert_array_equal(kept[ids], whole.encode([line]).values)
        read = kept[np.array([cut.start_id, *ids])]
        logits = rotary_reference.logits(config, tensors, read)[:, kept]
        log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        order = np.argsort(-log_p, 1)[:, :5]
        found = store.take([row], 40)
        np.testing.assert_array_equal(found["ids"][0, : len(order)], order)
        np.testing.assert_allclose(
            found["log_probabilities"][0, : len(order)], np.take_along_axis(log_p, order, 1),
            atol=4e-3,
        )  # fmt: skip


def test_pieces_of_another_tokenizer_are_refused(tmp_path, capsys):
    rotary_reference.write_folder(
        tmp_path / "checkpoint", "llama", vocab_size=300, max_position_embeddings=128
    )
    write_published(learn_byte_bpe(["zebra zebras"] * 3, 264), tmp_path / "checkpoint")
    (tmp_path / "other").mkdir()
    write_published(learn_byte_bpe(LINES, 290), tmp_path / "other")
    assert run(tmp_path, SPEC.replace("preset: checkpoint", "preset: other")) == cli.WRONG_INPUT
    said = capsys.readouterr().err
    assert "checkpoint lacks" in said
    assert "cut down from preset: checkpoint" in said


def test_another_order_of_merges_is_refused(tmp_path, capsys):
    """The pieces are the checkpoint's, and words would be cut into others than it has learnt."""
    whole = learn_byte_bpe(LINES, 275)
    rotary_reference.write_folder(
        tmp_path / "checkpoint", "llama", vocab_size=whole.size, max_position_embeddings=128
    )
    write_published(whole, tmp_path / "checkpoint")
    (tmp_path / "other").mkdir()
    merges = [whole.merges[1], whole.merges[0], *whole.merges[2:]]
    write_published(ByteBpe(whole.vocabulary, merges), tmp_path / "other")
    assert run(tmp_path, SPEC.replace("preset: checkpoint", "preset: other")) == cli.WRONG_INPUT
    said = capsys.readouterr().err
    assert "cuts text otherwise than that of checkpoint: of the merges of these pieces" in said
    assert "cut down from preset: checkpoint" in said
