"""Exports beside their models on files that a spec does not name."""

import json
import os

import pytest

from tfkd import cli
from tfkd.data.grammars.generated import german_english
from tfkd.pipeline.inputs.other_files import OtherFiles
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError

SPEC = """\
tfkd: 1
name: small
data:
  pairs: {generated: german_english, rows: 200, seed: 1}
  test: {generated: german_english, rows: 30, seed: 2}
tokenizers: {joint: {size: 150, learn_from: [pairs]}}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 16, heads: 2,
  dropout: 0.0, tokenizer: joint}
stages: {learn: {train: student, data: pairs, objective: {cross_entropy: {}}, steps: 60}}
evaluate:
  - {of: learn, on: test, metrics: [loss, bleu], decode: {kind: greedy}}
  - {of: learn, export: ctranslate2_float32, on: test, metrics: [bleu], against: learn}
export: [learn, {of: learn, format: ctranslate2}, {of: learn, format: ctranslate2, quantize: int8}]
"""
WORDS = """\
tfkd: 1
name: words
data: {rows: {text: [words.txt], detokenize: plain}}
tokenizers: {joint: {kind: byte_bpe, size: 300, learn_from: [rows]}}
student: {kind: gpt2, layers: 1, width: 16, heads: 2, tokenizer: joint}
stages: {learn: {train: student, data: rows, objective: {cross_entropy: {}}, steps: 2}}
evaluate:
  - {of: learn, on: rows, metrics: [loss]}
  - {of: learn, export: ctranslate2_float32, on: rows, metrics: [loss], against: learn}
export: [{of: learn, format: ctranslate2}]
"""


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A spec and two files beside it."""
    (tmp_path / "small.yaml").write_text(SPEC, "utf-8")
    for name, column in (("more.de", 0), ("more.en", 1)):
        lines = [pair[column] for pair in german_english(25, 9)]
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "small.yaml"


FILES = [["more.de", "more.en"]]


def test_those_that_evaluations_measure_are_measured_by_what_counts_their_answers(path):
    spec = load_spec(path)
    found = OtherFiles(FILES).scored_by(spec)
    assert [(one.export, one.metrics) for one in found.evaluate] == [
        (None, ["loss", "bleu"]), ("ctranslate2_float32", ["bleu"]),
    ]  # fmt: skip
    assert [one.name for one in found.export] == ["ctranslate2_float32"]
    chrf = OtherFiles(FILES, metrics=["chrf", "loss"]).scored_by(spec)
    assert [(one.export, one.metrics) for one in chrf.evaluate] == [
        (None, ["chrf", "loss"]), ("ctranslate2_float32", ["chrf"]),
    ]  # fmt: skip
    loss = OtherFiles(FILES, metrics=["loss"]).scored_by(spec)
    assert [one.export for one in loss.evaluate] == [None]
    assert loss.export == ()
    with pytest.raises(UserError, match="--metrics"):
        OtherFiles(FILES, metrics=["blue"]).scored_by(spec)


def test_of_a_language_model_whatever_its_export_predicts_is_measured(tmp_path, monkeypatch):
    """Whether its own evaluation measures that or something else."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.txt").write_text("ein hund\nein kind\n", "utf-8")
    (tmp_path / "words.yaml").write_text(WORDS, "utf-8")
    asked = OtherFiles([["words.txt"]], metrics=["word_perplexity"])
    found = asked.scored_by(load_spec("words.yaml")).evaluate
    assert [(one.export, one.metrics) for one in found] == [
        (None, ["word_perplexity"]), ("ctranslate2_float32", ["word_perplexity"]),
    ]  # fmt: skip


@pytest.mark.long
@pytest.mark.tensorflow
def test_an_export_is_measured_beside_its_model(path, capsys):
    pytest.importorskip("ctranslate2")
    runs = path.parent / "runs"
    assert cli.main(["run", str(path), "--runs-dir", str(runs)]) == cli.DONE
    before = {*os.listdir(runs / "stages")}
    place = runs / "small"
    capsys.readouterr()
    assert cli.main(["evaluate", str(place), "--on", *FILES[0]]) == cli.DONE
    made = {name.partition("-")[0] for name in {*os.listdir(runs / "stages")} - before}
    assert made == {"corpus", "ids", "evaluate"}  # the run's own export is measured
    (on,) = (place / "evaluation" / "on").iterdir()
    assert not (on / "export").exists()
    results = json.loads((on / "results.json").read_text("utf-8"))
    ours, theirs = results["evaluations"]
    assert theirs["export"] == "ctranslate2_float32"
    assert theirs["metrics"]["bleu"]["value"] == pytest.approx(ours["metrics"]["bleu"]["value"])
    assert theirs["against"]["metrics"]["bleu"]["delta"] == pytest.approx(0, abs=1)
    assert cli.main(["report", str(place)]) == cli.DONE
    assert cli.main(["evaluate", str(place), "--json"]) == cli.DONE
