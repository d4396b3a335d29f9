"""Names of earlier versions: they are read, in one warning a file, and shown nowhere."""

import pytest
from spec_files import SMALL

from tfkd.cli import main
from tfkd.pipeline.plan.validate import validate
from tfkd.reference import json_schema
from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors

NOW = "metrics: teacher_check"
SAID = "teacher_gate is called teacher_check now"


def written(folder, old="teacher_gate", more=""):
    path = folder / "small.yaml"
    path.write_text(SMALL.replace(NOW, f"metrics: {old}") + more, "utf-8")
    return path


def test_an_old_name_is_read_as_the_new_one_with_one_warning(tmp_path, capsys):
    line = SMALL.splitlines().index(next(one for one in SMALL.splitlines() if NOW in one)) + 1
    now = load_spec(written(tmp_path, "teacher_check")).resolved()
    path = written(tmp_path, "[teacher_gate]")
    spec = load_spec(path)
    assert spec.resolved() == now
    assert spec.renamed == (f"{path}:{line}: {SAID}; the old name is still read",)
    assert main(["show", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "teacher_gate" not in out
    assert err.splitlines() == [f"tfkd: {one}" for one in spec.renamed]
    assert validate([path], data_dir=None)[1] == list(spec.renamed)


def test_variants_and_overrides_may_say_it(tmp_path):
    other = "{of: targets, on: valid, metrics: [teacher_gate]}"
    path = written(tmp_path, "teacher_check")
    path.write_text(path.read_text("utf-8").replace(
        "variants:", f"variants:\n  old: {{evaluate.0.metrics: teacher_gate, evaluate.1: {other}}}"
    ), "utf-8")  # fmt: skip
    overridden = load_spec(path, overrides=[f"evaluate.1={other}"])
    assert overridden.evaluate[1].metrics == ["teacher_check"]
    old = load_spec(path, variant="old")
    assert [one.metrics for one in old.evaluate] == [["teacher_check"]] * 2
    assert "teacher_gate" not in str(old.resolved())
    line = len(SMALL.split("variants:")[0].splitlines()) + 2
    places = [f"{path}:{line}", "--set"]
    assert [said.split(": ")[0] for said in overridden.renamed] == places
    assert [said.split(": ")[0] for said in old.renamed] == places[:1]
    again = tmp_path / "again.yaml"
    again.write_text(f"extends: small.yaml\nname: again\nevaluate: [{other}]\n", "utf-8")
    assert [said.split(": ")[0] for said in load_spec(again).renamed] == [
        f"{again}:3", f"{path}:{line}",
    ]  # fmt: skip


def test_a_fault_says_the_name_that_the_file_has(tmp_path):
    with pytest.raises(SpecErrors) as raised:
        load_spec(written(tmp_path, "[teacher_gate, bleu]"))
    assert "teacher_check beside others (teacher_gate is called teacher_check now)" in str(
        raised.value
    )
    with pytest.raises(SpecErrors) as raised:
        load_spec(written(tmp_path, "[teacher_check, bleu]"))
    assert "teacher_gate" not in str(raised.value)


def test_it_is_a_name_nowhere_else(tmp_path):
    assert "teacher_gate" not in str(json_schema())
    with pytest.raises(
        SpecErrors, match=r"expected one of .*teacher_check.*did you mean teacher_check"
    ):
        load_spec(written(tmp_path, "teacher_gates"))
    noise = "{of: student, on: test, metrics: [bleu], noise: {sigma: 0.1, metrics: [teacher_gate]}}"
    with pytest.raises(SpecErrors, match="teacher_gate"):
        load_spec(written(tmp_path), overrides=[f"evaluate.0={noise}"])


def test_positions_through_both_segments_were_a_streams(tmp_path):
    path = tmp_path / "small.yaml"
    text = SMALL.replace("teacher: {kind: bert,", "teacher: {kind: bert, positions: stream,")
    path.write_text(text, "utf-8")
    spec = load_spec(path)
    assert spec.models["teacher"].positions == "sequence"
    assert spec.renamed == (f"{path}:9: stream is called sequence now; the old name is still read",)
