"""Errors of the program itself: a code of their own, a short report, the whole in a file."""

import errno
import re
import sys
from types import SimpleNamespace

import pytest

import tfkd
from tfkd import cli
from tfkd.training.interruption import Interrupted
from tfkd.training.surroundings import of_surroundings


def _fail(*_):
    raise ValueError("first line\nsecond line " + "x" * 10_000)


def _deep(*_):
    return _deep()


def _refused_by_keras(*_):
    try:
        {}["lost"]
    except KeyError as error:
        raise RuntimeError("Exception encountered when calling a layer") from error


def _lost_import(*_):
    import json.no_such_module  # noqa: F401


@pytest.fixture
def fault(monkeypatch, capsys, tmp_path):
    """Makes a verb fail by an error of its own; returns what was said."""

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def failed(error, words=("list",)):
        monkeypatch.setitem(cli._VERBS, words[0], error)
        assert cli.main(words) == cli.FAULT == 70
        return capsys.readouterr().err

    return failed


def _file(said):
    (path,) = re.findall(r"which is in (\S+\.txt);", said)
    return path


@pytest.mark.parametrize("error", [_fail, _deep, _refused_by_keras, _lost_import])
def test_a_fault_is_reported_in_a_few_lines_with_all_in_a_file(fault, tmp_path, error):
    said = fault(error, ("list", "models"))
    assert len(said.splitlines()) <= 12
    assert max(map(len, said.splitlines())) < 700
    assert "Traceback" not in said
    assert "command: tfkd list models" in said
    assert f"tfkd {tfkd.__version__}" in said
    assert f"in {error.__name__}" in said
    assert "at: tfkd/cli.py:" in said
    assert "frozen" not in said
    path = tmp_path / _file(said)
    assert path.parent == tmp_path
    whole = path.read_text("utf-8")
    assert "Traceback (most recent call last)" in whole
    assert "command: tfkd list models" in whole
    if error is _fail:
        assert "ValueError: first line\n" in said
        assert "second line" in whole
    if error is _refused_by_keras:
        assert "KeyError: 'lost'" in whole


def test_an_error_in_a_plugins_code_names_its_line_and_is_not_ours(fault, tmp_path, monkeypatch):
    (tmp_path / "failing_plugin.py").write_text("import json\ndef fail():\n    json.loads('{')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("tfkd.spec.registry._joined", {"failing_plugin"})
    from failing_plugin import fail

    def wrapped(*_):
        try:
            fail()
        except ValueError as error:
            raise RuntimeError("Exception encountered") from error

    for raising in (lambda *_: fail(), wrapped):
        said = fault(raising)
        assert f"an error in a plugin, {tmp_path}/failing_plugin.py:3 in fail; what is" in said
        assert "mend the plugin" in said
        assert "report it" not in said
        assert "Traceback" in (tmp_path / _file(said)).read_text("utf-8")
    assert "please report it" in fault(_fail)


def test_the_whole_traceback_is_printed_where_it_is_asked_for(fault, tmp_path, monkeypatch):
    monkeypatch.setenv("TFKD_TRACEBACK", "1")
    said = fault(_refused_by_keras)
    assert "Traceback (most recent call last)" in said
    assert "KeyError: 'lost'" in said
    assert "report it with all of this" in said
    assert list(tmp_path.iterdir()) == []


def test_the_file_lies_in_the_folder_of_runs_or_is_said_where_none_can_be_written(
    fault, tmp_path, monkeypatch
):
    runs = tmp_path / "runs"
    runs.mkdir()
    words = ("run", "spec.yaml", "--runs-dir", str(runs))
    assert _file(fault(_fail, words)).startswith(str(runs / "tfkd-error-"))
    words = ("evaluate", str(runs / "small"))
    assert _file(fault(_fail, words)).startswith(str(runs / "tfkd-error-"))
    words = ("run", "spec.yaml", "--runs-dir", str(tmp_path / "none"))
    assert _file(fault(_fail, words)).startswith(str(tmp_path / "tfkd-error-"))

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    said = fault(_fail, words)
    assert "Traceback (most recent call last)" in said
    assert "second line" in said


def _made_of(error):
    """An error as Keras makes one of another."""
    try:
        try:
            raise error
        except Exception as inner:
            raise RuntimeError("Exception encountered") from inner
    except RuntimeError as made:
        return made


class OpError(Exception):
    pass


class ResourceExhaustedError(OpError):
    pass


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Interrupted("stopped by SIGTERM"), "stopped by SIGTERM"),
        (OSError(errno.EIO, "Input/output error", "/a"), "[Errno 5] Input/output error: '/a'"),
        (MemoryError(), "out of memory"),
        (MemoryError("Unable to allocate 9 GiB"), "out of memory (Unable to allocate 9 GiB)"),
        (_made_of(MemoryError()), "out of memory"),
        (_made_of(OSError(errno.ENOSPC, "No space left")), "[Errno 28] No space left"),
        (ResourceExhaustedError("OOM when allocating\nat .."), "out of memory (OOM when alloc"),
        (_made_of(OpError("CUDA: Out of memory")), "out of memory (CUDA: Out of memory)"),
        (OpError("shapes differ"), None),
        (_made_of(FileNotFoundError(errno.ENOENT, "No such file")), None),
        (ValueError("x"), None),
        (RecursionError("x"), None),
    ],
)
def test_what_the_surroundings_ended_is_told_from_an_error_of_the_program(monkeypatch, error, said):
    errors = SimpleNamespace(OpError=OpError, ResourceExhaustedError=ResourceExhaustedError)
    monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(errors=errors))
    found = of_surroundings(error)
    assert found == said or (said and found.startswith(said))


def test_the_help_tells_all_codes(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    for code in ("0 done", "1 the input is wrong", "2 usage", "3 stopped", "70 an error of tfkd"):
        assert code in text
