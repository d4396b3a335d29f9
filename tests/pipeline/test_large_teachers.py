"""Large causal teachers: planned from config.json alone, of one vocabulary with students."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from tfkd.data.tokenizers.byte_bpe import learn_byte_bpe, write_published
from tfkd.pipeline.plan.planner import plan
from tfkd.pipeline.plan.validate import validate
from tfkd.spec import load_spec

LLAMA_2_7B = {
    "architectures": ["LlamaForCausalLM"], "hidden_act": "silu", "hidden_size": 4096,
    "intermediate_size": 11008, "max_position_embeddings": 4096, "model_type": "llama",
    "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32,
    "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": None,
    "tie_word_embeddings": False, "vocab_size": 32000,
}  # fmt: skip
SPEC = """
tfkd: 1
name: large
description: A large teacher
data: {train: {text: text.txt}}
tokenizers: {pieces: TOKENIZER}
teacher: {kind: llama, layers: 32, width: 4096, heads: 32, feed_forward: 11008, max_length: 4096,
  norm_epsilon: 1e-5, tie_embeddings: false, tokenizer: pieces}
student: {kind: gpt2, layers: 1, width: 16, heads: 2, max_length: 64, tokenizer: pieces}
stages:
  large: {load: teacher, into: teacher, precision: bfloat16}
  targets: {score: large, data: [{of: train, pack: 64}]}
  learn:
    train: student
    data: [{of: train, pack: 64}]
    objective: {words: {kind: causal_lm}, soft: {kind: soft_targets, teacher: targets}}
    steps: 5
    batch: {size: 256, unit: joint_tokens}
export: [learn]
"""
LINES = ["the quick brown fox jumps over the lazy dog"] * 9


@pytest.fixture
def spec(tmp_path):
    """A spec beside a teacher's folder without weights."""

    def written(tokenizer, change=("", ""), **config):
        (tmp_path / "text.txt").write_text("\n".join(LINES))
        (tmp_path / "teacher").mkdir(exist_ok=True)
        (tmp_path / "teacher" / "config.json").write_text(json.dumps(LLAMA_2_7B | config))
        path = tmp_path / "large.yaml"
        path.write_text(SPEC.replace("TOKENIZER", tokenizer).replace(*change))
        return path

    return written


def test_a_teacher_of_seven_billion_is_planned_from_its_config_alone(spec, tmp_path):
    path = spec("{kind: byte_bpe, size: 32000, learn_from: train}")
    said = plan(load_spec(path), data_dir=tmp_path, runs_dir=tmp_path / "runs")
    row = next(line for line in said.splitlines() if line.startswith("load large"))
    # What Llama 2's 7B is published to have; in bfloat16 the scales of 65 norms are float32.
    assert "6,738,415,616" in row
    assert "26,953,662,464 bytes" in said
    assert f"{2 * 6_738_415_616 + 2 * 65 * 4096:,} (12.6 GiB) in bfloat16" in said
    assert "A token takes it 13.2 GFLOP: a million tokens are about 18.4 hours" in said
    assert not list((tmp_path / "teacher").glob("*.safetensors"))


def test_another_width_than_the_config_says_is_refused(spec, tmp_path):
    path = spec("{kind: byte_bpe, size: 32000, learn_from: train}", hidden_size=5120)
    with pytest.raises(ValueError, match="width is 5120 in the checkpoint and 4096 in the spec"):
        plan(load_spec(path), data_dir=tmp_path, runs_dir=tmp_path / "runs")


def test_blocks_that_were_not_scored_are_refused(spec):
    path = spec(
        "{kind: byte_bpe, size: 32000, learn_from: train}",
        ("data: [{of: train, pack: 64}]\n    objective", "data: train\n    objective"),
    )
    errors, _ = validate([path], data_dir=None)
    assert len(errors) == 1, errors
    assert "targets scored train in blocks of 64 with separator: end" in str(errors[0])
    assert "row by row" in str(errors[0])


def test_other_pieces_than_the_teachers_own_are_refused_with_the_first_of_them(spec, tmp_path):
    theirs = learn_byte_bpe(LINES, 270)
    ours = learn_byte_bpe([line[::-1] for line in LINES], 270)
    path = spec("{kind: byte_bpe, preset: ours}", vocab_size=320)
    for name, tokenizer in (("teacher", theirs), ("ours", ours)):
        (tmp_path / name).mkdir(exist_ok=True)
        write_published(tokenizer, tmp_path / name)
    # No weight is read.
    save_file({"lm_head.weight": np.zeros(1)}, tmp_path / "teacher" / "model.safetensors")
    errors, _ = validate([path], data_dir=tmp_path)
    said = "\n".join(map(str, errors))
    place = next(at for at in range(270) if theirs.vocabulary[at] != ours.vocabulary[at])
    assert f"{place} is {ours.vocabulary[place]!r} and {theirs.vocabulary[place]!r}" in said
    assert "preset: teacher} for both" in said
