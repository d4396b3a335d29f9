"""A plugin's family of one file: it is validated, planned, trained, scored and exported."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from smoke_runs import run_tfkd

from tfkd.pipeline.plan.planner import plan
from tfkd.pipeline.plan.validate import validate
from tfkd.spec import load_spec, registry
from tfkd.spec.options.base import Options

pytestmark = pytest.mark.tensorflow

PLUGIN = Path(__file__).with_name("mean_encoder.py")
SPEC = """\
tfkd: 1
name: opinions
data:
  text: {generated: german_english, rows: 200, seed: 1, only: text}
  train: {generated: classes, fields: [text, label], rows: 200, seed: 2}
  valid: {generated: classes, fields: [text, label], rows: 100, seed: 3}
tokenizers: {joint: {kind: wordpiece, size: 300, learn_from: [text, train]}}
teacher: {kind: mean_encoder, layers: 3, width: 64, tokenizer: joint, head: {kind: classifier}}
student: {kind: mean_encoder, layers: 1, width: 32, tokenizer: joint, head: {kind: classifier}}
views: {mlm: {kind: mlm, max_length: 64}}
stages:
  pretrain: {train: teacher, data: text, steps: 100, objective: {masked_lm: {view: mlm}}}
  tune:
    {train: teacher, from: pretrain, data: train, steps: 100, objective: {cross_entropy: {}}}
  like_it:
    train: student
    data: text
    steps: 100
    objective: {soft_targets: {view: mlm, teacher: pretrain}}
  labels: {score: tune, data: train}
  learn:
    train: student
    from: like_it
    data: train
    steps: 100
    objective: {cross_entropy: {}, soft_targets: {teacher: labels}}
    validate: {on: valid, every: 50, metrics: [accuracy], keep: {best: accuracy}}
variants: {baseline: {stages.learn.objective: {cross_entropy: {}}, stages.learn.from: null}}
evaluate:
  - {of: pretrain, on: valid, metrics: teacher_check}
  - {of: like_it, on: valid, metrics: [loss, accuracy]}
  - {of: learn, on: valid, metrics: [accuracy, f1], against: "learn#baseline"}
export: [learn]
"""


@pytest.fixture
def spec(tmp_path, monkeypatch):
    """The spec's path; what the plugin registers is forgotten afterwards."""
    monkeypatch.syspath_prepend(PLUGIN.parent)
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    path = tmp_path / "opinions.yaml"
    path.write_text(SPEC, "utf-8")
    return path


def test_a_family_is_one_file():
    assert len(PLUGIN.read_text("utf-8").splitlines()) <= 150


def test_it_is_checked_as_what_it_is(spec, tmp_path):
    assert validate([spec], data_dir=None, plugins=["mean_encoder"]) == ([], [])
    for change, said in (
        ("stages.tune.train=student", "has a mean_encoder with layers: 3, width: 64; this stage"),
        ("stages.pretrain.objective.masked_lm.view=null", "no view"),
        ("stages.pretrain.trainable=[decoder]", "is a mean_encoder without a part 'decoder'"),
        ("export=[pretrain]", "pretrain trains a mean_encoder, which writes no text"),
    ):
        errors, _ = validate([spec], data_dir=None, overrides=[change], plugins=["mean_encoder"])
        assert any(said in str(error) for error in errors), errors


def test_messages_name_it_beside_the_packages_own(spec):
    load_spec(spec, plugins=["mean_encoder"])
    changes = [
        "student={kind: rnn, layers: 1, width: 8, tokenizer: joint}",
        "stages.like_it.data=[{of: text, pack: {length: 32}}]",
    ]
    errors, _ = validate([spec], data_dir=None, overrides=changes, plugins=["mean_encoder"])
    assert any("a bert, a gpt2, a llama or a mean_encoder" in str(error) for error in errors), (
        errors
    )


def test_its_parts_and_weights_are_those_of_the_model_that_is_built(spec):
    from tfkd.models import build_model
    from tfkd.models.builder import CLASSES

    options = load_spec(spec, plugins=["mean_encoder"]).models["teacher"]
    sizes = {"joint": SimpleNamespace(size=40), CLASSES: SimpleNamespace(size=3)}
    for heads, known in (
        (("masked_lm",), {}),
        (("classifier",), {"classes": 3}),
        (("masked_lm", "classifier"), {"classes": 3, "words": True}),
    ):
        model = build_model(options, sizes, heads_needed=heads)
        assert options.parameters({"text": 40} | known) == model.count_params()
        assert set(model.parts) <= set(options.part_names)


def test_the_plan_tells_its_sizes(spec, tmp_path):
    lines = plan(
        load_spec(spec, plugins=["mean_encoder"]), data_dir=tmp_path, runs_dir=tmp_path
    ).splitlines()
    row = next(line for line in lines if line.startswith("train pretrain")).split()
    options = load_spec(spec, plugins=["mean_encoder"]).models["teacher"]
    assert f"{options.parameters({'text': 300}):,}" in row
    assert "MiB" in row


def test_options_that_tell_nothing_are_refused():
    class Silent(Options):
        """Nothing of a family."""

    with pytest.raises(ValueError, match=r"Expected a subclass of tfkd\.spec\.options\.ModelOpt"):
        registry.register("model", "silent", options=Silent, target="nowhere:Silent")


@pytest.mark.long
def test_it_runs_whole(spec, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(PLUGIN.parent))
    folders = ["--data-dir", tmp_path, "--runs-dir", tmp_path / "runs"]
    run_tfkd("run", spec, "--smoke", "--plugin", "mean_encoder", *folders)
    run = tmp_path / "runs" / "opinions-smoke"
    results = json.loads((run / "results.json").read_text("utf-8"))
    assert {entry["of"] for entry in results["evaluations"]} == {"like_it", "learn"}
    assert [check["of"] for check in results["teacher_checks"]] == ["pretrain"]
    (export,) = results["exports"]
    assert (run / export["folder"] / "saved_model.pb").is_file()
    assert "<html" in (run / "report.html").read_text("utf-8")
