"""What is wrong with options, in words: one test a kind of fault, whole lines compared."""

import pytest

from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors

SPEC = """\
tfkd: 1
name: words
data: {train: {parallel: [a.de, a.en]}}
tokenizers: {joint: {learn_from: train}}
student:
  {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: joint}
teacher: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: joint}
views: {mlm: {kind: mlm}}
stages:
  s:
    train: student
    data: train
    steps: 5
    objective: {cross_entropy: {}}
export: [s]
"""


def fault(tmp_path, *overrides: str) -> str:
    """The one line that a change of a valid spec brings."""
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC, "utf-8")
    with pytest.raises(SpecErrors) as caught:
        load_spec(path, overrides=overrides)
    (error,) = caught.value.errors
    return str(error)


def test_the_spec_that_is_changed_here_is_valid(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC, "utf-8")
    assert load_spec(path).stages["s"].steps == 5


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("stages.s.steps=many", "stages.s.steps: 'many' is text; expected a whole number"),
        ("stages.s.steps='5'", "stages.s.steps: '5' is text; expected a whole number"),
        ("stages.s.steps=0", "stages.s.steps: 0 is too small; expected at least 1"),
        ("stages.s.steps=2.5", "stages.s.steps: 2.5 is no whole number; expected a whole number"),
        ("stages.s.steps=true", "stages.s.steps: found true; expected a whole number"),
        ("stages.s.steps=[5]", "stages.s.steps: found a list; expected a whole number"),
        ("student.dropout=1", "student.dropout: 1 is too large; expected less than 1"),
        ("student.dropout=.nan", "student.dropout: found nan; expected a finite number"),
        ("student.output_bias=yes", "student.output_bias: 'yes' is text; expected true or false"),
        (
            "teacher.activation=geluu",
            "teacher.activation: found 'geluu'; expected one of relu, gelu, gelu_tanh, silu; "
            "did you mean gelu?",
        ),
        (
            "views.mlm.q=1",
            "views.mlm.q: unknown key; expected one of max_length, kind, p, replace",
        ),
        ("views.mlm.p=x", "views.mlm.p: 'x' is text; expected a number or a mapping"),
        ("views.mlm.p=2", "views.mlm.p: 2 is too large; expected at most 1"),
        (
            "views.mlm.p={unifrm: [0, 1]}",
            "views.mlm.p.unifrm: unknown key; expected one of uniform; did you mean uniform?",
        ),
        ("views.mlm.p={}", "views.mlm.p: no uniform"),
        ("views.mlm.replace=[80, 20]", "views.mlm.replace: 2 entries; expected at least 3"),
        (
            "stages.s.validate={on: train, keep: {bset: loss}}",
            "stages.s.validate.keep.bset: unknown key; expected one of best, average; "
            "did you mean best?",
        ),
        (
            "stages.s.validate={on: train, keep: {}}",
            "stages.s.validate.keep: no best or average; expected one of them",
        ),
        (
            "stages.s.validate={on: train, keep: {best: 5}}",
            "stages.s.validate.keep.best: found 5; expected text",
        ),
        (
            "stages.s.data=[{weight: 2}]",
            "stages.s.data.0.of: missing; expected the corpus, or a stage that writes one",
        ),
        (
            "student={kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 9, heads: 3, "
            "tokenizer: joint}",
            "student: width is 9; expected an even one with sinusoidal positions",
        ),
        (
            "stages.s.validate={on: train, patience: 3}",
            "stages.s.validate: patience without a measure of better; expected keep: "
            "{best: METRIC} beside it",
        ),
        (
            "stages.s.validate={on: train, patience: 3, keep: {average: 2}}",
            "stages.s.validate: patience without a measure of better; expected keep: "
            "{best: METRIC} beside it",
        ),
        ("student.heads=3", "student: heads (3) must divide width (8)"),
        ("data.train.parallel=[a]", "data.train.parallel: 1 entry; expected at least 2"),
    ],
)
def test_one_line_for_one_fault(tmp_path, change, line):
    found = fault(tmp_path, change)
    place, _, rest = found.partition(": ")
    assert rest == line
    assert place == "--set" or place.startswith(str(tmp_path / "spec.yaml"))


@pytest.mark.parametrize(
    "change",
    [
        "student={kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 9, heads: 3, "
        "tokenizer: joint, positions: learned}",
        "teacher={kind: bert, layers: 1, width: 9, heads: 3, tokenizer: joint}",
        "stages.s.validate={on: train, patience: 3, keep: {best: loss}}",
    ],
)
def test_what_looks_alike_is_valid(tmp_path, change):
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC, "utf-8")
    load_spec(path, overrides=[change])


def test_long_values_are_cut(tmp_path):
    assert len(fault(tmp_path, f"stages.s.steps={'x' * 500}")) < 150


def test_null_stands_for_not_given(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.replace("steps: 5", "steps: 5\n    log_every: null"), "utf-8")
    assert load_spec(path).stages["s"].log_every == 50
    path.write_text(SPEC.replace("steps: 5", "steps: null"), "utf-8")
    with pytest.raises(SpecErrors, match=r"spec.yaml:13: stages.s.steps: missing"):
        load_spec(path)
