"""The targets of several teachers are the mean of their distributions."""

import json

import numpy as np
import pytest

from tfkd import cli
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.inputs.text_stages import place
from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors

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
    assert {"train one", "train two"} <= nodes(path).keys()


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        ("{score: [one, one], data: train}", "one twice"),
        ("{score: [one, three], data: train}", "three reads by other tokenizers than one"),
        ("{score: [one, two], weights: [1], data: train}", "1 weights of 2 teachers"),
        ("{score: {one: 1, two: 0}, data: train}", "0 is too small"),
        ("{score: [one, tow], data: train}", "there is no stage 'tow'.*two"),
    ],
)
def test_teachers_that_have_no_mean_are_refused(path, stage, told):
    with pytest.raises(SpecErrors, match=told):
        load_spec(path, overrides=[f"stages.labels={stage}"])


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
