"""What users have made is found again: no key of the specs' stages changes without intent."""

import importlib.util
import re
import shutil
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

from tfkd.pipeline.stages.export import ExportStage

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "graph_keys.txt"


@pytest.fixture(scope="module")
def graph_keys():
    loader = SourceFileLoader("graph_keys", str(ROOT / "tools" / "graph_keys"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module.graph_keys


def some(variants):
    """All of a few variants, of more every fourth."""
    return variants if len(variants) <= 4 else variants[::4]


def graphs(lines):
    return {line for line in lines if line[0] != " "}


def keys(lines):
    return {line.split()[0] for line in lines if line[0] == " "}


def test_the_keys_of_all_specs_are_those_that_are_pinned(graph_keys):
    """Of the largest tables some rows: all of them, and labels, are the long ring's."""
    found, pinned = graph_keys(ROOT / "specs", some).splitlines(), GOLDEN.read_text("utf-8")
    pinned = pinned.splitlines()
    said = "a change that is meant to be: tools/graph_keys, and name it in the commit"
    assert sorted(graphs(found) - graphs(pinned)) == [], said
    assert sorted(keys(found) - keys(pinned)) == [], said
    of_specs, of_pinned = (
        {re.split("[@:]", line)[0] for line in graphs(one)} for one in (found, pinned)
    )
    assert of_specs == of_pinned, said


@pytest.mark.long
def test_all_keys_and_graphs_are_those_that_are_pinned(graph_keys):
    found, pinned = graph_keys(ROOT / "specs").splitlines(), GOLDEN.read_text("utf-8").splitlines()
    said = "a change that is meant to be: tools/graph_keys, and name it in the commit"
    assert sorted(set(found) ^ set(pinned)) == [], said
    assert found == pinned


def test_another_revision_of_a_kind_changes_its_keys_alone(graph_keys, monkeypatch, tmp_path):
    shutil.copy(ROOT / "specs" / "quickstart.yaml", tmp_path)
    before = set(graph_keys(tmp_path).splitlines())
    monkeypatch.setattr(ExportStage, "revision", ExportStage.revision + 1)
    changed = set(graph_keys(tmp_path).splitlines()) - before
    assert {line.split("-")[0].strip() for line in changed if line[0] == " "} == {"export"}
