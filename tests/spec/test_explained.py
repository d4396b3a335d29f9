"""`tfkd list KIND NAME`: every option of a class, and an example that its options take."""

import pydantic
import pytest

from tfkd.reference import explained as module
from tfkd.reference import listing
from tfkd.reference.explained import example, explained
from tfkd.reference.key_reference import blocks
from tfkd.reference.schema import json_schema
from tfkd.spec import UserError, registry
from tfkd.spec.builtins import register_builtins

register_builtins()
# What is no mapping of a spec: a metric is a word, a task is what a model's head makes it.
_WORDS = ("metric", "task")
ALL = [
    (kind, entry.name)
    for kind in registry.KINDS
    if kind not in _WORDS
    for entry in registry.entries(kind)
]


@pytest.fixture(scope="module")
def known():
    return blocks(json_schema())


@pytest.fixture
def told(known, monkeypatch):
    """`listing`, for which the schema is not made anew at each name."""
    monkeypatch.setattr(module, "json_schema", lambda: None)
    monkeypatch.setattr(module, "blocks", lambda schema: known)
    return listing


@pytest.mark.parametrize(("kind", "name"), ALL, ids=[f"{kind} {name}" for kind, name in ALL])
def test_an_example_is_taken_by_the_options(known, kind, name):
    options = registry.lookup(kind, name).options
    keys = [key for key in known[options.__name__].keys if key.name != "kind"]
    values = example(kind, name, keys)
    if kind == "stage":  # their parts are typed where sections are read
        return
    assert options.model_validate(values.get(name, {}) if kind == "objective" else values)


@pytest.mark.parametrize(("kind", "name"), ALL, ids=[f"{kind} {name}" for kind, name in ALL])
def test_every_option_is_told_with_its_default(known, told, kind, name):
    text = told(kind, name)
    for key in known[registry.lookup(kind, name).options.__name__].keys:
        assert key.name == "kind" or f"\n    {key.name}: " in text
    assert max(map(len, text.split("\n"))) <= 100 or "example: " in text


def test_a_name_alone_is_found_in_its_kind():
    assert listing("soft_targets") == listing("objectives", "soft_targets")
    text = listing("soft_targets")
    assert "example: objective: {soft_targets: {teacher: finetune}}" in text
    assert "temperature: number > 0; default 1.0; unit: factor" in text
    assert "teacher: string or list of strings or mapping of names" in text


@pytest.mark.parametrize("words", [("metric", "teacher_check"), ("teacher_check",)])
def test_what_is_asked_of_an_evaluation_is_told_as_metrics_are(words):
    assert "example: evaluate: [{of: finetune, on: valid, metrics: teacher_check" in listing(*words)
    assert "metrics: [bleu]}]" in listing("metric", "bleu")


def test_a_task_tells_the_options_of_its_head():
    text = listing("task", "classifier")
    assert "example: student: {kind: bert, ..., head: {kind: classifier}}" in text
    assert "\n    dropout: " in text
    assert "\n    tied: boolean; default false" in listing("task", "masked_lm")
    assert "example" not in listing("task", "translation")


def test_what_cannot_be_seen_is_written_so(told):
    assert r'delimiter: "," or ";" or "|" or "\t"; default ","' in told("csv")
    for text in map(told, ("csv", "text", "soft_targets", "wordpiece")):
        assert all(one.isprintable() for one in text.split("\n"))


@pytest.mark.parametrize(
    ("kind", "value"),
    [(int, 1), (float, 1.0), (bool, False), (str, "NAME"), (list[str], ["NAME"]), (list[int], [1]),
     (dict[str, int], {}), (int | str, 1)],
)  # fmt: skip
def test_an_example_of_a_plugin_s_required_option_is_of_its_type(kind, value):
    options = pydantic.create_model("OwnOptions", own=(kind, ...))
    schema = options.model_json_schema()
    keys = list(blocks({"$defs": {}, **schema})["OwnOptions"].keys)
    assert example("optimizer", "mine", keys) == {"kind": "mine", "own": value}
    options.model_validate({"own": value})


def test_a_second_word_is_not_passed_over():
    with pytest.raises(UserError, match=r"list specs takes no name.*'x'; tfkd show x prints one"):
        listing("specs", "x")
    with pytest.raises(UserError, match=r"list adam takes no second word.*'rate'"):
        listing("adam", "rate")
    with pytest.raises(UserError, match="list all takes no name"):
        listing("all", "x")


@pytest.mark.parametrize(
    ("words", "meant"),
    [(("Adam",), "adam"), (("adm",), "adam"), (("optimizer", "ADAM"), "adam"),
     (("soft_target",), "soft_targets"), (("metrics", "teacher_chek"), "teacher_check")],
)  # fmt: skip
def test_what_was_meant_is_said(words, meant):
    with pytest.raises(UserError, match=rf"did you mean {meant}\?"):
        listing(*words)


def test_a_name_that_nothing_has_is_refused_with_advice():
    with pytest.raises(UserError, match=r"no objective 'soft_target'.*did you mean soft_targets\?"):
        listing("objective", "soft_target")
    with pytest.raises(UserError, match="no class 'x'"):
        explained("x")
