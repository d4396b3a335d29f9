"""Warnings of a run's outputs: of whom, how often, and where else they are told."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from tfkd.evaluation.metrics import CLASSES
from tfkd.pipeline.engine.kinds import stage_of, task_named
from tfkd.pipeline.scoring.output_warnings import output_warnings
from tfkd.pipeline.scoring.products import CONTINUED
from tfkd.pipeline.stages.export import publish
from tfkd.pipeline.tasks import label_results, translation
from tfkd.serving.checksums import check_checksums, write_checksums
from tfkd.spec.builtins import register_builtins


def copied(delta, low, high):
    figures = {"value": 3.0, "delta": delta, "low": low, "high": high}
    return {"kind": "copy", "metrics": {"bleu": figures}}


WORSE, BETTER = copied(0.0, -1.0, 1.0), copied(9.0, 8.0, 9.9)


def node(key, model="model", products=("outputs",), **more):
    """An evaluation stage."""
    options = {"products": products, "decode": None, "corpus": "test"}
    return SimpleNamespace(key=key, inputs={"model": SimpleNamespace(key=model)}, options=options)


def evaluation(system, baseline=None, of="learn", on="test"):
    options = SimpleNamespace(of=of, against=baseline and "plain")
    return SimpleNamespace(options=options, on=on, system=system, baseline=baseline)


def told(monkeypatch, evaluations, trivial, faults=None, exports=None):
    task = SimpleNamespace(faults=lambda one, _: (faults or {}).get(one.key, {}))
    for one in evaluations:
        for system in filter(None, (one.system, one.baseline)):
            system.task = task
    entries = [{"trivial": one} for one in trivial]
    return output_warnings(evaluations, entries, exports or [], None)


def test_a_sound_run_has_no_warnings(monkeypatch):
    assert told(monkeypatch, [evaluation(node("a"), node("b"))], [[BETTER]]) == []
    assert output_warnings([], [], {}, None) == []


def test_systems_and_baselines_are_told_of_and_an_export_is_named(monkeypatch):
    one = evaluation(node("a"), node("b", "other"))
    faults = {"a": {"empty": "A is empty"}, "b": {"equal": "B is alike"}}
    exported = SimpleNamespace(inputs={"model": SimpleNamespace(key="model")})
    exports = [SimpleNamespace(options=SimpleNamespace(of="learn"), node=exported)]
    found = told(monkeypatch, [one], [[WORSE]], faults, exports)
    empty, worse, alike = found
    assert empty.message == "learn on test: A is empty. It is exported all the same"
    assert worse.message.startswith("learn on test: not clearly better than copying the source")
    assert worse.message.endswith("It is exported all the same")
    assert alike.message == "plain on test: B is alike"
    assert [warning.exported for warning in found] == ["learn", "learn", None]


@pytest.mark.parametrize("fault", ["nothing", "one class"])
def test_what_says_it_all_is_told_alone(monkeypatch, fault):
    (warning,) = told(monkeypatch, [evaluation(node("a"))], [[WORSE]], {"a": {fault: "so it is"}})
    assert warning.message == "learn on test: so it is"


def test_a_fault_of_several_seeds_or_searches_is_told_once(monkeypatch):
    several = [evaluation(node(key), node("b")) for key in ("x", "y", "z")]
    faults = {"x": {"empty": "x"}, "z": {"empty": "z"}, "b": {"equal": "alike"}}
    found = told(monkeypatch, several, [[BETTER], [WORSE], [BETTER]], faults)
    messages = [warning.message for warning in found]
    assert messages[0] == "learn on test: x (so 2 of its 3 results there)"
    assert messages[1] == "plain on test: alike"
    assert messages[2].endswith("(so 1 of its 3 results there)")
    assert len(messages) == 3


@pytest.fixture
def stages(tmp_path):
    """Stages' folders with what evaluations left, and their corpora."""

    def written(name, **files):
        folder = tmp_path / name
        folder.mkdir()
        for path, content in files.items():
            (folder / path.replace("_", ".")).write_text(content, "utf-8")
        return folder

    written("texts", hypotheses_txt="\n" * 20)
    written("written", continuations_json=json.dumps(
        [{"prompt": "a", "reference": "b", "continuation": ""}] * 12))  # fmt: skip
    folder = written("guessed", names_json=json.dumps(["neg", "pos"]))
    np.savez(folder / "classes.npz", guess=np.ones(20, int), label=np.arange(20) % 2)
    return SimpleNamespace(stages=tmp_path)


class Text:
    """A corpus's lines by field."""

    def lines(self, field):
        values = {"label": ["neg", "pos"], "source": ["ein", "zwei"], "target": ["one", "two"]}
        return iter(values[field] * 10)


@pytest.mark.parametrize(
    ("task", "key", "products", "kind"),
    [("translation", "texts", ("outputs",), "nothing"),
     ("translation", "texts", ("figures",), None),
     ("causal_lm", "written", (CONTINUED,), "nothing"),
     ("causal_lm", "written", ("words",), None),
     ("masked_lm", "texts", ("figures",), None),
     ("classifier", "guessed", (CLASSES,), "one class")],
)  # fmt: skip
def test_outputs_continuations_and_guesses_are_read_as_they_were_left(
    stages, monkeypatch, task, key, products, kind
):
    register_builtins()
    for module in (label_results, translation):
        monkeypatch.setattr(module, "open_text", lambda node, context: Text())
    one = node(key, products=products)
    one.inputs["text"] = None
    assert [*task_named(task).faults(one, stages)] == ([kind] if kind else [])


@pytest.mark.parametrize(("empty", "warned"), [(0, False), (4, False), (5, True), (100, True)])
def test_translate_stages_that_left_rows_out(empty, warned):
    dropped = {"too long for the model": {"count": 50}}
    dropped |= {"without an output": {"count": empty}} if empty else {}
    summary = {"report": {"read": 100, "kept": 50 - empty, "dropped": dropped}}
    one = SimpleNamespace(label="synthetic", identity={})
    found = stage_of("translate").warnings(one, summary)
    assert len(found) == warned
    assert all(f"synthetic: {empty} of 100 rows are left out" in line for line in found)


def test_the_runs_model_card_has_the_warnings_and_the_stage_stays_as_it_is(tmp_path):
    stage, place = tmp_path / "stage", tmp_path / "run" / "learn"
    (stage / "1").mkdir(parents=True)
    (stage / "1" / "saved_model.pb").write_bytes(b"model")
    card = "# m\n\nA model.\n\n## Use\n\nSo.\n"
    (stage / "1" / "README.md").write_text(card)
    write_checksums(stage / "1")
    before = {path: path.read_bytes() for path in (stage / "1").iterdir()}
    size, warnings = {"size": {"parameters": "7"}}, ["learn on test: all is empty", "and more"]
    folder = publish(stage / "1", place, size, warnings)
    text = (folder / "README.md").read_text()
    assert "## Warnings\n\n- learn on test: all is empty\n- and more\n\n## Use" in text
    assert "## Size\n\n- parameters: 7\n" in text
    check_checksums(folder)
    made = folder.stat().st_ino
    # Again it is left alone; without warnings it is the stage's own.
    assert publish(stage / "1", place, size, warnings) == folder
    assert folder.stat().st_ino == made
    assert [path.name for path in place.iterdir()] == ["1"]
    assert "- another" in (publish(stage / "1", place, size, ["another"]) / "README.md").read_text()
    assert (publish(stage / "1", place, {}) / "README.md").read_text() == card
    check_checksums(folder)
    assert before == {path: path.read_bytes() for path in (stage / "1").iterdir()}
