"""A published Marian, as transformers writes it, in CTranslate2: loaded, held and measured."""

import io
import json

import numpy as np
import pytest

from tfkd import cli
from tfkd.data.text.text_corpus import TextCorpus
from tfkd.serving.formats.opening import open_exported

pytestmark = [pytest.mark.tensorflow, pytest.mark.oracle, pytest.mark.long]
pytest.importorskip("ctranslate2")

LEAD = ">>fra<<"
SPEC = """\
tfkd: 1
name: it
data: {pairs: {parallel: [pairs.de, pairs.en]}}
tokenizers:
  source: {kind: sentencepiece, preset: checkpoint, side: source}
  target: {kind: sentencepiece, preset: checkpoint, side: target}
teacher: {kind: transformer, tokenizer: {source: source, target: target}, encoder_layers: 2,
  decoder_layers: 1, width: 16, heads: 2, feed_forward: 24, max_length: 32, activation: silu,
  norm_epsilon: 1e-5, share_embeddings: all, source_lead: ">>fra<<"}
stages:
  opus: {load: checkpoint, into: teacher}
  written: {translate: opus, data: pairs, decode: {kind: beam, beam: 2, engine: ctranslate2}}
  ours: {translate: opus, data: pairs, decode: {kind: beam, beam: 2}}
evaluate:
  - {of: opus, on: pairs, metrics: [bleu], decode: {kind: beam, beam: 2}}
  - {of: opus, export: ctranslate2_float32, on: pairs, metrics: [bleu], against: opus}
export: [{of: opus, format: ctranslate2}]
"""
WORDS = [f"{a}{b}" for a in "bdgkmst" for b in "aeiou"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A random Marian, and two texts."""
    transformers, torch = pytest.importorskip("transformers"), pytest.importorskip("torch")
    import sentencepiece

    folder = tmp_path_factory.mktemp("marian")
    rng = np.random.default_rng(0)
    for side in ("de", "en"):
        lines = [" ".join(rng.choice(WORDS, rng.integers(1, 9))) for _ in range(150)]
        (folder / f"pairs.{side}").write_text("".join(f"{line}\n" for line in lines))
    place, pieces = folder / "checkpoint", {"</s>": 0, "<unk>": 1}
    place.mkdir()
    for name, side in (("source", "de"), ("target", "en")):
        written = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter((folder / f"pairs.{side}").read_text().splitlines()),
            model_writer=written, vocab_size=60, hard_vocab_limit=False, minloglevel=2,
        )  # fmt: skip
        (place / f"{name}.spm").write_bytes(written.getvalue())
        known = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
        for number in range(3, len(known)):
            pieces.setdefault(known.id_to_piece(number), len(pieces))
    for piece in (LEAD, "<pad>"):
        pieces[piece] = len(pieces)
    (place / "vocab.json").write_text(json.dumps(pieces))
    torch.manual_seed(1)
    size = len(pieces)
    config = transformers.MarianConfig(
        vocab_size=size, d_model=16, encoder_layers=2, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=24,
        decoder_ffn_dim=24, max_position_embeddings=32, init_std=0.5, activation_function="swish",
        scale_embedding=True, pad_token_id=size - 1, decoder_start_token_id=size - 1,
        eos_token_id=0, forced_eos_token_id=None,
    )  # fmt: skip
    model = transformers.MarianMTModel(config).eval()
    torch.nn.init.normal_(model.final_logits_bias, std=1.0)
    model.save_pretrained(place)
    return folder, model, pieces


@pytest.fixture(scope="module")
def made(checkpoint):
    """The run's folder."""
    folder, _, _ = checkpoint
    (folder / "spec.yaml").write_text(SPEC)
    words = ["run", str(folder / "spec.yaml"), "--data-dir", str(folder)]
    assert cli.main([*words, "--runs-dir", str(folder / "runs")]) == cli.DONE
    for stage in ("written", "ours"):
        assert cli.main([*words, "--runs-dir", str(folder / "runs"), "--until", stage]) == cli.DONE
    return folder / "runs" / "it"


def test_its_log_probabilities_are_those_of_transformers(checkpoint, made):
    import torch

    _, model, pieces = checkpoint
    engine = open_exported(made / "export" / "opus" / "ctranslate2_float32")
    (read,) = engine.source.encode(["ba de gi ko mu"])
    (written,) = engine.target.encode(["sa te ti"])
    ids = [[pieces[LEAD], *(pieces[piece] for piece in read), pieces["</s>"]]]
    labels = [*(pieces[piece] for piece in written), pieces["</s>"]]
    begun = [[pieces["<pad>"], *labels[:-1]]]
    with torch.no_grad():
        logits = model(
            input_ids=torch.tensor(ids), decoder_input_ids=torch.tensor(begun)
        ).logits[0].double()  # fmt: skip
    expected = torch.log_softmax(logits, -1)[range(len(labels)), labels].numpy()
    (found,) = engine.log_probabilities([read], [written])
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_it_is_held_and_measured_beside_its_model(made):
    results = json.loads((made / "results.json").read_text("utf-8"))
    check = results["exports"][0]["check"]
    assert check["lines"] > 10
    assert check["largest_difference"] < 1e-3
    ours, theirs = (
        (made / entry["hypotheses"]).read_text().splitlines() for entry in results["evaluations"]
    )
    assert sum(map(str.__eq__, ours, theirs)) >= 0.9 * len(ours)
    assert any(ours)


def test_its_corpus_by_the_engine_is_that_of_its_own_search(made):
    texts = [TextCorpus.open(made / stage) for stage in ("ours", "written")]
    ours, theirs = (dict(zip(*map(text.lines, text.fields), strict=True)) for text in texts)
    assert len(ours) > 100
    same = sum(theirs.get(source) == target for source, target in ours.items())
    assert same >= 0.9 * len(ours)


def test_a_line_that_spells_the_language_token_is_read(made):
    engine = open_exported(made / "export" / "opus" / "ctranslate2_float32")
    for line in (LEAD, f"{LEAD} {LEAD}", f"{LEAD} ba", "</s>", "<unk> <pad>", "▁"):
        (bare,) = engine.source.encode([line])
        assert not {LEAD, "</s>"} & {*bare}
        assert len(engine.answers([bare])) == 1
