"""An mBART of 50 languages as a teacher in a spec, against transformers (the extra `oracle`)."""

import io
import json
import math

import pytest

from tfkd import cli
from tfkd.models.published.description import described

pytestmark = [pytest.mark.tensorflow, pytest.mark.oracle, pytest.mark.long]
SPEC = """\
tfkd: 1
name: it
data: {train: {parallel: [train.de, train.en]}}
tokenizers:
  source: {kind: sentencepiece, preset: checkpoint}
  target: {kind: sentencepiece, preset: checkpoint, start: en_XX}
teacher: {kind: transformer, tokenizer: {source: source, target: target}, encoder_layers: 2,
  decoder_layers: 1, width: 16, heads: 2, feed_forward: 24, max_length: 64, activation: gelu,
  norm: pre, norm_epsilon: 1e-5, positions: learned, share_embeddings: all, embedding_norm: true,
  output_bias: true, source_lead: de_DE, target_lead: "</s>"}
student: {kind: transformer, tokenizer: {source: source, target: target}, encoder_layers: 1,
  decoder_layers: 1, width: 8, heads: 2}
stages:
  mbart: {load: checkpoint, into: teacher}
  targets: {score: mbart, data: train, top_k: 4}
  learn: {train: student, data: train, steps: 1, objective: {soft_targets: {teacher: targets}}}
evaluate:
  - {of: mbart, on: [train], metrics: [loss]}
  - {of: learn, on: [train], metrics: [loss]}
"""
PAIRS = [("ein hund", "a dog"), ("zwei katzen", "two cats"), ("ein hund und zwei katzen", "a dog")]


def test_an_mbart_teaches_as_it_is(tmp_path, capsys):
    transformers, torch = pytest.importorskip("transformers"), pytest.importorskip("torch")
    import sentencepiece

    written, lines = io.BytesIO(), [text for pair in PAIRS for text in pair] * 20
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=written, vocab_size=60, minloglevel=2,
        hard_vocab_limit=False,
    )  # fmt: skip
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "sentencepiece.bpe.model").write_bytes(written.getvalue())
    (folder / "config.json").write_text('{"model_type": "mbart"}')
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "MBart50Tokenizer"}')
    asked = {"src_lang": "de_DE", "tgt_lang": "en_XX"}
    tokenizer = transformers.MBart50Tokenizer.from_pretrained(folder, **asked)
    (folder / "sentencepiece.bpe.model").unlink()
    tokenizer.save_pretrained(folder)
    torch.manual_seed(2)
    config = transformers.MBartConfig(
        vocab_size=len(tokenizer), d_model=16, encoder_layers=2, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=24,
        decoder_ffn_dim=24, max_position_embeddings=64, init_std=0.4,
        activation_function="gelu", scale_embedding=True,
    )  # fmt: skip
    model = transformers.MBartForConditionalGeneration(config).eval()
    model.save_pretrained(folder)
    nll = count = 0
    for source, target in PAIRS:
        read = tokenizer(source, text_target=target, return_tensors="pt")
        labels = read.pop("labels")
        with torch.no_grad():
            logits = model(**read, labels=labels).logits[0].double()
        log_p = torch.log_softmax(logits, -1)[range(labels.shape[1]), labels[0]]
        # The first of the labels is the language, which begins a target and is not predicted here.
        nll, count = nll - float(log_p[1:].sum()), count + labels.shape[1] - 1
    for name, column in (("de", 0), ("en", 1)):
        (tmp_path / f"train.{name}").write_text("".join(f"{pair[column]}\n" for pair in PAIRS))
    assert "start: en_XX" in described(folder)
    (tmp_path / "spec.yaml").write_text(SPEC)
    words = ["run", str(tmp_path / "spec.yaml"), "--data-dir", str(tmp_path)]
    code = cli.main([*words, "--runs-dir", str(tmp_path / "runs")])
    assert code == cli.DONE, capsys.readouterr().err
    results = json.loads((tmp_path / "runs" / "it" / "results.json").read_text("utf-8"))
    found = results["evaluations"][0]["metrics"]["loss"]["value"]
    assert math.isclose(found, nll / count, rel_tol=1e-4)
