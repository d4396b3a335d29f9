"""What `generate` reads and writes: files, pipes, and what is neither; with a model that echoes."""

import os
import resource
import sys
from types import SimpleNamespace

import pytest

from tfkd import cli
from tfkd.commands import generate as module


class Echo:
    """A model whose outputs are its inputs."""

    def translate(self, lines):
        return [SimpleNamespace(text=line, score=0.0) for line in lines]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "open_exported", lambda *_, **__: Echo())
    (tmp_path / "folder").mkdir()
    os.symlink("circle", tmp_path / "circle")
    os.symlink("/proc/self/mem", tmp_path / "broken")
    (tmp_path / "out.txt").write_text("kept")
    return tmp_path


def generated(place, source, *more):
    return cli.main(["generate", str(place), "--input", str(source), *more])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("folder", "it is a folder"),
        ("circle", "it is a link that leads back to itself"),
        ("broken", "Input/output error"),
        ("/dev/zero", "it is a device"),
    ],
)
def test_an_input_that_cannot_be_read_is_named_and_the_output_stays(place, capsys, name, reason):
    out = ["--output", str(place / "out.txt")]
    assert generated(place, place / name, *out) == cli.WRONG_INPUT
    assert f"{place / name} cannot be read ({reason}" in capsys.readouterr().err
    assert (place / "out.txt").read_text() == "kept"


def test_lines_come_through_a_pipe_and_go_into_one(place):
    reader, writer = os.pipe()
    os.write(writer, b"one\ntwo")
    os.close(writer)
    os.mkfifo(place / "pipe")
    other = os.open(place / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    out = ["--output", str(place / "pipe")]
    assert generated(place, f"/dev/fd/{reader}", *out) == cli.DONE
    assert os.read(other, 100) == b"one\ntwo\n"
    os.close(reader)
    os.close(other)


def test_an_output_that_finds_no_room_goes_on_later_and_is_named(place, capsys):
    (place / "in.txt").write_text("line\n" * 20_000)
    out = ["--output", str(place / "out.txt")]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        assert generated(place, place / "in.txt", *out) == cli.RESUMABLE
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    errors = capsys.readouterr().err
    assert "File too large" in errors
    assert str(place / "out.txt") in errors
    assert (place / "out.txt").read_text() == "kept"


def test_standard_input_and_output_that_are_closed_are_said(place, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", None)
        assert cli.main(["generate", str(place)]) == cli.WRONG_INPUT
    assert "standard input is closed" in capsys.readouterr().err
    (place / "in.txt").write_text("line\n")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None)
        assert generated(place, place / "in.txt") == cli.WRONG_INPUT
    assert "standard output is closed" in capsys.readouterr().err


@pytest.mark.parametrize("terminal", [False, True])
def test_a_terminal_is_told_to_wait_and_nobody_else(place, capsys, monkeypatch, terminal):
    (place / "in.txt").write_text("line\n")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert generated(place, place / "in.txt") == cli.DONE
    said = capsys.readouterr()
    assert said.out == "line\n"
    moment = "\rtfkd: one moment ...\r\x1b[K"
    assert said.err == (2 * moment if terminal else "")


def test_who_types_a_line_gets_its_answer_before_the_next(place):
    master, slave = os.openpty()
    os.write(master, b"one\ntwo\n\x04")
    with open(slave, "rb", buffering=0) as typed:
        assert list(module._blocks(typed, "terminal")) == [["one"], ["two"]]
    os.close(master)
