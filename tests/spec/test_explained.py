"""`tfkd list KIND NAME`: every option of a class, and an example that its options take."""

import pytest

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


@pytest.mark.parametrize(("kind", "name"), ALL, ids=[f"{kind} {name}" for kind, name in ALL])
def test_an_example_is_taken_by_the_options(known, kind, name):
    options = registry.lookup(kind, name).options
    keys = [key for key in known[options.__name__].keys if key.name != "kind"]
    values = example(kind, name, keys)
    if kind == "stage":  # their parts are typed where sections are read
        return
    assert options.model_validate(values.get(name, {}) if kind == "objective" else values)


@pytest.mark.parametrize(("kind", "name"), ALL, ids=[f"{kind} {name}" for kind, name in ALL])
def test_every_option_is_told_with_its_default(known, kind, name):
    text = listing(kind, name)
    for key in known[registry.lookup(kind, name).options.__name__].keys:
        assert key.name == "kind" or f"\n    {key.name}: " in text
    assert max(map(len, text.split("\n"))) <= 100 or "example: " in text


def test_a_name_alone_is_found_in_its_kind():
    assert listing("soft_targets") == listing("objectives", "soft_targets")
    text = listing("soft_targets")
    assert "example: objective: {soft_targets: {teacher: finetune}}" in text
    assert "temperature: number > 0; default 1.0; unit: factor" in text
    assert "teacher: string; required" in text


def test_a_name_that_nothing_has_is_refused_with_advice():
    with pytest.raises(UserError, match=r"no objective 'soft_target'.*did you mean soft_targets\?"):
        listing("objective", "soft_target")
    with pytest.raises(UserError, match="no class 'x'"):
        explained("x")
