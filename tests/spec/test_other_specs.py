"""References to stages of other specs."""

import pytest

from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors

SPEC = """\
tfkd: 1
name: {name}
data: {{train: {{parallel: [a.de, a.en]}}}}
tokenizers: {{joint: {{learn_from: train}}}}
teacher: {{kind: bert, layers: 1, width: 8, heads: 2, tokenizer: joint}}
views: {{mlm: {{kind: mlm}}}}
stages:
  tuned: {{train: teacher, data: train, steps: 1, objective: {{masked_lm: {{view: mlm}}}}{more}}}
  scored: {{score: tuned, data: train}}
variants:
  long: {{stages.tuned.steps: 2, stages.only_here: {{score: tuned, data: train}}}}
evaluate: [{{of: scored, on: train, metrics: teacher_check}}]
"""


def write(folder, reference: str):
    (folder / "sub").mkdir()
    (folder / "sub" / "first.yaml").write_text(SPEC.format(name="first", more=""), "utf-8")
    (folder / "broken.yaml").write_text("stages: [", "utf-8")
    path = folder / "second.yaml"
    path.write_text(SPEC.format(name="second", more=f', from: "{reference}"'), "utf-8")
    return path


@pytest.mark.parametrize("reference", ["sub/first.yaml:tuned", "sub/first.yaml:tuned#long"])
def test_a_stage_of_another_spec_may_be_named(tmp_path, reference):
    spec = load_spec(write(tmp_path, reference))
    assert spec.stages["tuned"].from_ == reference


@pytest.mark.parametrize(
    ("reference", "part"),
    [
        ("gone.yaml:tuned", "gone.yaml cannot be read"),
        (f"{'g' * 300}.yaml:tuned", "cannot be read"),
        ("broken.yaml:tuned", "no valid YAML"),
        ("sub/first.yaml:tund", "has no stage 'tund'; expected one of tuned, scored; did you mean"),
        ("sub/first.yaml:only_here", "has no stage 'only_here'"),
        ("sub/first.yaml:only_here#long", "another kind of stage; expected a train or load stage"),
        ("sub/first.yaml:scored", "another kind of stage; expected a train or load stage"),
        ("sub/first.yaml:tuned#lnog", "has no variant 'lnog'; expected one of long; did you mean"),
        ("second.yaml:tuned", "second.yaml is this spec; expected STAGE or STAGE#VARIANT"),
    ],
)
def test_a_reference_that_leads_nowhere_is_a_fault(tmp_path, reference, part):
    path = write(tmp_path, reference)
    with pytest.raises(SpecErrors) as caught:
        load_spec(path)
    (error,) = caught.value.errors
    assert str(error).startswith(f"{path}:8: stages.tuned.from: ")
    assert part in str(error)


def test_a_long_reference_is_shortened_in_its_fault(tmp_path):
    path = write(tmp_path, f"{'long/' * 700}far.yaml:tuned")
    with pytest.raises(SpecErrors) as caught:
        load_spec(path)
    assert "cannot be read" in str(caught.value)
    assert str(caught.value).count("long/") < 100


def test_a_spec_that_many_stages_refer_to_is_read_once(tmp_path, monkeypatch):
    from tfkd.spec.source import compose

    names = []
    read = compose.read_file
    monkeypatch.setattr(compose, "read_file", lambda *of: names.append(of[0]) or read(*of))
    path = write(tmp_path, "sub/first.yaml:tuned")
    stage = "{score: 'sub/first.yaml:tuned', data: train}"
    load_spec(path, overrides=[f"stages.more_{number}={stage}" for number in range(20)])
    assert sorted(name.name for name in map(type(tmp_path), names)) == ["first.yaml", "second.yaml"]


def test_a_classifier_of_another_spec_scores_what_is_no_pair(tmp_path):
    """What such a teacher is for, its own spec says: it is not taken for a translator's."""
    write(tmp_path, "sub/first.yaml:tuned")
    path = tmp_path / "third.yaml"
    path.write_text(
        """\
tfkd: 1
name: third
data: {train: {tsv: a.tsv, columns: {text: 0, label: 1}}}
tokenizers: {joint: {learn_from: train}}
student: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: joint,
  head: {kind: classifier, classes: [train]}}
stages:
  targets: {score: "sub/first.yaml:tuned", data: train}
  learn: {train: student, data: train, steps: 1, objective: {soft_targets: {teacher: targets}}}
evaluate: [{of: targets, on: train, metrics: teacher_check}]
""",
        "utf-8",
    )
    assert load_spec(path).stages["targets"].score == "sub/first.yaml:tuned"
    with pytest.raises(SpecErrors, match="has no stage 'tund'"):
        load_spec(path, overrides=["stages.targets.score=sub/first.yaml:tund"])
