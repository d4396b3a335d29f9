"""Trainings in folds: who sees which row, who scores it, and what reads several models."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tfkd import cli, open_run
from tfkd.data.folds import parts_of, text_hashes
from tfkd.pipeline.engine.builder import GraphBuilder
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.inputs.parts import folds_of, open_parts
from tfkd.pipeline.inputs.text_stages import open_text, place
from tfkd.pipeline.plan.smoke import smoke_spec
from tfkd.pipeline.stages.asked_longer import told_of_longer
from tfkd.pipeline.stages.longer import ENDS
from tfkd.pipeline.stages.parts import uneven
from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors, UserError
from tfkd.spec.source.asked_steps import steps_override

SPEC = """\
tfkd: 1
name: folded
data:
  train: {generated: classes, fields: [text, label], rows: 60, seed: 2}
  more: {generated: classes, fields: [text], rows: 20, seed: 3}
  valid: {generated: classes, fields: [text, label], rows: 20, seed: 4}
tokenizers: {joint: {kind: wordpiece, size: 200, learn_from: train}}
teacher: {kind: bert, layers: 1, width: 8, heads: 2, max_length: 64, tokenizer: joint,
          dropout: 0.0, head: {kind: classifier, classes: [train]}}
student: {kind: bert, layers: 1, width: 8, heads: 2, max_length: 64, tokenizer: joint,
          head: {kind: classifier, classes: [train]}}
stages:
  tune:
    train: teacher
    data: train
    folds: 3
    objective: {cross_entropy: {}}
    steps: 6
    batch: {size: 16, unit: sentences}
    schedule: {kind: constant, rate: 3e-2}
    validate: {on: valid, every: 3, metrics: [accuracy], keep: {best: accuracy}}
  labels: {score: tune, data: [train, more]}
  learn:
    train: student
    data: [train, more]
    steps: 2
    objective: {soft_targets: {teacher: labels}}
variants:
  whole: {stages.tune.folds: null}
evaluate:
  - {of: labels, on: valid, metrics: teacher_check}
  - {of: tune, on: valid, metrics: [accuracy, loss], against: tune#whole}
export: [learn]
"""


TRANSLATORS = """\
data: {pairs: {generated: everyday, rows: 20, seed: 5}}
teacher: {kind: transformer, layers: null, encoder_layers: 1, decoder_layers: 1, head: null}
student: {kind: transformer, layers: null, encoder_layers: 1, decoder_layers: 1, head: null}
stages:
  tune: {data: pairs, validate: null}
  labels: {data: pairs}
  learn: {data: pairs}
evaluate: [{of: learn, on: pairs, metrics: [loss]}]
variants: null
export: null
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("folds") / "folded.yaml"
    path.write_text(SPEC, "utf-8")
    return path


def nodes(path, *overrides):
    spec = load_spec(path, overrides=overrides)
    return in_order(wanted(spec, path.parent).ends())


def test_the_graph_has_a_training_for_each_part(path):
    found = {node.label: node for node in nodes(path)}
    folds = folds_of(found["tune"])
    assert [one.label for one in folds] == [f"tune[fold {k} of 3]" for k in (1, 2, 3)]
    assert len({one.key for one in folds}) == 3
    # Of the part that one leaves out nothing else depends.
    alone = dict(folds[0].identity)
    assert alone.pop("left_out") == 0
    whole = found["tune#whole"]
    assert alone == whole.identity
    assert folds[0].inputs.keys() - whole.inputs.keys() == {"parts"}


def test_a_part_of_most_rows_is_told_of():
    assert uneven(np.array([520, 480])) == uneven(np.array([350, 340, 310])) == []
    (said,) = uneven(np.array([9000, 600, 400]))
    assert "9,000 of 10,000 rows are in one part" in said
    assert "learns from the other 1,000 alone" in said
    assert uneven(np.array([800, 400, 100, 100, 100]))
    assert not uneven(np.array([8, 1, 1]))


def test_a_number_of_folds_is_a_key_of_its_own(path):
    two = {node.label: node.key for node in nodes(path, "stages.tune.folds=2")}
    three = {node.label: node.key for node in nodes(path)}
    for name in ("tune", "labels", "learn"):
        assert three[name] != two[name]
    assert three["tune#whole"] == two["tune#whole"]
    five = [node.label for node in nodes(path, "stages.tune.folds=true")]
    assert "tune[fold 5 of 5]" in five


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("stages.tune.folds=1", "expected 2 to 20"),
        ("stages.tune.folds=false", "null for none"),
        ("stages.learn.from=tune", "tune has folds, and is several models"),
        (
            "stages.learn.objective.soft_targets.teacher=[tune, tune#whole]",
            "tune has folds.*beside others.*a stage {fold: 1, of: STAGE}",
        ),
        ("stages.learn.objective={hidden_states: {teacher: tune}}", "tune has folds"),
        ("stages.one={fold: 4, of: tune}", r"one\.fold: 4 of 3; expected 1 to 3"),
        ("stages.one={fold: 1, of: learn}", r"one\.of: learn has no folds"),
        ("stages.one={fold: 0, of: tune}", r"one\.fold"),
        ("stages.one={fold: 1, of: labels}", r"labels is a score stage"),
        ("export=[tune]", "tune has folds"),
        ("evaluate=[{of: tune, on: valid, metrics: [loss], noise: {sigma: 0.1}}]", "tune has"),
        ("stages.tune.choose={schedule.rate: [1e-2, 1e-3], by: valid.loss}", "folds and choose"),
    ],
)  # fmt: skip
def test_what_needs_one_model_is_refused(path, change, told):
    with pytest.raises(SpecErrors, match=told):
        load_spec(path, overrides=[change])


def test_another_specs_stage_is_refused_in_the_graph(path):
    other = path.with_name("other.yaml")
    text = SPEC.replace("name: folded", "name: other").replace("    folds: 3\n", "")
    other.write_text(text.replace("  learn:\n", "  learn:\n    from: folded.yaml:tune\n"), "utf-8")
    spec = load_spec(other)
    with pytest.raises(UserError, match=r"from\.all, which has folds.*Expected one of them"):
        GraphBuilder(path.parent, spec).stage(spec, "learn")


def test_one_of_the_models_is_a_stage_like_any_other(path):
    first = "stages.first={fold: 2, of: tune}"
    entry = "evaluate=[{of: first, on: valid, metrics: [loss], noise: {sigma: 0.1}}]"
    starts = "stages.learn.from=first"
    found = {node.label: node for node in nodes(path, first, entry)}
    second = found["tune[fold 2 of 3]"]
    assert second is folds_of(found["tune"])[1]
    learn = GraphBuilder(path.parent).stage(load_spec(path, overrides=[first, starts]), "learn")
    assert learn.inputs["from.all"].key == second.key
    beside = "stages.labels={score: first, data: train}"
    assert "tune" not in {node.label for node in nodes(path, first, beside, entry)}


def test_a_number_of_folds_that_another_spec_lacks_is_refused_in_the_graph(path):
    other = path.with_name("another.yaml")
    other.write_text(SPEC.replace("name: folded", "name: another"), "utf-8")
    for reference, told in (
        ("folded.yaml:tune", r"stages\.one\.fold: 7, and folded.yaml:tune has 3 folds"),
        ("folded.yaml:tune#whole", r"has no folds\. Expected a stage with folds"),
    ):
        spec = load_spec(other, overrides=[f"stages.one={{fold: 7, of: '{reference}'}}"])
        with pytest.raises(UserError, match=told):
            GraphBuilder(path.parent, spec).stage(spec, "one")


def test_no_text_is_asked_of_several_models_of_another_spec(path):
    other = path.with_name("measures.yaml")
    other.write_text(f"extends: folded.yaml\nname: measures\n{TRANSLATORS}", "utf-8")
    mine = path.with_name("mine.yaml")
    mine.write_text("extends: measures.yaml\nname: mine\nstages: {tune: {folds: null}}\n", "utf-8")
    entry = "evaluate=[{{of: measures.yaml:tune, on: pairs, metrics: [{}]}}]"
    assert "measures:tune" in [node.label for node in nodes(mine, entry.format("loss"))]
    with pytest.raises(UserError, match=r"measures:tune has folds.*writes no text"):
        nodes(mine, entry.format("bleu"))


@pytest.fixture(scope="module")
def run(path):
    runs = path.parent / "runs"
    assert cli.main(["run", str(path), "--runs-dir", str(runs)]) == cli.DONE
    results = json.loads((runs / "folded" / "results.json").read_text("utf-8"))
    context = Context(data_dir=path.parent, runs_dir=runs)
    return {f"{node.kind} {node.label}": node for node in nodes(path)}, context, results


@pytest.mark.long
@pytest.mark.tensorflow
def test_no_training_sees_the_rows_of_its_part(run, path):
    from tfkd.pipeline.stages.training_batches import batcher_of

    by_label, context, _ = run
    corpus = by_label["corpus train"]
    (expected,) = parts_of([[text_hashes(open_text(corpus, context).lines("text"))]], 3)
    for part, node in enumerate(folds_of(by_label["train tune"])):
        found = open_parts(node.inputs["parts"], corpus, context)
        np.testing.assert_array_equal(found, expected)
        batcher = batcher_of(node, context)
        batches = [batcher.plan.batch(number).examples for number in range(20)]
        seen = np.unique(np.concatenate(batches))
        np.testing.assert_array_equal(seen[seen >= 0], np.flatnonzero(expected != part))


@pytest.mark.long
@pytest.mark.tensorflow
def test_each_row_is_scored_by_the_model_that_has_not_seen_it_and_others_by_all(run):
    from tfkd.data.examples import ExampleSet
    from tfkd.pipeline.inputs.made import part_of
    from tfkd.pipeline.inputs.models import trained_model
    from tfkd.targets import SoftTargetStore

    by_label, context, _ = run
    labels, folds = by_label["score labels"], folds_of(by_label["train tune"])
    models = [trained_model(node, context) for node in folds]
    part = open_parts(folds[0].inputs["parts"], by_label["corpus train"], context)
    for index, name in enumerate(("train", "more")):
        examples = ExampleSet([part_of(labels, f"data.{index}", name, context)])
        view = labels.task.view(labels, context)
        record = view(examples, np.arange(len(examples)), 0, 0)
        said = [
            np.asarray(
                model.heads["classifier"].logits(model(record)["hidden"][record["selected"]]),
                np.float64,
            )
            for model in models
        ]
        p = np.exp(said) / np.exp(said).sum(-1, keepdims=True)
        expected = p[part, np.arange(len(part))] if name == "train" else p.mean(0)
        store = SoftTargetStore(place(labels, context).path / f"store-{index}")
        found = store.take(np.arange(len(examples)), 1)
        values = np.zeros_like(expected)
        np.put_along_axis(values, found["ids"][:, 0], np.exp(found["log_probabilities"][:, 0]), 1)
        np.testing.assert_allclose(values, expected, atol=2e-3)
        assert np.abs(p - p[::-1]).max() > 0.01


@pytest.mark.long
@pytest.mark.tensorflow
def test_results_tell_of_each_fold_and_of_all(run):
    _, _, results = run
    summary = results["stages"]["train tune"]["summary"]
    assert len(summary["folds"]) == 3
    assert 0 <= summary["agreement"] <= 1
    assert [f"tune[fold {k} of 3]" in results["histories"] for k in (1, 2, 3)] == [True] * 3
    header = json.loads(
        next((run[1].stages / run[0]["score labels"].key).glob("store-0/manifest.json")).read_text()
    )["header"]
    assert header["details"]["folds"] == [node.key for node in folds_of(run[0]["train tune"])]
    assert header["details"]["scored"] == "each row by the model that has not seen its part"


@pytest.mark.long
@pytest.mark.tensorflow
def test_each_fold_is_read_from_a_run_as_a_model_and_all_of_them_as_none(run):
    found = open_run(run[1].runs_dir / "folded")
    one = found.stage("tune[fold 2 of 3]")
    assert one.folder.name == folds_of(run[0]["train tune"])[1].key
    assert one.history()
    assert one.model().name
    for asked in ("model", "history"):
        with pytest.raises(UserError, match=r"several models|no training of its own"):
            getattr(found.stage("tune"), asked)()


@pytest.mark.long
@pytest.mark.tensorflow
def test_folds_without_their_ends_are_not_trained_longer_unasked(path, run):
    longer = nodes(path, steps_override({"tune": 4}))
    assert list(told_of_longer(longer, run[1])) == []
    shutil.rmtree(run[1].stages / ENDS)
    with pytest.raises(UserError, match=r"--more-steps tune=4: tune\[fold 1 of 3\] has ended at 6"):
        list(told_of_longer(longer, run[1]))


@pytest.mark.parametrize("spec", ["signals_sst2", "signals_ptb", "signals_multi30k"])
def test_a_teacher_check_of_folds_has_each_row_by_the_model_that_has_not_seen_it(spec):
    """Not by the mean of all, most of which have learnt it: a classifier's check was that."""
    path = Path(__file__).parents[2] / "specs" / f"{spec}.yaml"
    plan = wanted(smoke_spec(load_spec(path)), path.parent)
    checks = {(one.options.of, one.on): one for one in plan.teacher_checks}
    for number in (2, 5, 10):
        check = checks[f"targets#folds_{number}", "train"]
        assert check.teacher.kind == "score"
        assert folds_of(check.teacher.inputs["model"])
        assert not check.seen
    assert checks["targets", "train"].seen
