"""Which of a run's exports an engine runs, without any engine."""

import json

import pytest

from tfkd.commands import generate as module
from tfkd.commands.generate import exported_at
from tfkd.serving.checksums import write_checksums
from tfkd.spec.errors import UserError


@pytest.fixture
def run(tmp_path):
    """A run before its results, with a SavedModel and two other exports of one stage."""
    stage = tmp_path / "run" / "export" / "learn"
    (stage / "1").mkdir(parents=True)
    (stage / "1" / "saved_model.pb").write_bytes(b"")
    for name in ("ctranslate2_int8", "ctranslate2_float32"):
        (stage / name).mkdir()
        about = {"format": "ctranslate2", "name": name}
        (stage / name / "export.json").write_text(json.dumps(about), "utf-8")
        write_checksums(stage / name)
    return tmp_path / "run"


def test_a_name_is_enough_and_a_savedmodel_comes_first(run):
    stage = run / "export" / "learn"
    for place in (run, run / "export", stage):
        assert exported_at(place) == stage
        assert exported_at(place, "saved_model") == stage
        assert exported_at(place, "ctranslate2_int8") == stage / "ctranslate2_int8"
        with pytest.raises(UserError, match=r"has 2 exported models; name one of them: .*_float32"):
            exported_at(place, "ctranslate2")
        with pytest.raises(UserError, match="has no export that onnx runs"):
            exported_at(place, "onnx")
    assert exported_at(stage / "ctranslate2_int8") == stage / "ctranslate2_int8"
    assert exported_at(stage / "1") == stage / "1"


def test_without_a_savedmodel_the_only_export_answers(run, monkeypatch):
    stage = run / "export" / "learn"
    (stage / "1" / "saved_model.pb").unlink()
    (stage / "1").rmdir()
    with pytest.raises(UserError, match="has 2 exported models"):
        exported_at(run)
    (run / "results.json").write_text("{}")
    exports = [{"stage": "learn", "format": "ctranslate2", "name": "ctranslate2_int8",
                "folder": "export/learn/ctranslate2_int8"}]  # fmt: skip
    monkeypatch.setattr(module, "read_results", lambda _: {"exports": exports})
    assert exported_at(run) == stage / "ctranslate2_int8"
