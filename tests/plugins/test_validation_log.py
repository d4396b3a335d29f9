"""A callback in one module: named by specs, listed, in the schema; it makes no stage anew."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.plan.plugin_classes import named
from tfkd.reference import json_schema, listing
from tfkd.spec import load_spec, validate_files
from tfkd.spec.errors import UserError

SPEC = """\
tfkd: 1
name: told
data: {train: {parallel: [train.de, train.en]}, valid: {parallel: [train.de, train.en]}}
tokenizers: {joint: {kind: wordpiece, size: 150, learn_from: [train]}}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 16, heads: 2,
  tokenizer: joint}
stages:
  learn:
    train: student
    data: train
    objective: {cross_entropy: {}}
    steps: 100
    validate: {on: valid, every: 10, metrics: [loss]}
    callbacks: {validation_log: {path: log.jsonl}}
export: learn
"""
CALLBACKS = "    callbacks: {validation_log: {path: log.jsonl}}\n"


@pytest.fixture
def plugin(join):
    return join("validation_log")


def written(folder, text=SPEC):
    path = folder / "told.yaml"
    path.write_text(text, "utf-8")
    return path


def test_without_its_plugin_there_is_none(tmp_path):
    """To be the first: the plugin is joined for all that follows."""
    (error,) = validate_files([written(tmp_path)])
    assert "there is no callback validation_log; expected the plugin that registers" in str(error)


def test_a_training_stage_names_it(plugin, tmp_path):
    spec = load_spec(written(tmp_path))
    options = spec.stages["learn"].callbacks["validation_log"]
    assert options.path == "log.jsonl"
    assert ("callback", "validation_log") in set(named(spec))
    assert spec.resolved()["stages"]["learn"]["callbacks"]["validation_log"]["path"] == "log.jsonl"
    assert "validation_log" in listing("callbacks")
    assert "callbacks: {validation_log:" in listing("validation_log")
    assert "validation_log" in json.dumps(json_schema()["$defs"]["stage"])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{validation_log:", "{validation_lag:", "'validation_lag' is no callback.*did you mean"),
        ("path:", "paht:", r"callbacks.validation_log.paht: unknown key; expected one of kind, pa"),
        ("    validate:", "    # validate:", r"callbacks: nothing calls them.*expected validate:"),
        (
            CALLBACKS,
            "    callbacks: loud\n",
            r"callbacks: found 'loud'; expected callbacks by name",
        ),
        (CALLBACKS, "    callbacks: {}\n", r"callbacks: none; expected callbacks by name"),
    ],
)
def test_what_is_wrong_is_said(plugin, tmp_path, old, new, said):
    found = "\n".join(map(str, validate_files([written(tmp_path, SPEC.replace(old, new))])))
    assert re.search(said, found), found


def test_no_stage_is_made_anew_for_it(plugin, tmp_path):
    for ending in ("de", "en"):
        (tmp_path / f"train.{ending}").write_text("ein haus\nein hund\n", "utf-8")
    keys = [
        [node.key for node in wanted(load_spec(written(tmp_path, text)), tmp_path).ends()]
        for text in (SPEC, SPEC.replace(CALLBACKS, ""))
    ]
    assert keys[0] == keys[1]


def test_a_step_is_written_once(plugin, tmp_path):
    path = Path(tmp_path / "log.jsonl")
    for step, loss in ((10, 3.0), (20, 2.0), (10, 3.0), (20, 2.0)):
        point = SimpleNamespace(step=step, metrics={"loss": loss})
        plugin.ValidationLog(str(path)).on_validation(point)
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert lines == [{"step": 10, "loss": 3.0}, {"step": 20, "loss": 2.0}]


@pytest.mark.tensorflow
def test_a_stage_makes_its_callbacks(plugin, tmp_path, monkeypatch):
    from tfkd.pipeline.stages.terms import callbacks_of

    options = load_spec(written(tmp_path)).stages["learn"]
    node = SimpleNamespace(label="learn#wide", options=options)
    (place,) = made = callbacks_of(node)
    assert place == "stages.learn#wide.callbacks.validation_log"
    assert isinstance(made[place], plugin.ValidationLog)
    monkeypatch.delattr(plugin.ValidationLog, "__init__")  # one that takes no options
    node.options = options.model_copy(
        update={"callbacks": {"mine": options.callbacks["validation_log"]}}
    )
    with pytest.raises(UserError, match=r"callbacks.mine: validation_log cannot be made \(TypeErr"):
        callbacks_of(node)


@pytest.mark.long
@pytest.mark.tensorflow
def test_a_run_calls_it(whole_run, tmp_path):
    log = tmp_path / "log.jsonl"
    change = f"stages.train_student.callbacks={{validation_log: {{path: {log}}}}}"
    folder = whole_run("quickstart", "validation_log", change)
    history = (folder / "train_student" / "history.jsonl").read_text("utf-8").splitlines()
    told = [line for line in map(json.loads, history) if "validation" in line and "of" not in line]
    assert [json.loads(line) for line in log.read_text("utf-8").splitlines()] == [
        {"step": line["step"], **line["validation"]} for line in told
    ]
