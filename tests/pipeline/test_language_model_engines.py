"""A language model of text between newlines, exported to CTranslate2 by a run."""

import json

import pytest

import tfkd
from tfkd.data.grammars.generated import german_english
from tfkd.pipeline.engine.run import run
from tfkd.serving.formats.opening import open_exported
from tfkd.spec import load_spec

pytestmark = [pytest.mark.tensorflow, pytest.mark.long]
pytest.importorskip("ctranslate2")

SPEC = """\
tfkd: 1
name: lines
data: {text: {text: text.txt}, valid: {text: valid.txt}}
tokenizers: {bytes: {kind: byte_bpe, size: 300, learn_from: [text]}}
student: {kind: gpt2, layers: 1, width: 16, heads: 2, max_length: 32, tokenizer: bytes}
stages:
  learn:
    train: student
    data: [{of: text, pack: {length: 32, separator: newline}}]
    steps: 40
    objective: {causal_lm: {}}
    batch: {size: 512, unit: joint_tokens}
    schedule: {kind: constant, rate: 1e-2}
    validate: {on: valid, every: 20, metrics: [loss]}
evaluate: [{of: learn, on: valid, metrics: [loss], decode: {kind: greedy, max_length: 12}}]
export: [{of: learn, format: ctranslate2}, {of: learn, format: ctranslate2, quantize: int8}]
"""


def test_a_model_of_text_between_newlines_is_exported(tmp_path):
    lines = [pair[1] for pair in german_english(260, 1)]
    for name, rows in (("text", lines[:240]), ("valid", lines[240:])):
        (tmp_path / f"{name}.txt").write_text("".join(f"{row}\n" for row in rows), "utf-8")
    (tmp_path / "lines.yaml").write_text(SPEC, "utf-8")
    runs = tmp_path / "runs"
    run(load_spec(tmp_path / "lines.yaml"), data_dir=tmp_path, runs_dir=runs, say=lambda _: None)
    results = json.loads((runs / "lines" / "results.json").read_text("utf-8"))
    for export in results["exports"]:
        assert export["check"]["lines"] > 5
        folder = runs / "lines" / export["folder"]
        config = json.loads((folder / "config.json").read_text("utf-8"))
        assert config["eos_token"] == config["bos_token"] == "Ċ"
        for answer in open_exported(folder).translate(["The", "", lines[0]]):
            assert "\n" not in answer.text


def test_an_export_is_measured_as_its_model_is_word_by_word(tmp_path):
    lines = [pair[1] for pair in german_english(260, 1)]
    for name, rows in (("text", lines[:240]), ("valid", lines[240:])):
        (tmp_path / f"{name}.txt").write_text("".join(f"{row}\n" for row in rows), "utf-8")
    metrics = "metrics: [loss, perplexity, accuracy, word_perplexity]"
    spec = SPEC.replace("valid: {text: valid.txt}", "valid: {text: valid.txt, detokenize: ptb}")
    spec = spec.replace(
        "evaluate: [{of: learn, on: valid, metrics: [loss],",
        f"""\
evaluate:
  - {{of: learn, export: ctranslate2_float32, on: valid, {metrics}, against: learn}}
  - {{of: learn, export: ctranslate2_int8, on: valid, {metrics}, against: learn}}
  - {{of: learn, on: valid, {metrics},""",
    ).replace("max_length: 12}}]", "max_length: 12}}")
    (tmp_path / "lines.yaml").write_text(spec, "utf-8")
    runs = tmp_path / "runs"
    run(load_spec(tmp_path / "lines.yaml"), data_dir=tmp_path, runs_dir=runs, say=lambda _: None)
    results = json.loads((runs / "lines" / "results.json").read_text("utf-8"))
    exact, eight, ours = (
        {name: one["value"] for name, one in entry["metrics"].items()}
        for entry in results["evaluations"]
    )
    assert {*exact} >= {"loss", "perplexity", "accuracy", "word_perplexity"}
    assert exact == pytest.approx(ours, rel=1e-4)
    assert eight == pytest.approx(ours, rel=0.05)
    assert eight["loss"] != ours["loss"]
    compared = results["evaluations"][1]["against"]["metrics"]["loss"]
    assert compared["delta"] == pytest.approx(eight["loss"] - ours["loss"])


GPT2 = "student: {kind: gpt2,"
LOADED = """\
tfkd: 1
name: loaded
data: {valid: {text: valid.txt}}
tokenizers: {bytes: {kind: byte_bpe, preset: llama}}
teacher: {kind: llama, layers: 1, width: 16, heads: 2, max_length: 32, tokenizer: bytes}
stages: {published: {load: llama, into: teacher}}
evaluate:
  - {of: published, on: valid, metrics: [loss]}
  - {of: published, export: ctranslate2_float32, on: valid, metrics: [loss], against: published}
export: [{of: published, format: ctranslate2}]
"""


def test_a_rotary_decoder_is_exported_as_it_was_trained_and_as_it_is_loaded(tmp_path):
    lines = [pair[1] for pair in german_english(260, 1)]
    for name, rows in (("text", lines[:240]), ("valid", lines[240:])):
        (tmp_path / f"{name}.txt").write_text("".join(f"{row}\n" for row in rows), "utf-8")
    spec = SPEC.replace(GPT2, "student: {kind: llama,").replace(", separator: newline", "")
    runs, found = tmp_path / "runs", {}
    for name, text in (("lines", spec), ("loaded", LOADED)):
        path = tmp_path / f"{name}.yaml"
        path.write_text(text, "utf-8")
        run(load_spec(path), data_dir=tmp_path, runs_dir=runs, say=lambda _: None)
        found[name] = json.loads((runs / name / "results.json").read_text("utf-8"))
        if name == "lines":
            tfkd.open_run(runs / name).stage("learn").save_published(tmp_path / "llama")
        assert all(export["check"]["lines"] > 5 for export in found[name]["exports"])
    ours, theirs = found["loaded"]["evaluations"]
    loss = theirs["metrics"]["loss"]["value"]
    assert loss == pytest.approx(ours["metrics"]["loss"]["value"], rel=1e-4)
    trained = found["lines"]["evaluations"][0]["metrics"]["loss"]["value"]
    assert loss == pytest.approx(trained, rel=1e-3)
