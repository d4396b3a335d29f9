"""A line with alignments: a student guided by them, the same with a shortlist, and its exports."""

import json

import numpy as np
import pytest

from tfkd import cli
from tfkd.decoding import Shortlist

SPEC = """\
tfkd: 1
name: lists
data:
  train: {generated: german_english, rows: 96, seed: 1}
  test: {generated: german_english, rows: 24, seed: 3}
tokenizers: {joint: {kind: wordpiece, size: 200, learn_from: [train]}}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 2, width: 16, heads: 2, max_length: 64, tokenizer: joint}
stages:
  lexicon: {align: train, model: student}
  learn:
    train: student
    data: train
    steps: 4
    batch: {size: 16, unit: sentences, per_device: 8}
    objective: {cross_entropy: {}, guided_attention: {alignments: lexicon, weight: 0.05}}
  quick: {shortlist: learn, lexicon: lexicon, frequent: 5, best: 5}
  written: {translate: quick, data: test, decode: {kind: greedy}}
  later: {train: student, from: quick, data: written, steps: 1, objective: {cross_entropy: {}}}
evaluate:
  - {of: quick, on: test, metrics: [bleu, loss], decode: {kind: beam, beam: 2}, against: learn, bootstrap: 20}
  - {of: quick, on: test, export: ctranslate2_float32, metrics: [bleu], against: learn, bootstrap: 20}
  - {of: later, on: test, metrics: [loss], bootstrap: 20}
export: [quick, {of: quick, format: ctranslate2}]
"""  # noqa: E501


@pytest.mark.long
@pytest.mark.tensorflow
def test_a_spec_with_alignments_runs_whole(tmp_path, capsys):
    pytest.importorskip("ctranslate2")
    (tmp_path / "lists.yaml").write_text(SPEC, "utf-8")
    words = ["run", str(tmp_path / "lists.yaml"), "--runs-dir", str(tmp_path / "runs")]
    words += ["--data-dir", str(tmp_path)]
    assert cli.main(words) == cli.DONE
    run = tmp_path / "runs" / "lists"
    results = json.loads((run / "results.json").read_text("utf-8"))
    quick = results["stages"]["shortlist quick"]["summary"]
    assert 10 < quick["pieces"] < 100
    assert 0.3 < quick["covered"] < 1
    assert len((run / "lexicon" / "links.txt").read_text().splitlines()) == 96
    shortlist = Shortlist.load(run / "quick" / "shortlist.safetensors")
    assert shortlist.best.shape[1] == 5
    first, export, _ = results["evaluations"]
    # Losses are of the whole vocabulary, and so the other stage's; outputs are not.
    assert first["against"]["metrics"]["loss"]["delta"] == pytest.approx(0, abs=1e-6)
    assert export["metrics"]["bleu"].keys() >= {"value", "low", "high"}
    assert (run / "export" / "quick" / "1" / "saved_model.pb").exists()
    assert (run / "export" / "quick" / "ctranslate2_float32" / "vmap.txt").exists()
    lines = (run / "learn" / "history.jsonl").read_text("utf-8").splitlines()
    said = [json.loads(line)["terms"]["guided_attention"] for line in lines if "terms" in line]
    assert np.isfinite(said).all()
    assert said
    capsys.readouterr()
    assert cli.main(words) == cli.DONE
    assert "shortlist quick: done already" in capsys.readouterr().out
