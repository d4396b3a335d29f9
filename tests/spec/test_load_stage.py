"""A published checkpoint as a stage."""

import pytest
from spec_files import rests_on

from tfkd.pipeline.plan.smoke import smoke_spec
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


def test_smoke_learns_one_vocabulary_for_an_mbart_s_two_sides(tmp_path):
    """No learnt vocabulary has the pieces of languages, or one to put in front."""
    path = tmp_path / "spec.yaml"
    path.write_text(
        """\
tfkd: 1
name: it
data: {train: {parallel: [train.de, train.en]}}
tokenizers:
  source: {kind: sentencepiece, preset: checkpoint}
  target: {kind: sentencepiece, preset: checkpoint, start: en_XX}
teacher: {kind: transformer, tokenizer: {source: source, target: target}, encoder_layers: 2,
  decoder_layers: 1, width: 16, heads: 2, share_embeddings: all, source_lead: de_DE,
  target_lead: "</s>"}
student: {kind: transformer, tokenizer: {source: source, target: target}, encoder_layers: 1,
  decoder_layers: 1, width: 8, heads: 2}
stages:
  mbart: {load: checkpoint, into: teacher}
  learn: {train: student, data: train, steps: 1, objective: {soft_targets: {teacher: mbart}}}
""",
        "utf-8",
    )
    small = smoke_spec(load_spec(path))
    sides = [small.tokenizers[name].side for name in ("source", "target")]
    assert sides == ["source", "target"]
    assert small.models["teacher"].source_lead is None
    with pytest.raises(SpecErrors, match="start belongs to preset"):
        load_spec(path, overrides=["tokenizers.target={kind: sentencepiece, start: en_XX, "
                                   "learn_from: train}"])  # fmt: skip
