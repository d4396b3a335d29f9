"""A tuning with rounded products through a pipeline: plan, validation, result, export in 8 bits."""

import json

import pytest
from everyday_line import everyday
from test_several_teachers import nodes

from tfkd import cli
from tfkd.layers import fake_quantize
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.inputs.models import trained_model
from tfkd.pipeline.stages.validation import validation
from tfkd.training import read_history

SPEC = (
    everyday("tuned", width=16, train=200, valid=20)
    + """\
stages:
  learn: {train: student, data: train, steps: 30, objective: {cross_entropy: {}}}
  tune:
    train: student
    from: learn
    data: train
    objective: {cross_entropy: {}}
    steps: 10
    precision: {fake_quantize: int8}
    schedule: {kind: constant, rate: 1e-4}
    validate: {on: valid, every: 5, metrics: [loss]}
evaluate:
  - {of: tune, on: valid, metrics: [loss, bleu], decode: {kind: greedy}, bootstrap: 20}
"""
)
EXPORTS = """\
  - {of: tune, on: valid, metrics: [bleu], export: ctranslate2_int8, against: tune, bootstrap: 20}
export: [{of: tune, format: ctranslate2, quantize: int8}]
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("tuned") / "tuned.yaml"
    path.write_text(SPEC, "utf-8")
    return path


@pytest.mark.long
@pytest.mark.tensorflow
def test_a_stage_trains_and_validates_rounded_and_leaves_plain_weights(path, capsys):
    runs = path.parent / "runs"
    assert cli.main(["plan", str(path), "--runs-dir", str(runs)]) == cli.DONE
    said = capsys.readouterr().out
    assert "tune: products are rounded to int8 in the forward pass and in validations" in said
    assert "learn: products" not in said
    assert cli.main(["run", str(path), "--runs-dir", str(runs)]) == cli.DONE
    assert "products rounded to int8" in capsys.readouterr().out

    node, context = nodes(path)["train tune"], Context(data_dir=path.parent, runs_dir=runs)
    lines = read_history(context.folder(node).path / "history.jsonl")
    (told,) = [line["validation"] for line in lines if "validation" in line and line["step"] == 10]
    model, measure = trained_model(node, context), validation(node, context)
    plain = measure(model)["loss"]
    fake_quantize(model)
    rounded = validation(node, context)(model)["loss"]
    assert told["loss"] == pytest.approx(rounded, abs=1e-6)
    assert abs(plain - rounded) > 1e-5

    (found,) = json.loads((runs / "tuned" / "results.json").read_text("utf-8"))["evaluations"]
    assert found["metrics"]["loss"]["value"] == pytest.approx(plain, rel=1e-3)


@pytest.mark.long
@pytest.mark.tensorflow
def test_what_was_tuned_is_exported(path):
    pytest.importorskip("ctranslate2")
    path.write_text(SPEC + EXPORTS, "utf-8")
    runs = path.parent / "runs"
    assert cli.main(["run", str(path), "--runs-dir", str(runs)]) == cli.DONE
    found = json.loads((runs / "tuned" / "results.json").read_text("utf-8"))["evaluations"]
    assert [one.get("export") for one in found] == [None, "ctranslate2_int8"]
