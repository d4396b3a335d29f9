"""`tfkd bench RUN --engine all`: exports of all kinds in one table, those of plugins too."""

import json
import os
from pathlib import Path

import pytest

from tfkd import cli
from tfkd.commands import bench_engines
from tfkd.serving.checksums import write_checksums
from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins

PLUGIN = """
from typing import Literal
from tfkd.serving.formats.format import Format
from tfkd.serving.loading.saved_classifier import Label
from tfkd.spec.errors import UserError
from tfkd.spec.formats.format import FormatOptions
from tfkd.spec.registry import register

class OddOptions(FormatOptions):
    format: Literal["odd"]

class Side:
    def encode(self, lines):
        return [line.split() for line in lines]

class Engine:
    source = target = Side()

    def __init__(self, folder, about):
        self.folder = folder
        self.inputs, self.speechless = about["inputs"], about.get("speechless")

    def translate(self, lines):
        if not all(line.count("\\t") == len(self.inputs) - 1 for line in lines):
            raise UserError(f"{self.folder}: a line has other fields")
        return [Label(line.upper(), 0.0) for line in lines]

class Odd(Format):
    Options = OddOptions

    def open(self, folder, about):
        return Engine(folder, about)

register("format", "odd", options=OddOptions, target=f"{__name__}:Odd")
"""
SILENT = {"inputs": ["text"], "speechless": "an encoder, which writes no text"}
ABOUTS = {
    "plain": {"inputs": ["text"]}, "other": {"inputs": ["text"]}, "silent": SILENT,
    "pairs": {"inputs": ["text", "text_b"]},
}  # fmt: skip


@pytest.fixture
def bench(tmp_path, monkeypatch, capsys):
    """Calls the verb for some exports of a plugin's format, as (stage, name), on some lines."""
    register_builtins()
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    (tmp_path / "odd_plugin.py").write_text(PLUGIN, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))

    def called(lines, *exports):
        found = []
        for stage, name in exports:
            folder = Path("export", stage, name)
            (tmp_path / folder).mkdir(parents=True)
            about = {"format": "odd", "name": name, **ABOUTS[name]}
            (tmp_path / folder / "export.json").write_text(json.dumps(about), "utf-8")
            write_checksums(tmp_path / folder)
            found.append({"stage": stage, "format": "odd", "name": name, "folder": str(folder)})
        monkeypatch.setattr(bench_engines, "read_results", lambda _: {"exports": found})
        (tmp_path / "lines").write_text(lines, "utf-8")
        words = ["--input", str(tmp_path / "lines"), "--rounds", "1", "--plugin", "odd_plugin"]
        code = cli.main(["bench", str(tmp_path), "--engine", "all", *words])
        return code, capsys.readouterr()

    yield called
    registry._joined.discard("odd_plugin")


@pytest.mark.long
def test_those_that_answer_no_lines_are_left_out_and_a_stage_s_tokens_are_counted_once(
    bench, monkeypatch
):
    asked, tokens_of = [], bench_engines.tokens_of
    monkeypatch.setattr(
        bench_engines, "tokens_of", lambda given: asked.append(given) or tokens_of(given)
    )
    code, said = bench("ein Hund\nein Kind\n", ("a", "plain"), ("a", "other"), ("b", "silent"))
    assert code == cli.DONE, said.err
    head, first, second, _, left_out = said.out.strip().split("\n")
    assert "p50, p95 of 10" in head
    assert (first.split()[:2], second.split()[:2]) == (["a", "plain"], ["a", "other"])
    assert left_out == "b silent is left out: an encoder, which writes no text"
    assert [len(one) for one in asked] == [2]


def test_lines_of_two_fields_are_asked_as_they_are(bench):
    code, said = bench("ein Hund\tein Kind\n", ("c", "pairs"))
    assert code == cli.DONE, said.err
    assert "c pairs" in said.out
    assert "p50, p95 of 10" not in said.out


@pytest.mark.long
def test_where_none_answers_lines_that_is_said_and_a_folder_is_named_once(bench, tmp_path):
    code, said = bench("ein Hund\n", ("b", "silent"))
    assert code == cli.WRONG_INPUT
    assert "b silent is left out: an encoder" in said.err
    code, said = bench("ein Hund\n", ("c", "plain"), ("c", "pairs"))
    assert code == cli.WRONG_INPUT
    assert "a line has other fields" in said.err
    assert said.err.count(str(tmp_path / "export" / "c" / "pairs")) == 1
