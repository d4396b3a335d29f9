"""References to stages, and what a stage rests on by its own."""

import pytest
from spec_files import rests_on

from tfkd.spec import load_spec
from tfkd.spec.references import Reference, parse

SPEC = """\
tfkd: 1
name: needed
data: {train: {parallel: [a.de, a.en]}}
tokenizers: {joint: {learn_from: train}}
teacher: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: joint}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: joint}
views: {mlm: {kind: mlm}}
stages:
  student:
    {train: student, data: train, steps: 1, objective: {cross_entropy: {}, soft_targets: {teacher: targets}}}
  targets: {score: tuned, data: train}
  tuned: {train: teacher, from: begun, data: train, steps: 1, objective: {masked_lm: {view: mlm}}}
  begun: {train: teacher, data: train, steps: 1, objective: {masked_lm: {view: mlm}}}
  idle: {train: student, data: train, steps: 1, objective: {cross_entropy: {}}}
variants:
  alone: {stages.student.objective: {cross_entropy: {}}}
  no_weight: {stages.student.objective.soft_targets.weight: 0}
evaluate:
  - {of: student, on: train, metrics: bleu, against: student#alone}
export: [student]
"""  # noqa: E501


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "needed.yaml"
    path.write_text(SPEC, "utf-8")
    return load_spec(path)


def test_inputs_come_first_and_idle_stages_do_not_come(spec):
    assert rests_on(spec, "student") == ["begun", "tuned", "targets", "student"]


def test_a_term_of_weight_0_takes_its_teacher_with_it(spec):
    silent = spec.with_variant("no_weight")
    assert list(silent.stages["student"].objective) == ["cross_entropy"]
    assert rests_on(silent, "student") == ["student"]


@pytest.mark.parametrize("end", ["", "evaluate: []\nexport:\n", "export: []\n"])
def test_a_spec_without_ends_lends_its_stages(tmp_path, end):
    path = tmp_path / "nothing.yaml"
    path.write_text(SPEC.partition("evaluate:")[0] + end, "utf-8")
    spec = load_spec(path)
    assert (spec.evaluate, spec.export) == ((), ())
    assert "student" in spec.stages


@pytest.mark.parametrize(
    "end", ["export: [student]", "evaluate: [{of: student, on: train, metrics: loss}]"]
)
def test_a_base_that_runs_nothing_is_there_to_be_extended(tmp_path, end):
    (tmp_path / "base.yaml").write_text(SPEC.partition("evaluate:")[0], "utf-8")
    path = tmp_path / "real.yaml"
    path.write_text(f"extends: base.yaml\n{end}\n", "utf-8")
    spec = load_spec(path)
    assert [one.of for one in (*spec.export, *spec.evaluate)] == ["student"]


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("s", Reference("s")),
        ("s#v", Reference("s", "v")),
        ("a/b.yaml:s", Reference("s", None, "a/b.yaml")),
        ("c:/b.yaml:s#v", Reference("s", "v", "c:/b.yaml")),
    ],
)
def test_references_say_the_same_when_written_again(text, reference):
    assert parse(text) == reference
    assert str(reference) == text


@pytest.mark.parametrize("text", ["", "#v", "s#", ":s", "a.yaml:", "a.yaml:#v"])
def test_references_without_a_stage_variant_or_spec_are_refused(text):
    with pytest.raises(ValueError, match="is no reference"):
        parse(text)
