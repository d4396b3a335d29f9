"""Exports of models with labels in a run: scored as themselves, asked, measured side by side."""

import json
import shutil
from pathlib import Path

import pytest
import small_classes
from smoke_runs import run_tfkd

pytest.importorskip("ai_edge_litert")
pytest.importorskip("tf2onnx")
pytestmark = pytest.mark.long

PLUGINS = Path(__file__).parents[1] / "plugins"
EXPORTS = """\
export:
  - {stage}
  - {of: {stage}, format: litert}
  - {of: {stage}, format: onnx, quantize: int8}
evaluate:
  - {of: {stage}, on: {on}, metrics: [accuracy, f1, loss]}
  - {of: {stage}, export: litert_float32, on: {on}, metrics: [accuracy, f1, loss],
     against: {stage}}
  - {of: {stage}, export: onnx_int8, on: {on}, metrics: [accuracy, f1, loss], against: {stage}}
"""


def with_exports(path, stage, on):
    """The spec, in the place of its own evaluations and exports those of a stage."""
    lines, kept = path.read_text("utf-8").split("\n"), True
    own = []
    for line in lines:
        if line[:1].isalpha():
            kept = line.partition(":")[0] not in ("evaluate", "export", "variants")
        own += [line] if kept else []
    asked = EXPORTS.replace("{stage}", stage).replace("{on}", on)
    path.write_text("\n".join(own) + "\n" + asked, "utf-8")


def ran(path, *more):
    run_tfkd("run", path, "--runs-dir", path.parent / "runs", "--data-dir", path.parent, *more)
    (run,) = (path.parent / "runs").glob(f"{path.stem}*")
    return run, json.loads((run / "results.json").read_text("utf-8"))


def scores(results):
    return {
        entry.get("export"): {metric: found["value"] for metric, found in entry["metrics"].items()}
        for entry in results["evaluations"]
    }


@pytest.mark.parametrize(
    ("write", "stage", "on", "lines"),
    [(small_classes.write_opinions, "teacher_finetune", "test",
      ["the good film was it", "bad plot then", "", "it was an awful actor", "fine"]),
     (small_classes.write_readings, "teach", "valid",
      ["they lead film\t5", "the film a tear it\t11", " \t0", "they wind\t5"])],
)  # fmt: skip
def test_classifiers_of_texts_and_marks(tmp_path, write, stage, on, lines):
    path = write(tmp_path)
    with_exports(path, stage, on)
    run, results = ran(path)
    found = scores(results)
    assert found["litert_float32"] == pytest.approx(found[None], abs=1e-4)
    assert found["onnx_int8"]["loss"] == pytest.approx(found[None]["loss"], abs=0.2)
    entry = next(one for one in results["evaluations"] if one.get("export") == "onnx_int8")
    assert entry["against"]["of"] == stage
    given = tmp_path / "lines"
    given.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    answers = [
        run_tfkd("generate", run, "--engine", engine, "--input", given)
        for engine in ("saved_model", "litert", "onnx_int8")
    ]
    assert answers[0] == answers[1]
    assert len({*answers[0]}) > 1  # a line without a text has no class
    assert len(answers[2]) == len(lines)
    table = run_tfkd("bench", run, "--engine", "all", "--rounds", "1", "--input", given)
    assert all(name in "".join(table) for name in ("saved_model", "litert_float32", "onnx_int8"))


def test_a_task_of_a_plugin_is_scored_in_its_own_view(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(PLUGINS))
    path = Path(shutil.copy(PLUGINS / "punctuated.yaml", tmp_path))
    with_exports(path, "tune", "valid")
    run, results = ran(path, "--smoke", "--plugin", "punctuation")
    found = scores(results)
    assert found["litert_float32"] == pytest.approx(found[None], abs=1e-4)
    with pytest.raises(AssertionError, match="the task alone knows"):
        run_tfkd("generate", run, "--engine", "litert", "--input", path)
