"""What verbs print of names, labels and results from anywhere: nothing that a terminal obeys."""

import contextlib
import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tfkd import cli
from tfkd.commands import generate as module
from tfkd.outside.outgoing import outgoing
from tfkd.outside.printable import one_line
from tfkd.report.terminal import closing_words, score_table
from tfkd.training.progress import Progress

ATTACK = "\x1b]0;title\x07\x1b[2J\x9b1m\r\u202e"
SPEC = """\
tfkd: 1
name: small
description: "\\e]0;title\\a \\u202e\\u2028"
data:
  train: {parallel: ["DE", train.en]}
tokenizers: {joint: {kind: wordpiece, size: 100, learn_from: [train]}}
student:
  {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: joint}
stages:
  learn: {train: student, data: train, objective: {cross_entropy: {}}, steps: 2}
export: [learn]
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / f"spec {ATTACK}.yaml"
    path.write_text(SPEC.replace("DE", ATTACK.encode("unicode_escape").decode()), "utf-8")
    (tmp_path / "train.en").write_text("a house\n", "utf-8")
    return path


def said(words, capsys):
    """What a verb prints, whatever its exit code."""
    with contextlib.suppress(SystemExit):
        cli.main(words)
    shown = capsys.readouterr()
    return shown.out + shown.err


@pytest.mark.parametrize(
    "words",
    [
        ["validate", "SPEC"],
        ["show", "SPEC"],
        ["plan", "SPEC"],
        ["run", "SPEC"],
        ["run", "SPEC", "--until", ATTACK],
        ["run", "SPEC", "--set", f"{ATTACK}=1"],
        ["init", "SPEC"],
        ["init", "new.yaml", "--pairs", ATTACK, ATTACK],
        ["report", "SPEC"],
        ["compare", "SPEC", "SPEC"],
        ["generate", "SPEC"],
        ["list", ATTACK],
        [ATTACK],
        ["show", "SPEC", ATTACK],
    ],
    ids=lambda words: one_line(" ".join(words)[:30]),
)
def test_names_reach_no_terminal_as_they_are(spec, words, capsys, monkeypatch):
    monkeypatch.chdir(spec.parent)
    text = said([str(spec) if word == "SPEC" else word for word in words], capsys)
    assert one_line("\x1b]0;title") in text
    assert [line for line in text.split("\n") if line != one_line(line)] == []


def test_a_fault_and_what_its_code_says_are_escaped_too(spec, capsys, monkeypatch):
    def fault(*_):
        raise ZeroDivisionError(ATTACK)

    monkeypatch.setattr("tfkd.pipeline.engine.run.in_checked_order", fault)
    text = said(["run", str(spec), "--smoke", "--runs-dir", str(spec.parent / "runs")], capsys)
    assert f"ZeroDivisionError: {one_line(ATTACK)}" in text
    assert "\x1b" not in text


def test_tables_take_names_from_results_as_text_of_one_line():
    name = f"{ATTACK}\n[bold]:smile:[/]"
    score = {"value": 1.0, "low": 0.5, "high": 1.5}
    results = {
        "name": name,
        "evaluations": [{"of": name, "on": name, "seed": 1, "metrics": {"bleu": score}}],
        "teacher_checks": [],
        "warnings": [name],
        "exports": [],
    }
    table = score_table(results)
    assert table.count(one_line(name)) == 1  # the title; cells are folded
    assert "[bold]:smile:[/]" in table.replace("│", "").replace(" ", "").replace("\n", "")
    warned = closing_words(results, Path("runs/small"))
    assert f"warning: {one_line(name)}" in warned.split("\n")


@pytest.mark.parametrize("terminal", [False, True])
def test_a_training_says_nothing_that_is_obeyed(capsys, terminal):
    with outgoing():
        progress = Progress(100, terminal)
        progress.start(0)
        progress.say(f"note {ATTACK}")
        progress.stop()
    assert f"note {one_line(ATTACK)}" in capsys.readouterr().out


class Translator:
    """Answers with what it was asked."""

    def translate(self, lines):
        return [SimpleNamespace(text=line, score=0.0) for line in lines]


@pytest.mark.parametrize("terminal", [False, True])
def test_outputs_are_as_they_are_but_in_a_terminal(tmp_path, monkeypatch, terminal):
    output = ATTACK.replace("\r", "")
    (tmp_path / "lines").write_text(f"{output}\n", "utf-8", newline="")
    stream = io.TextIOWrapper(io.BytesIO(), "utf-8", newline="")
    stream.isatty = lambda: terminal
    monkeypatch.setattr(module, "open_exported", lambda *_, **__: Translator())
    monkeypatch.setattr(sys, "stdout", stream)
    assert cli.main(["generate", str(tmp_path), "--input", str(tmp_path / "lines")]) == cli.DONE
    written = stream.buffer.getvalue().decode("utf-8")
    assert written == (one_line(output) if terminal else output) + "\n"
