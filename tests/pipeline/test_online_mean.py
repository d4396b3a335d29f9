"""Several teachers that are asked in each step, and one model of a stage with folds by itself."""

import json

import numpy as np
import pytest
from test_several_teachers import SPEC as CLASSES
from test_several_teachers import nodes

from tfkd import cli
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.inputs.parts import folds_of
from tfkd.pipeline.plan.step_sizes import step_sizes
from tfkd.reference.schema import json_schema
from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors, UserError

SPEC = """\
tfkd: 1
name: asked
data:
  train: {generated: everyday, rows: 60, seed: 2}
  valid: {generated: everyday, rows: 10, seed: 4}
tokenizers:
  joint: {kind: wordpiece, size: 200, learn_from: train}
  other: {kind: wordpiece, size: 150, learn_from: train}
teacher:
  small: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2,
          tokenizer: joint}
  large: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 12, heads: 2,
          tokenizer: joint}
  apart: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2,
          tokenizer: other}
  bert: {kind: bert, layers: 1, width: 8, heads: 2, max_length: 64, tokenizer: joint}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2,
          tokenizer: joint}
views: {mlm: {kind: mlm, max_length: 64}}
stages:
  one: {train: teacher.small, data: train, objective: {cross_entropy: {}}, steps: 4,
        schedule: {kind: constant, rate: 3e-2}}
  two: {train: teacher.large, data: train, objective: {cross_entropy: {}}, steps: 4,
        schedule: {kind: constant, rate: 3e-2}}
  three: {train: teacher.apart, data: train, objective: {cross_entropy: {}}, steps: 2}
  folded: {train: teacher.small, data: train, objective: {cross_entropy: {}}, steps: 4, folds: 2,
           schedule: {kind: constant, rate: 3e-2}}
  first: {fold: 1, of: folded}
  encoder: {train: teacher.bert, data: train, objective: {masked_lm: {view: mlm}}, steps: 2}
  words: {score: one, data: train}
  learn: {train: student, data: train, steps: 3, log_every: 1,
          objective: {soft_targets: {teacher: {one: 3, two: 1}}}}
  of_folds: {train: student, data: train, steps: 3, log_every: 1,
             objective: {soft_targets: {teacher: folded, divergence: reverse_kl}}}
  of_first: {train: student, from: one, data: train, steps: 3,
             objective: {cross_entropy: {weight: 0.5}, soft: {kind: soft_targets, teacher: first}}}
evaluate:
  - {of: learn, on: valid, metrics: [loss]}
  - {of: of_folds, on: valid, metrics: [loss]}
  - {of: of_first, on: valid, metrics: [loss], against: first}
  - {of: first, on: valid, metrics: [bleu, loss], decode: {kind: greedy}, bootstrap: 20}
export: [first]
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("asked") / "asked.yaml"
    path.write_text(SPEC, "utf-8")
    return path


def test_a_list_a_mapping_and_their_own_keys_are_one(path):
    term = load_spec(path).stages["learn"].objective["soft_targets"]
    assert term.teachers == ["one", "two"]
    assert term.shares == [0.75, 0.25]
    assert term.taught_by == "0.75 one and 0.25 two"

    def key(teacher):
        term = f"stages.learn.objective.soft_targets={{{teacher}}}"
        return nodes(path, term)["train learn"].key

    written = [
        "teacher: {one: 3, two: 1}",
        "teacher: [one, two], weights: [0.75, 0.25]",
        "teacher: one, beside: [two], weights: [6, 2]",
    ]
    assert len({key(one) for one in written}) == 1
    others = ["teacher: [one, two]", "teacher: one", "teacher: [one]", "teacher: {one: 2}"]
    keys = [key(one) for one in (written[0], *others)]
    assert len({*keys}) == 3
    assert len({*keys[2:]}) == 1
    assert {"train one", "train two"} <= nodes(path).keys()


@pytest.mark.parametrize(
    ("term", "told"),
    [
        ("{teacher: [one, one]}", "one twice"),
        ("{teacher: [one, three]}", "three reads the pieces of other"),
        (
            "{teacher: [one, words]}",
            "words is a score stage, beside others; expected a score stage",
        ),
        ("{teacher: [one, folded]}", "folded has folds.*beside others; expected it alone, or one"),
        ("{teacher: [one, encoder]}", "encoder is a teacher of another kind than one"),
        ("{teacher: {one: 1, two: 0}}", r"teacher\.two: found 0; expected a weight above 0"),
        ("{teacher: [one, two], weights: [1]}", "1 weights of 2 teachers"),
        ("{teacher: [one, tow]}", "there is no stage 'tow'.*two"),
        ("{teacher: [one, learn]}", "a circle of stages: learn -> learn"),
        ("{teacher: []}", "teacher"),
        (
            "{kind: hidden_states, teacher: [one, two]}",
            "a list, and a hidden_states term has one teacher",
        ),
        ("{teacher: [one, two], rest: bucket}", "rest: bucket, of a whole distribution"),
    ],
)
def test_teachers_that_have_no_mean_are_refused(path, term, told):
    with pytest.raises(SpecErrors, match=told) as raised:
        load_spec(path, overrides=[f"stages.learn.objective.soft_targets={term}"])
    said = [str(error) for error in raised.value.errors]
    assert len(said) == len({*said})


def test_teachers_of_other_specs_are_found_from_what_extends_it_elsewhere(path):
    deep = path.parent / "more/deep/its.yaml"
    deep.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name("own.yaml")
    term = "stages: {learn: {objective: {soft_targets: {teacher: {two: 2, 'asked.yaml:one': 1}}}}}"
    own.write_text(f"extends: asked.yaml\nname: own\n{term}\n", "utf-8")
    deep.write_text("extends: ../../own.yaml\nname: deep\n", "utf-8")
    learn = nodes(deep)["train learn"]
    assert "asked:one" in [node.label for node in learn.inputs_of("teacher").values()]


def test_a_setting_that_is_tried_may_be_several(path):
    choose = "{objective.soft_targets.teacher: [one, [one, two]], by: valid.loss}"
    found = nodes(
        path,
        f"stages.learn.choose={choose}",
        "stages.learn.validate={on: valid, every: 3, metrics: [loss], keep: {best: loss}}",
    )
    trials = [node for name, node in found.items() if name.startswith("train learn[")]
    assert sorted("teacher.soft_targets.1" in node.inputs for node in trials) == [False, True]


def test_editors_know_all_three_ways_to_write_them():
    terms = json.dumps(json_schema())
    assert terms.count('"minProperties": 1') >= 2


def test_the_plan_counts_each_of_them(path):
    def counted(teacher):
        node = nodes(path, f"stages.learn.objective.soft_targets.teacher={teacher}")["train learn"]
        return [one.parameters for one in step_sizes(node, 1000, 20, 200, 200).teachers]

    (one,), two, folded = (counted(name) for name in ("one", "[one, two]", "folded"))
    assert two[0] == one < two[1]
    assert folded == [one, one]


@pytest.fixture(scope="module")
def run(path):
    runs = path.parent / "runs"
    assert cli.main(["run", str(path), "--runs-dir", str(runs)]) == cli.DONE
    results = json.loads((runs / "asked" / "results.json").read_text("utf-8"))
    return nodes(path), Context(data_dir=path.parent, runs_dir=runs), results


@pytest.mark.long
@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("stage", "teachers", "weights"),
    [
        ("learn", ["one", "two"], [0.75, 0.25]),
        ("of_folds", ["folded[fold 1 of 2]", "folded[fold 2 of 2]"], [0.5, 0.5]),
    ],
)
def test_a_stages_first_loss_is_that_of_the_mean(run, stage, teachers, weights):
    """Before the first update, without dropout in the teachers, against NumPy."""
    from tfkd.pipeline.inputs.models import started, trained_model
    from tfkd.pipeline.stages.terms import online_teachers, terms_of
    from tfkd.pipeline.stages.training_batches import batcher_of
    from tfkd.training import Distiller

    by_label, context, _ = run
    node = by_label[f"train {stage}"]
    batch = batcher_of(node, context).batch(0)
    student = started(node, context).model
    found = online_teachers(node, context)
    distiller = Distiller(student, terms_of(node, context), None, found)
    result = distiller.objective(batch, distiller.counts(batch), training=False)
    record = batch["plain"]
    where = record["target"]["valid"]

    def p(model):
        logits = model.head.logits(model(record)["hidden"])
        z = np.asarray(logits, np.float64)[where]
        return np.exp(z - z.max(-1, keepdims=True)) / np.exp(z - z.max(-1, keepdims=True)).sum(
            -1, keepdims=True
        )

    models = [trained_model(by_label[f"train {name}"], context) for name in teachers]
    q = sum(weight * p(model) for weight, model in zip(weights, models, strict=True))
    ours = p(student)
    expected = (
        (ours * np.log(ours / q)).sum(-1) if stage == "of_folds" else -(q * np.log(ours)).sum(-1)
    )
    np.testing.assert_allclose(float(result.loss), expected.mean(), rtol=1e-4)


@pytest.mark.long
@pytest.mark.tensorflow
def test_one_model_of_the_folds_is_measured_decoded_and_exported(run):
    by_label, context, results = run
    label = "folded[fold 1 of 2]"
    assert by_label[f"train {label}"] is folds_of(by_label["train folded"])[0]
    found = {one["of"]: one for one in results["evaluations"]}
    assert {"bleu", "loss"} <= found["first"]["metrics"].keys()
    assert found["of_first"]["against"]["of"] == "first"
    assert (context.runs_dir / "asked" / "export" / "first").is_dir()


@pytest.mark.long
@pytest.mark.tensorflow
def test_what_the_checks_of_one_spec_do_not_know_is_refused_in_the_run(path):
    from tfkd.pipeline.stages.terms import online_teachers

    for name, term, told in (
        ("hidden", "{kind: hidden_states, teacher: 'asked.yaml:folded'}", "no mean of hidden"),
        ("beside", "{teacher: [one, 'asked.yaml:folded']}", "folds.*beside others"),
    ):
        other = path.with_name(f"{name}.yaml")
        stages = f"{{learn: {{objective: {{soft_targets: {term}}}}}}}"
        other.write_text(f"extends: asked.yaml\nname: {name}\nstages: {stages}\n", "utf-8")
        node = nodes(other)["train learn"]
        context = Context(data_dir=path.parent, runs_dir=path.parent / "runs")
        with pytest.raises(UserError, match=told):
            online_teachers(node, context)


@pytest.mark.long
@pytest.mark.tensorflow
def test_classes_are_learnt_of_the_mean(tmp_path):
    from tfkd.pipeline.inputs.models import started, trained_model
    from tfkd.pipeline.stages.terms import online_teachers, terms_of
    from tfkd.pipeline.stages.training_batches import batcher_of
    from tfkd.training import Distiller

    path, runs = tmp_path / "several.yaml", tmp_path / "runs"
    path.write_text(CLASSES, "utf-8")
    asked = "stages.learn.objective.soft_targets.teacher={one: 3, two: 1}"
    words = [
        "--set",
        asked,
        "--set",
        'evaluate=[{"of": learn, "on": valid, "metrics": [accuracy]}]',
    ]
    assert cli.main(["run", str(path), "--runs-dir", str(runs), *words]) == cli.DONE
    found, context = nodes(path, asked), Context(data_dir=tmp_path, runs_dir=runs)
    node = found["train learn"]
    batch, student = batcher_of(node, context).batch(0), started(node, context).model
    teachers = online_teachers(node, context)
    distiller = Distiller(student, terms_of(node, context), None, teachers)
    result = distiller.objective(batch, distiller.counts(batch), training=False)
    record = batch["plain"]

    def p(model):
        states = model(record)["hidden"][record["selected"]]
        z = np.asarray(model.heads["classifier"].logits(states), np.float64)
        return np.exp(z) / np.exp(z).sum(-1, keepdims=True)

    one, two = (p(trained_model(found[f"train {name}"], context)) for name in ("one", "two"))
    expected = -((0.75 * one + 0.25 * two) * np.log(p(student))).sum(-1).mean()
    np.testing.assert_allclose(float(result.loss), expected, rtol=1e-4)
