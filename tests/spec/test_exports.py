"""`export:` in formats, and evaluations of what was exported: what is right, and every fault."""

import pytest

from tfkd.spec import dump_yaml, load_spec, validate_files

SPEC = """\
tfkd: 1
name: small
data: {pairs: {generated: everyday, rows: 60, seed: 1}}
tokenizers: {joint: {size: 150, learn_from: [pairs]}}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2,
  tokenizer: joint}
stages: {learn: {train: student, data: pairs, objective: {cross_entropy: {}}, steps: 2}}
evaluate:
  - {of: learn, on: pairs, metrics: [bleu], decode: {kind: beam, beam: 2}}
  - {of: learn, export: ctranslate2_int8, on: pairs, metrics: [bleu, chrf], against: learn}
export:
  - learn
  - {of: learn, format: ctranslate2, quantize: int8}
"""
RNN = "student: {kind: rnn, layers: 1, width: 16, tokenizer: joint}"
LLAMA = (
    "student: {kind: llama, layers: 1, width: 8, heads: 2, tokenizer: joint, attention_window: 4, "
    "window_layers: [1], attention_cap: 9, unrotated_layers: [1], rotary_scaling: {kind: llama3, "
    "factor: 2, low_factor: 1, high_factor: 2, original_length: 9}}"
)
VALID = ("pairs: {g", "valid: {generated: everyday, rows: 20, seed: 2}, pairs: {g")
STUDENT = "\n".join(SPEC.splitlines()[4:6])


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


def test_formats_have_names_and_a_stage_alone_is_a_savedmodel(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SPEC, "utf-8")
    spec = load_spec(path)
    assert [one.name for one in spec.export] == ["saved_model", "ctranslate2_int8"]
    assert spec.resolved()["export"][0] == "learn"
    path.write_text(dump_yaml(spec.resolved()), "utf-8")
    again = load_spec(path)
    assert (again.export, again.evaluate) == (spec.export, spec.evaluate)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([(STUDENT, RNN)], "export.1.format: learn is of kind rnn, which ctranslate2 cannot hold"),
        (
            [("width: 8, ", "width: 8, decoder_attention: full, "),
             ("{kind: beam, beam: 2}", "{kind: mask_predict}")],
            "learn fills in hidden tokens",
        ),
        (
            [("stages:", "adapters: {encoder: {kind: bottleneck, width: 4}}\nstages:")],
            "learn has adapters on its encoder, which ctranslate2 cannot hold; expected a model "
            "without, or a SavedModel",
        ),
        ([("beam, beam: 2", "sample")], "learn is decoded by sample, which ctranslate2 cannot"),
        ([("beam: 2", "beam: 1")], "learn is decoded by one beam with a length penalty"),
        (
            [("beam: 2}", "beam: 2}, choose: {decode.beam: [2, 1], by: valid.bleu}"), VALID],
            "learn is decoded by one beam with a length penalty",
        ),
        ([("beam: 2", "beam: 2, length_penalty: 2")], "with a length penalty of 2, which ctransl"),
        ([("beam: 2", "beam: 2, length_penalty: -1")], "penalty from 0 to 1.5 in its first eval"),
        (
            [
                ("beam: 2}", "beam: 2}, choose: {decode.length_penalty: [1, 1.6], by: valid.bleu}"),
                VALID,
            ],
            "learn is decoded with a length penalty of 1.6",
        ),
        ([(STUDENT, LLAMA)], "learn has attention_window 4, which ctranslate2 cannot hold"),
        ([(STUDENT, LLAMA)], "learn has rotary_scaling of kind llama3, which ctranslate2 cannot"),
        ([(STUDENT, LLAMA)], "learn has attention_cap 9, which ctranslate2 cannot hold"),
        ([(STUDENT, LLAMA)], "learn has unrotated_layers [1], which ctranslate2 cannot hold"),
        ([("int8}", "int4}"), ("2_int8,", "2_int4,")], "export.1.quantize: found 'int4'"),
        ([("format: ctranslate2", "format: ctrans")], "'ctrans' is no format; expected one of "),
        ([("of: learn, format", "of: lern, format")], "export.1.of: there is no stage 'lern'"),
        (
            [("  - learn\n", "  - {of: learn, format: ctranslate2, quantize: int8}\n")],
            "export.1.of: learn as ctranslate2_int8 stands here twice",
        ),
        (
            [("2_int8,", "2_int,")],
            "learn has no export 'ctranslate2_int'; expected one of ctranslate2_int8; did you mean "
            "ctranslate2_int8?",
        ),
        ([("export: ctranslate2_int8", "export: saved_model")], "no export 'saved_model'"),
        ([("chrf]", "loss]")], "evaluate.1.metrics: loss of ctranslate2_int8, which answers with "),
        ([("against: learn}", "decode: {kind: greedy}}")], "evaluate.1.decode: decode of an "),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_with_its_place_and_a_way_out(errors, changes, said):
    found = errors(*changes)
    assert any(said in one for one in found), found
    assert all("; expected" in one for one in found)


def test_what_is_right_has_no_fault(errors):
    assert errors() == []
    assert errors(("beam, beam: 2", "greedy")) == []
    # What stands in the place of what is tried is never decoded with.
    tried = "beam: 1, length_penalty: 9}, choose: {decode.beam: [2, 4], by: valid.bleu, %s}"
    tried %= "decode.length_penalty: [0.6, 1.4]"
    assert errors(("beam: 2}", tried), VALID) == []
    assert errors(("quantize: int8", "quantize: bfloat16"), ("2_int8,", "2_bfloat16,")) == []


WRITES = (
    "steps: 2}}",
    "steps: 2}, out: {translate: learn, data: pairs, decode: {kind: beam, engine: ctranslate2}}}",
)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([("engine: ctranslate2", "engine: ctrans")], "engine: 'ctrans', which runs no search"),
        ([("engine: ctranslate2", "engine: saved_model")], "'saved_model', which runs no search"),
        ([("engine: ctranslate2", "engine: {quantize: int8}")], "decode.engine: no format"),
        ([("engine: ctranslate2", "engine: [8]")], "out.decode.engine: found a list"),
        ([("engine: ctranslate2", "engine: 5")], "engine: found 5; expected a format's name, like"),
        (
            [("engine: ctranslate2", "engine: {format: ctranslate2, quantize: int4}")],
            "stages.out.decode.engine.quantize: found 'int4'",
        ),
        (
            [("engine: ctranslate2", "engine: {format: ctranslate2, of: learn}")],
            "stages.out.decode.engine.of: of an engine; expected no of",
        ),
        ([(STUDENT, RNN)], "stages.out.decode.engine: learn is of kind rnn, which ctranslate2"),
        (
            [("beam, engine", "beam, length_penalty: 3, engine")],
            "engine: learn is decoded with a length penalty of 3, which ctranslate2 cannot hold",
        ),
        ([("beam, beam: 2", "beam, engine: ctranslate2")], "evaluate.0.decode.engine: an engine, "),
        (
            [("beam, beam: 2}", "beam}, choose: {decode.engine: [a], by: valid.bleu}"), VALID],
            "beam has no 'engine' to try",
        ),
        (
            [("steps: 2}, ", "steps: 2, validate: {on: valid, metrics: [bleu], "
              "decode: {kind: greedy, engine: ctranslate2}}}, "), VALID],
            "stages.learn.validate.decode.engine: an engine, which runs translate stages alone",
        ),
        ([("kind: beam, engine", "kind: sample, engine")], "stages.out.decode.engine: "),
    ],
)  # fmt: skip
def test_engines_of_translate_stages_that_cannot_be_are_told(errors, changes, said):
    assert errors(WRITES) == []
    found = errors(WRITES, *changes)
    assert any(said in one for one in found), found
    assert all("; expected" in one for one in found)
