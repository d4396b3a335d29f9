"""Published translators as teachers: by text and by word, planned, and told which to write."""

import io
import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tfkd import cli
from tfkd.data.tokenizers.published_pieces import read_published_pieces
from tfkd.models.published.architectures import open_published
from tfkd.models.published.loading import load_model
from tfkd.pipeline.plan.planner import plan
from tfkd.spec import load_spec

pytestmark = pytest.mark.tensorflow
TRANSLATOR = """
tfkd: 1
name: it
data:
  train: {parallel: [train.de, train.en]}
tokenizers:
  source: {kind: sentencepiece, preset: checkpoint, side: source}
  target: {kind: sentencepiece, preset: checkpoint, side: target}
teacher:
  kind: transformer
  tokenizer: {source: source, target: target}
  encoder_layers: 1
  decoder_layers: 1
  width: 8
  heads: 2
  feed_forward: 12
  max_length: 32
  activation: silu
  norm_epsilon: 1e-5
  share_embeddings: all
student:
  kind: transformer
  tokenizer: {source: source, target: target}
  encoder_layers: 1
  decoder_layers: 1
  width: 8
  heads: 2
stages:
  opus: {load: checkpoint, into: teacher}
  written: {translate: opus, data: train, decode: {kind: greedy}}
  by_text:
    train: student
    data: [train, written]
    steps: 1
    objective: {cross_entropy: {}, soft_targets: {teacher: targets}}
  by_word: {train: student, data: train, steps: 1, objective: {soft_targets: {teacher: opus}}}
  targets: {score: opus, data: [train, written], top_k: SIZE}
  stored: {train: student, data: train, steps: 1, objective: {soft_targets: {teacher: targets}}}
evaluate:
  - {of: targets, on: [train], metrics: [teacher_check], against: by_text}
  - {of: opus, on: [train], metrics: [loss, bleu], decode: {kind: greedy}}
  - {of: by_text, on: [train], metrics: [loss]}
  - {of: by_word, on: [train], metrics: [loss]}
  - {of: stored, on: [train], metrics: [loss]}
"""


def write_marian(folder, more=()):
    """A random Marian, with two SentencePiece models over one vocabulary and more pieces."""
    import sentencepiece

    places = {"</s>": 0, "<unk>": 1}
    for name, text in (("source", "ein hund und zwei katzen"), ("target", "a dog and two cats")):
        written = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([text] * 20), model_writer=written, vocab_size=40,
            hard_vocab_limit=False, minloglevel=2,
        )  # fmt: skip
        (folder / f"{name}.spm").write_bytes(written.getvalue())
        known = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
        for number in range(3, len(known)):
            places.setdefault(known.id_to_piece(number), len(places))
    for piece in (*more, "<pad>"):
        places[piece] = len(places)
    (folder / "vocab.json").write_text(json.dumps(places))
    drawn, size, width, inner = np.random.default_rng(1), len(places), 8, 12
    shapes = {"model.shared.weight": (size, width), "final_logits_bias": (1, size)}
    for side in ("encoder", "decoder"):
        layer = f"model.{side}.layers.0."
        for attention in ("self_attn", "encoder_attn")[: 1 + (side == "decoder")]:
            for one in ("q_proj", "k_proj", "v_proj", "out_proj"):
                shapes[f"{layer}{attention}.{one}.weight"] = (width, width)
                shapes[f"{layer}{attention}.{one}.bias"] = (width,)
            for one in ("weight", "bias"):
                shapes[f"{layer}{attention}_layer_norm.{one}"] = (width,)
        for one in ("weight", "bias"):
            shapes[f"{layer}final_layer_norm.{one}"] = (width,)
        shapes |= {f"{layer}fc1.weight": (inner, width), f"{layer}fc1.bias": (inner,)}
        shapes |= {f"{layer}fc2.weight": (width, inner), f"{layer}fc2.bias": (width,)}
    tensors = {name: drawn.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    save_file(tensors, folder / "model.safetensors")
    config = {
        "model_type": "marian", "architectures": ["MarianMTModel"], "vocab_size": size,
        "d_model": width, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": inner, "decoder_ffn_dim": inner,
        "max_position_embeddings": 32, "activation_function": "swish", "scale_embedding": True,
        "pad_token_id": size - 1, "decoder_start_token_id": size - 1, "eos_token_id": 0,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    return size


@pytest.mark.long
def test_a_published_translator_teaches_by_text_and_by_word(tmp_path, capsys):
    (tmp_path / "checkpoint").mkdir()
    size = write_marian(tmp_path / "checkpoint")
    (tmp_path / "train.de").write_text("ein hund\nzwei katzen\nein hund und zwei katzen\n" * 4)
    (tmp_path / "train.en").write_text("a dog\ntwo cats\na dog and two cats\n" * 4)
    (tmp_path / "spec.yaml").write_text(TRANSLATOR.replace("SIZE", str(size)))
    words = ["run", str(tmp_path / "spec.yaml"), "--data-dir", str(tmp_path)]
    code = cli.main([*words, "--runs-dir", str(tmp_path / "runs")])
    assert code == cli.DONE, capsys.readouterr().err
    results = tmp_path / "runs" / "it" / "results.json"
    said = json.loads(results.read_text("utf-8"))
    found = {one["of"]: one for one in said["evaluations"]}
    assert {"loss", "bleu"} <= found["opus"]["metrics"].keys()
    # All words are stored: the same loss in the step, and the same weights but for 16 bits.
    first = {}
    for name in ("by_word", "stored"):
        history = results.parent / name / "history.jsonl"
        first[name] = json.loads(history.read_text("utf-8").splitlines()[0])["loss"]
    assert first["stored"] == pytest.approx(first["by_word"], rel=1e-3)
    losses = [found[name]["metrics"]["loss"]["value"] for name in ("by_word", "stored")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    (check,) = said["teacher_checks"]
    assert check["metrics"]["loss"] == pytest.approx(found["opus"]["metrics"]["loss"]["value"])
    assert check["metrics"]["coverage"] == 1.0


def test_a_translator_s_weights_are_planned_to_the_byte(tmp_path, capsys):
    (tmp_path / "checkpoint").mkdir()
    write_marian(tmp_path / "checkpoint")
    (tmp_path / "train.de").write_text("ein hund\n")
    (tmp_path / "train.en").write_text("a dog\n")
    (tmp_path / "spec.yaml").write_text(TRANSLATOR.replace("SIZE", "4"))
    said = plan(load_spec(tmp_path / "spec.yaml"), data_dir=tmp_path, runs_dir=tmp_path / "runs")
    row = next(line for line in said.splitlines() if line.startswith("load opus")).split()
    stored = load_file(tmp_path / "checkpoint" / "model.safetensors")
    number = sum(one.size for one in stored.values())
    assert f"{number:,}" in row
    assert f"{4 * number:,}" in row or f"{4 * number / 1024:.1f}" in row


@pytest.mark.long
def test_a_translator_of_several_languages_is_told_which_to_write(tmp_path, capsys):
    """The piece stands before each source, in a run as in a model that is given it by hand."""
    (tmp_path / "checkpoint").mkdir()
    write_marian(tmp_path / "checkpoint", [">>fra<<", ">>ita<<"])
    german, english = ["ein hund", "zwei katzen"], ["a dog", "two cats"]
    (tmp_path / "train.de").write_text("\n".join(german) + "\n")
    (tmp_path / "train.en").write_text("\n".join(english) + "\n")
    found = {}
    for language in ("fra", "ita"):
        spec = TRANSLATOR[: TRANSLATOR.index("  written:")].replace("name: it", f"name: {language}")
        more = f'  share_embeddings: all\n  source_lead: ">>{language}<<"\n'
        spec = spec.replace("  share_embeddings: all\n", more)
        (tmp_path / "spec.yaml").write_text(
            f"{spec}evaluate: [{{of: opus, on: [train], metrics: [loss]}}]\n"
        )
        words = ["run", str(tmp_path / "spec.yaml"), "--data-dir", str(tmp_path)]
        assert cli.main([*words, "--runs-dir", str(tmp_path / "runs")]) == cli.DONE
        results = json.loads((tmp_path / "runs" / language / "results.json").read_text("utf-8"))
        found[language] = results["evaluations"][0]["metrics"]["loss"]["value"]
        # A run forgets what stood in TensorFlow before.
        plain = load_model(open_published(tmp_path / "checkpoint"), ())
        read, write = (
            read_published_pieces(tmp_path / "checkpoint", side) for side in ("source", "target")
        )
        nll = []
        for source, target in zip(german, english, strict=True):
            lead = read.vocabulary.index(f">>{language}<<")
            ids = [lead, *read.encode([source]).values, read.end_id]
            gold = [*write.encode([target]).values, write.end_id]
            record = {
                "source": {"ids": np.array([ids], np.int32)},
                "target": {"ids": np.array([[write.start_id, *gold[:-1]]], np.int32)},
            }
            logits = plain.logits(record).numpy()[0].astype(np.float64)
            log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
            nll += (-log_p[np.arange(len(gold)), gold]).tolist()
        assert found[language] == pytest.approx(np.mean(nll), rel=1e-4)
    assert abs(found["fra"] - found["ita"]) > 1e-3
