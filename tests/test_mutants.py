"""The list of mutants stays one of this source: each has its place, and tests that catch it."""

import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def mutants():
    loader = SourceFileLoader("mutants", str(ROOT / "tools" / "mutants"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def test_each_mutant_has_its_place_and_its_tests(mutants):
    found = mutants.load()
    assert len({mutant["name"] for mutant in found}) == len(found) > 30
    assert mutants.stale(found) == []


def test_what_has_moved_is_told_of(mutants):
    mutant = {**mutants.load()[0], "tests": ["no_such_test.py"]}
    (problem,) = mutants.stale([mutant])
    assert "there is no tests/no_such_test.py" in problem
    for change in ({"old": "no such text"}, {"old": "return"}, {"file": "no_such_file.py"}):
        problems = mutants.stale([{**mutant, **change}])
        assert f"times in {change.get('file', mutant['file'])}" in problems[0]
