"""The targets of several teachers are the mean of their distributions."""

import json

import numpy as np
import pytest

from tfkd import cli
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.inputs.text_stages import place
from tfkd.reference.schema import json_schema
from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors, UserError

SPEC = """\
tfkd: 1
name: several
data:
  train: {generated: classes, fields: [text, label], rows: 60, seed: 2}
  valid: {generated: classes, fields: [text, label], rows: 20, seed: 4}
tokenizers:
  joint: {kind: wordpiece, size: 200, learn_from: train}
  other: {kind: wordpiece, size: 150, learn_from: train}
teacher:
  small: {kind: bert, layers: 1, width: 8, heads: 2, max_length: 64, tokenizer: joint,
          head: {kind: classifier, classes: [train]}}
  large: {kind: bert, layers: 1, width: 12, heads: 2, max_length: 64, tokenizer: joint,
          head: {kind: classifier, classes: [train]}}
  apart: {kind: bert, layers: 1, width: 8, heads: 2, max_length: 64, tokenizer: other,
          head: {kind: classifier, classes: [train]}}
student: {kind: bert, layers: 1, width: 8, heads: 2, max_length: 64, tokenizer: joint,
          head: {kind: classifier, classes: [train]}}
stages:
  one: {train: teacher.small, data: train, objective: {cross_entropy: {}}, steps: 4,
        schedule: {kind: constant, rate: 3e-2}}
  two: {train: teacher.large, data: train, objective: {cross_entropy: {}}, steps: 4,
        schedule: {kind: constant, rate: 3e-2}}
  three: {train: teacher.apart, data: train, objective: {cross_entropy: {}}, steps: 2}
  labels: {score: {one: 3, two: 1}, data: train}
  learn: {train: student, data: train, steps: 2, objective: {soft_targets: {teacher: labels}}}
evaluate:
  - {of: labels, on: valid, metrics: teacher_check}
export: [learn]
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "several.yaml"
    path.write_text(SPEC, "utf-8")
    return path


def nodes(path, *overrides):
    spec = load_spec(path, overrides=overrides)
    return {
        f"{node.kind} {node.label}": node for node in in_order(wanted(spec, path.parent).ends())
    }


def test_a_list_a_mapping_and_their_own_keys_are_one(path):
    spec = load_spec(path)
    assert spec.stages["labels"].teachers == ["one", "two"]
    assert spec.stages["labels"].shares == [0.75, 0.25]
    keys = {
        nodes(path, f"stages.labels={stage}")["score labels"].key
        for stage in (
            "{score: {one: 3, two: 1}, data: train}",
            "{score: [one, two], weights: [0.75, 0.25], data: train}",
            "{score: one, beside: [two], weights: [6, 2], data: train}",
        )
    }
    assert len(keys) == 1
    equal = nodes(path, "stages.labels={score: [one, two], data: train}")["score labels"]
    alone = nodes(path, "stages.labels={score: one, data: train}")["score labels"]
    assert len({*keys, equal.key, alone.key}) == 3
    same = nodes(path, "stages.labels={score: {one: 2, two: 2}, data: train}")["score labels"]
    assert same.key == equal.key
    learn = [
        nodes(path, f"stages.learn.objective.soft_targets.teacher={both}")["train learn"].key
        for both in ("[one, two]", "{one: 2, two: 2}", "{one: 1, two: 2}")
    ]
    assert learn[0] == learn[1] != learn[2]
    assert {"train one", "train two"} <= nodes(path).keys()


@pytest.mark.parametrize("none", ["[]", "{}"])
def test_no_teacher_at_all_is_one_fault(path, none):
    with pytest.raises(SpecErrors) as error:
        load_spec(path, overrides=[f"stages.learn.objective.soft_targets.teacher={none}"])
    assert any("teacher: none; expected a stage, [A, B] or" in str(one) for one in
               error.value.errors)  # fmt: skip
    assert not any("expected text" in str(one) for one in error.value.errors)


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        ("{score: [one, one], data: train}", "one twice"),
        ("{score: [one, three], data: train}", "three reads by other tokenizers than one"),
        ("{score: [one, two], weights: [1], data: train}", "1 weights of 2 teachers"),
        ("{score: {one: 1e308, two: 1e308}, data: train}", "a weight of 1e-100 to 1e.100"),
        ("{score: {one: 1, two: 1e-320}, data: train}", "a weight of 1e-100 to 1e.100"),
        ("{score: [one, two], weights: [1e308, 1e308], data: train}", "weights.0: found 1e.308"),
        (
            "{score: {one: 1, two: 0}, data: train}",
            r"score\.two: found 0; expected a weight above 0",
        ),
        ("{score: {one: .inf, two: 1}, data: train}", r"score\.one: found inf"),
        ("{score: {one: 1, two: 1}, weights: [1, 2], data: train}", "weights: score: says it, too"),
        ("{score: [one], beside: [two], data: train}", "beside: score: says it, too"),
        ("{score: [one, tow], data: train}", r"score\.1: there is no stage 'tow'.*two"),
        ("{score: one, beside: [tow], data: train}", r"beside\.0: there is no stage 'tow'"),
        ("{score: [one, learn], data: train}", "a circle of stages: labels -> learn -> labels"),
        ("{score: {one: 1, learn: 1}, data: train}", "a circle of stages: labels -> learn"),
    ],
)
def test_teachers_that_have_no_mean_are_refused(path, stage, told):
    with pytest.raises(SpecErrors, match=told):
        load_spec(path, overrides=[f"stages.labels={stage}"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("head.read=mark", r"score\.two: two is a teacher of another kind than one"),
        ("max_length=32", "two reads 32 tokens of a text, and one 64; expected the one that reads"),
    ],
)
def test_all_of_them_read_what_the_first_reads(path, change, told):
    with pytest.raises(SpecErrors, match=told):
        load_spec(path, overrides=[f"teacher.large.{change}"])


def test_the_checks_of_one_teacher_are_those_of_each(path):
    stages = "{train: student, data: pairs, steps: 2, objective: {cross_entropy: {}}}"
    changes = (
        "data.pairs={generated: everyday, rows: 20, seed: 5}",
        "student={kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, "
        "tokenizer: joint}",
        "views={hidden: {kind: mass}}",
        f"stages={{one: {stages}, two: {stages}, words: {{score: [one, two], data: pairs}}}}",
        "evaluate=[{of: one, on: pairs, metrics: [loss]}]",
        "export=[]",
    )
    load_spec(path, overrides=changes)
    segments = "stages.two.objective={cross_entropy: {view: hidden}}"
    with pytest.raises(SpecErrors, match=r"score\.1: two learns to write segments"):
        load_spec(path, overrides=[*changes, segments])


@pytest.mark.parametrize(
    "teachers", ["[two, '../several.yaml:one']", "{two: 2, '../several.yaml:one': 1}"]
)
def test_those_of_other_specs_are_found_from_what_extends_it_elsewhere(path, teachers):
    path.write_text(SPEC.replace("{one: 3, two: 1}", "two"), "utf-8")
    own, deep = path.parent / "specs/own.yaml", path.parent / "more/deep/its.yaml"
    for file in (own, deep):
        file.parent.mkdir(parents=True)
    labels = f"stages: {{labels: {{score: {teachers}}}}}"
    own.write_text(f"extends: ../several.yaml\nname: own\n{labels}\n", "utf-8")
    deep.write_text("extends: ../../specs/own.yaml\nname: deep\n", "utf-8")
    assert [key for key in nodes(deep) if "several:one" in key] == ["train several:one"]


def test_models_of_another_spec_in_folds_are_none_beside_others(path):
    other = path.with_name("other.yaml")
    stages = "{one: {folds: 2}, labels: {score: one}}"
    other.write_text(f"extends: several.yaml\nname: other\nstages: {stages}\n", "utf-8")
    for teachers in ("[two, 'other.yaml:one']", "{two: 1, 'other.yaml:one': 2}"):
        with pytest.raises(UserError, match=r"other:one has folds.*beside others"):
            nodes(path, f"stages.labels={{score: {teachers}, data: train}}")


def test_editors_know_all_three_ways_to_write_them():
    stages = json_schema()["$defs"]["stage"]["anyOf"]
    (score,) = [one["properties"]["score"] for one in stages if "score" in one["properties"]]
    assert {one["type"] for one in score["anyOf"]} == {"string", "array", "object"}
    assert "type" not in score


PAIRS = """\
tfkd: 1
name: pairs
data: {train: {generated: everyday, rows: 40, seed: 2}}
tokenizers: {joint: {kind: wordpiece, size: 200, learn_from: train}}
teacher: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2,
          positions: learned, max_length: 64, tokenizer: joint}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2,
          positions: learned, max_length: 16, tokenizer: joint}
stages:
  long: {train: teacher, data: train, objective: {cross_entropy: {}}, steps: 1}
  short: {train: student, data: train, objective: {cross_entropy: {}}, steps: 1}
  words: {score: [long, short], data: train}
export: [short]
"""


@pytest.mark.long
@pytest.mark.tensorflow
def test_pairs_are_scored_that_all_have_positions_for(tmp_path):
    from tfkd.targets import SoftTargetStore

    path = tmp_path / "pairs.yaml"
    path.write_text(PAIRS, "utf-8")
    runs = tmp_path / "runs"
    assert cli.main(["run", str(path), "--runs-dir", str(runs), "--until", "words"]) == cli.DONE
    counts = SoftTargetStore(runs / "pairs/words/store-0").counts
    assert 0 < (counts > 0).sum() < 40
    assert counts.max() <= 16


@pytest.mark.long
@pytest.mark.tensorflow
def test_the_store_has_the_weighted_mean(path):
    from tfkd.data.examples import ExampleSet
    from tfkd.pipeline.inputs.made import part_of
    from tfkd.pipeline.inputs.models import trained_model
    from tfkd.targets import SoftTargetStore

    runs = path.parent / "runs"
    assert cli.main(["run", str(path), "--runs-dir", str(runs)]) == cli.DONE
    context, found = Context(data_dir=path.parent, runs_dir=runs), nodes(path)
    labels = found["score labels"]
    examples = ExampleSet([part_of(labels, "data.0", "train", context)])
    record = labels.task.view(labels, context)(examples, np.arange(len(examples)), 0, 0)
    models = [trained_model(found[name], context) for name in ("train one", "train two")]
    said = [
        np.asarray(
            model.heads["classifier"].logits(model(record)["hidden"][record["selected"]]),
            np.float64,
        )
        for model in models
    ]
    each = np.exp(said) / np.exp(said).sum(-1, keepdims=True)
    stored = SoftTargetStore(place(labels, context).path / "store-0").take(np.arange(60), 1)
    values = np.zeros_like(each[0])
    np.put_along_axis(values, stored["ids"][:, 0], np.exp(stored["log_probabilities"][:, 0]), 1)
    np.testing.assert_allclose(values, 0.75 * each[0] + 0.25 * each[1], atol=2e-3)
    assert np.abs(each[0] - each[1]).max() > 0.02
    results = json.loads((runs / "several" / "results.json").read_text("utf-8"))
    (check,) = results["teacher_checks"]
    assert check["of"] == "labels"
    assert check["metrics"]["positions"] == 20
