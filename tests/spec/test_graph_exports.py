"""Exports to LiteRT and ONNX in specs: what is right, and what they cannot hold."""

import pytest

from tfkd.spec import validate_files

SPEC = """\
tfkd: 1
name: small
data: {rows: {generated: tags, rows: 60, seed: 1}, pairs: {generated: everyday, rows: 60, seed: 1}}
tokenizers: {joint: {size: 150, learn_from: [rows]}}
student: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: joint, head: {kind: tagger}}
teacher: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2,
  tokenizer: joint}
stages:
  learn: {train: student, data: rows, objective: {cross_entropy: {}}, steps: 2}
  other: {train: teacher, data: pairs, objective: {cross_entropy: {}}, steps: 2}
evaluate:
  - {of: learn, on: rows, metrics: [accuracy]}
  - {of: learn, export: onnx_int8, on: rows, metrics: [accuracy, f1, loss], against: learn}
export:
  - {of: learn, format: litert}
  - {of: learn, format: onnx, quantize: int8}
"""
TRANSLATED = ("of: learn, format: litert", "of: other, format: litert")
GPT2 = "teacher: {kind: gpt2, layers: 1, width: 8, heads: 2, max_length: 16, tokenizer: joint}"
TEACHER = "\n".join(SPEC.splitlines()[5:7])


@pytest.fixture
def errors(tmp_path):
    def found(*changes):
        text = SPEC
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "small.yaml"
        path.write_text(text, "utf-8")
        return [str(error).partition("small.yaml:")[2] for error in validate_files([path])]

    return found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([TRANSLATED], "15: export.0.format: other writes text from left to right, which litert "
         "cannot hold; expected a classifier, a model that fills in words (decoder_attention: fu"),
        ([TRANSLATED, (TEACHER, GPT2), ("data: pairs, objective: {cross_entropy", "data: rows, "
          "objective: {causal_lm")], "other writes text from left to right, which litert cannot"),
        ([("quantize: int8", "quantize: int4"), ("onnx_int8", "onnx_int4")],
         "export.1.quantize: found 'int4'"),
        ([("export: onnx_int8", "export: onnx")], "learn has no export 'onnx'; expected one of "
         "litert_float32, onnx_int8"),
        ([("metrics: [accuracy, f1, loss]", "metrics: [bleu]")], "bleu of learn, which tells cl"),
        ([("against: learn", "noise: {sigma: 1}")], "evaluate.1.noise: noise of an export"),
        ([("format: litert", "format: tflite")], "'tflite' is no format"),
        ([("quantize: int8}", "quantize: int8, calibrate: rows}")], "calibrate: scales that are "
         "fixed by a corpus made ONNX Runtime three times as slow"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_with_its_place_and_a_way_out(errors, changes, said):
    found = errors(*changes)
    assert any(said in one for one in found), found
    assert all("; expected" in one for one in found)


def test_what_is_right_has_no_fault(errors):
    assert errors() == []


def test_encoders_are_held_where_a_savedmodel_would_have_no_text_to_write(errors):
    headless = ("tokenizer: joint, head: {kind: tagger}}", "tokenizer: joint}")
    learns = ("data: rows, objective: {cross_entropy: {}}, steps", "data: rows, objective: "
              "{masked_lm: {view: mlm}}, steps")  # fmt: skip
    views = ("stages:", "views: {mlm: {kind: mlm}}\nstages:")
    start = SPEC.index("evaluate:")
    asked = SPEC[start : SPEC.index("export:\n")]
    assert errors(headless, learns, views, (asked, "")) == []
    measured = "evaluate: [{of: learn, export: litert_float32, on: rows, metrics: [accuracy]}]\n"
    (found,) = errors(headless, learns, views, (asked, measured))
    assert (
        "no evaluation measures an encoder's export; expected an evaluation of learn its" in found
    )
    found = errors(headless, learns, views, (asked, ""), ("{of: learn, format: litert}", "learn"))
    assert any("learn trains a bert, which writes no text" in one for one in found)
