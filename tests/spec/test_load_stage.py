"""A published checkpoint as a stage."""

import pytest
from spec_files import rests_on

from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors

SPEC = """\
tfkd: 1
name: loaded
data: {train: {parallel: [a.de, a.en]}}
tokenizers: {joint: {vocabulary: bert/vocab.txt}}
teacher: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: joint}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: joint}
views: {cmlm: {kind: conditional_mlm}}
stages:
  bert: {load: bert, into: teacher}
  tuned: {train: teacher, from: bert, data: train, steps: 1, objective: {masked_lm: {view: cmlm}}}
  targets: {score: tuned, data: train}
  raw: {score: bert, data: train}
evaluate: [{of: targets, on: train, metrics: teacher_check}]
"""  # noqa: E501


def load(folder, *overrides):
    path = folder / "spec.yaml"
    path.write_text(SPEC, "utf-8")
    return load_spec(path, overrides=overrides)


def test_stages_start_from_it_and_score_with_it(tmp_path):
    spec = load(tmp_path)
    assert spec.stages["bert"].kind == "load"
    assert rests_on(spec, "targets") == ["bert", "tuned", "targets"]
    assert spec.resolved()["stages"]["bert"] == {
        "load": "bert",
        "into": "teacher",
        "head": "published",
        "labels": {},
    }


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (
            "stages.bert.into=student",
            "stages.tuned.from: bert has a transformer, this stage trains a bert",
        ),
        ("stages.bert.into=techer", "no model 'techer'; expected one of teacher, student; did you"),
        ("stages.bert={load: bert}", "stages.bert.into: missing"),
        ("stages.bert={load: 5, into: teacher}", "stages.bert.load: found 5; expected text"),
        (
            "evaluate=[{of: bert, on: train, metrics: loss}]",
            "bert is a load stage; expected a train",
        ),
        ("export=[bert]", "bert is a load stage; expected a train stage"),
        ("stages.bert.train=teacher", "two kinds of stage in one"),
    ],
)
def test_what_does_not_fit_is_a_fault(tmp_path, change, part):
    with pytest.raises(SpecErrors) as caught:
        load(tmp_path, change)
    assert part in str(caught.value)
