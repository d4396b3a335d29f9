"""LightPAFF on MASS end to end: four steps on text and pairs, and figures under noise."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from margins import share_right
from noise_by_hand import put_noise
from small_line import arguments, write_line

from tfkd import cli
from tfkd.data.examples import ExampleSet
from tfkd.data.views import MassView
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.inputs.made import part_of, side_tokenizers
from tfkd.pipeline.inputs.models import trained_model
from tfkd.pipeline.plan.smoke import smoke_spec
from tfkd.spec import load_spec

pytestmark = pytest.mark.long

SPEC = """\
tfkd: 1
name: paff
data:
  train: {parallel: [train.de, train.en], lower_case: true}
  valid: {parallel: [valid.de, valid.en], lower_case: true}
  german: {text: [train.de], lower_case: true}
  english: {text: [train.en], lower_case: true}
  held: {text: valid.en, lower_case: true}
tokenizers: {joint: {kind: wordpiece, size: 150, learn_from: [german, english]}}
teacher:
  mass:
    kind: transformer
    encoder_layers: 2
    decoder_layers: 1
    width: 16
    heads: 2
    positions: learned
    max_length: 64
    tokenizer: joint
  bert: {kind: bert, layers: 1, width: 16, heads: 2, max_length: 64, tokenizer: joint}
student:
  kind: transformer
  encoder_layers: 1
  decoder_layers: 1
  width: 8
  heads: 2
  positions: learned
  max_length: 64
  tokenizer: joint
views:
  segment: {kind: mass}
  mlm: {kind: mlm, max_length: 64}
stages:
  teacher_pretrain:
    train: teacher.mass
    data: [german, english]
    objective: {cross_entropy: {view: segment}}
    steps: 30
    batch: {size: 512, unit: max_tokens}
    schedule: {kind: linear, rate: 2e-2}
  bert_pretrain:
    train: teacher.bert
    data: [german, english]
    objective: {masked_lm: {view: mlm}}
    steps: 2
    batch: {size: 512, unit: joint_tokens}
  teacher_finetune:
    train: teacher.mass
    from: teacher_pretrain
    data: train
    objective: {cross_entropy: {}}
    steps: 4
    batch: {size: 512, unit: max_tokens}
  student_pretrain:
    train: student
    data: [german, english]
    balance: {soft: 0.7}
    objective:
      words: {kind: cross_entropy, view: segment}
      soft: {kind: soft_targets, view: segment, teacher: teacher_pretrain}
    steps: 4
    batch: {size: 512, unit: target_tokens}
    log_every: 2
    validate: {on: held, every: 2, metrics: [loss, accuracy], keep: {best: loss}}
  student_finetune:
    train: student
    from: student_pretrain
    data: train
    balance: {soft: 0.5}
    objective:
      words: {kind: cross_entropy}
      soft: {kind: soft_targets, teacher: teacher_finetune}
    steps: 4
    batch: {size: 512, unit: max_tokens}
    log_every: 2
variants:
  no_distillation:
    stages.student_pretrain.balance: {soft: 0}
    stages.student_finetune.balance: {soft: 0}
evaluate:
  - of: student_pretrain
    on: held
    metrics: [accuracy, loss, perplexity]
    against: teacher_pretrain
    bootstrap: 20
    noise: {sigma: [0.4, 0.1], draws: 2, metrics: [loss, accuracy]}
  - {of: bert_pretrain, on: held, metrics: accuracy, bootstrap: 20}
  - {of: teacher_pretrain, on: held, metrics: teacher_check}
  - {of: teacher_pretrain, on: held, metrics: teacher_check, against: student_pretrain}
  - of: student_finetune
    on: valid
    metrics: [bleu, loss]
    decode: {kind: greedy}
    bootstrap: 20
    noise: {sigma: 0.2, draws: 2, metrics: bleu}
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paff")
    write_line(folder)
    path = folder / "paff.yaml"
    path.write_text(SPEC, "utf-8")
    return path


@pytest.fixture(scope="module")
def run(spec):
    runs = spec.parent / "runs"
    assert cli.main(arguments(spec, runs)) == cli.DONE
    folder = runs / "paff"
    results = json.loads((folder / "results.json").read_text("utf-8"))
    return SimpleNamespace(folder=folder, runs=runs, results=results)


def graph(spec, runs, *, change=None, **options):
    loaded = load_spec(spec, **options)
    loaded = change(loaded) if change else loaded
    return {
        f"{node.kind} {node.label}": node for node in in_order(wanted(loaded, spec.parent).nodes())
    }, Context(data_dir=spec.parent, runs_dir=runs)


def evaluated(run, of):
    (entry,) = [one for one in run.results["evaluations"] if one["of"] == of]
    return entry


def predictions(spec, run, stage):
    """Model, segments and [rows, m] gold words of the held-out text, drawn as validations are."""
    nodes, context = graph(spec, run.runs)
    node = nodes[f"train {stage}"]
    part = part_of(nodes[f"evaluate {stage} on held"], "data", "held", context)
    tokenizer = side_tokenizers(node, context)["source"]
    (name,) = {tokenizer for _, tokenizer in part.fields}
    view = MassView(name, tokenizer)
    record = view(ExampleSet([part]), np.arange(part.rows), 0, 0)
    record = tf.nest.map_structure(tf.convert_to_tensor, record)
    return trained_model(node, context), record


def figures(model, record):
    """Loss over the segments' words, and what equals their accuracy, by all logits at once."""
    logits = model.head.logits(model(record)["hidden"]).numpy().astype(np.float64)
    valid, gold = record["target"]["valid"].numpy(), record["target"]["labels"].numpy()[..., None]
    log_sum = np.log(np.exp(logits).sum(-1))
    nll = log_sum - np.take_along_axis(logits, gold, -1)[..., 0]
    return nll[valid].mean(), share_right(logits[valid], gold[valid][..., 0])


def test_pre_training_is_measured_at_the_segments_words(spec, run):
    """Table 8's accuracies: of the view that a stage learns in, with intervals."""
    entry = evaluated(run, "student_pretrain")
    loss, accuracy = figures(*predictions(spec, run, "student_pretrain"))
    for metric, value in (("loss", pytest.approx(loss, rel=1e-4)), ("accuracy", accuracy)):
        found = entry["metrics"][metric]
        assert found["value"] == value
        assert found["low"] <= found["value"] <= found["high"]
    loss, accuracy = figures(*predictions(spec, run, "teacher_pretrain"))
    assert entry["against"]["metrics"]["loss"]["value"] == pytest.approx(loss, rel=1e-4)
    assert entry["against"]["metrics"]["accuracy"]["value"] == accuracy
    bert = evaluated(run, "bert_pretrain")["metrics"]["accuracy"]
    assert bert["low"] <= bert["value"] <= bert["high"]


def test_a_teacher_of_segments_is_held_against_itself_without_the_text(spec, run):
    asked, compared = run.results["teacher_checks"]
    model, record = predictions(spec, run, "teacher_pretrain")
    _, accuracy = figures(model, record)
    assert asked["metrics"]["accuracy"] == accuracy
    ids, valid = (record["source"][key].numpy() for key in ("ids", "valid"))
    words = np.arange(ids.shape[1]) < valid.sum(1, keepdims=True) - 1
    ends = valid & ~words
    mask, end = 4, 3
    blank = {
        "ids": tf.constant(np.where(words, mask, np.where(ends, end, ids))),
        "valid": tf.constant(valid),
        "memory_valid": tf.constant(ends),
    }
    _, blind = figures(model, {**record, "source": blank})
    assert asked["baseline"]["accuracy"] == blind
    gold = record["target"]["labels"].numpy()[record["target"]["valid"].numpy()]
    assert asked["most_frequent"] == pytest.approx(np.bincount(gold).max() / len(gold))
    assert asked["beside"] == "the teacher that reads no text around"
    assert f"of {len(gold):,} hidden words" in asked["message"]
    assert compared["beside"] == "a model without a teacher"
    student = evaluated(run, "student_pretrain")["metrics"]["accuracy"]["value"]
    assert compared["baseline"]["accuracy"] == pytest.approx(student)
    assert compared["metrics"]["accuracy"] == accuracy
    assert compared["metrics"]["positions"] == compared["baseline"]["positions"] == len(gold)


def test_both_distillations_ask_the_teacher(run):
    for stage in ("student_pretrain", "student_finetune"):
        lines = [line for line in run.results["histories"][stage] if "terms" in line]
        share = 0.7 if stage == "student_pretrain" else 0.5
        for line in lines:
            words, soft = line["terms"]["words"], line["terms"]["soft"]
            # The logged loss is a mean over steps, the terms' are over their words.
            assert line["loss"] == pytest.approx((1 - share) * words + share * soft, rel=5e-3)
            assert line["metrics"]["soft.kl"] > 0
    validations = [
        line["validation"]
        for line in run.results["histories"]["student_pretrain"]
        if "validation" in line
    ]
    assert len(validations) == 2
    assert validations[-1].keys() == {"loss", "accuracy"}


def test_the_plan_counts_online_encoder_decoders(spec, run, capsys):
    assert cli.main(["plan", *arguments(spec, run.runs)[1:]]) == cli.DONE
    said = capsys.readouterr().out
    assert "student_pretrain: online teachers take" in said
    assert "student_finetune: online teachers take" in said


def test_without_a_share_the_teacher_is_not_trained_for_it(spec, run):
    nodes, _ = graph(spec, run.runs, variant="no_distillation")
    student = nodes["train student_finetune#no_distillation"]
    assert not any(role.startswith("teacher.") for role in student.inputs)
    assert not any(node.label.startswith("teacher_finetune") for node in nodes.values())
    plain, _ = graph(
        spec, run.runs,
        overrides=[
            "stages.student_pretrain.balance=null",
            "stages.student_finetune.balance=null",
            "stages.student_pretrain.objective={words: {kind: cross_entropy, view: segment}}",
            "stages.student_finetune.objective={words: {kind: cross_entropy}}",
        ],
    )  # fmt: skip
    # Both are one stage, trained once.
    assert plain["train student_finetune"].key == student.key


@pytest.mark.parametrize("stage", ["student_pretrain", "teacher_pretrain"])
def test_figures_under_noise_are_those_of_the_perturbed_model(spec, run, stage):
    entry = evaluated(run, "student_pretrain")
    noise = (entry if stage == "student_pretrain" else entry["against"])["noise"]
    assert noise["metrics"].keys() == {"loss", "accuracy"}
    loss = noise["metrics"]["loss"]
    assert [point["sigma"] for point in loss] == [0, 0.1, 0.4]
    whole = entry["metrics"] if stage == "student_pretrain" else entry["against"]["metrics"]
    assert loss[0]["values"] == [whole["loss"]["value"]]
    assert loss[0]["std"] is None
    values = loss[2]["values"]
    assert len(set(values)) == 2
    assert loss[2]["mean"] == pytest.approx(np.mean(values))
    assert loss[2]["std"] == pytest.approx(np.std(values, ddof=1))
    model, record = predictions(spec, run, stage)
    put_noise(model, 0.4, draw=1)
    expected, right = figures(model, record)
    assert values[1] == pytest.approx(expected, rel=1e-4)
    assert noise["metrics"]["accuracy"][2]["values"][1] == right


def test_outputs_are_scored_under_noise_where_that_is_asked_for(run):
    noise = evaluated(run, "student_finetune")["noise"]["metrics"]
    assert noise.keys() == {"bleu"}
    bleu = evaluated(run, "student_finetune")["metrics"]["bleu"]["value"]
    assert noise["bleu"][0]["values"] == [bleu]
    assert [len(point["values"]) for point in noise["bleu"]] == [1, 2]


def test_the_report_draws_student_and_teacher_together(run):
    page = (run.folder / "report.html").read_text("utf-8")
    assert 'id="noise"' in page
    assert "student_pretrain: " in page
    assert "at sigma 0.4" in page


def test_smoke_shrinks_it_and_plans(spec, run):
    nodes, _ = graph(spec, run.runs, change=smoke_spec)
    assert "train student_pretrain" in nodes
    noise = nodes["noise student_pretrain on held"]
    assert noise.options["draws"] == 2


def test_smoke_runs_every_stage(spec, run):
    assert cli.main([*arguments(spec, run.runs), "--smoke"]) == cli.DONE
