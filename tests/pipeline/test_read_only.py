"""Folders that may not be written: named, with what to do, and the same command goes on after."""

import os
import shutil

import pytest
from drills import finished_copy, same_results, stable_files, stage_of
from small_line import arguments
from unprivileged import unprivileged

from tfkd import cli


def _refused(words, folder, capsys):
    """The message of a verb while a folder is read-only."""
    mode = folder.stat().st_mode
    folder.chmod(0o555)
    try:
        with unprivileged():
            assert not os.access(folder, os.W_OK, effective_ids=True), "the test itself is void"
            code = cli.main(words)
    finally:
        folder.chmod(mode)
    errors = capsys.readouterr().err
    assert code == cli.WRONG_INPUT, errors
    assert str(folder) in errors
    assert "Permission denied" in errors
    assert len(errors.splitlines()) == 1
    return errors


def test_a_read_only_folder_of_runs(line, tmp_path, capsys):
    words = arguments(line.spec, tmp_path / "runs", "--until", "teach")
    errors = _refused(words, tmp_path, capsys)
    assert "name another folder with --runs-dir" in errors


# What is missing, so that the run has to write; and the folder where it may not.
PLACES = {
    "run": ("score", "small"),
    "stages": ("score", "stages"),
    "evaluation": ("", "small/evaluation"),
}


@pytest.mark.parametrize(
    "place", [pytest.param(p, marks=[] if p == "stages" else [pytest.mark.long]) for p in PLACES]
)
def test_a_folder_that_became_read_only_after_the_start(line, tmp_path, capsys, place):
    runs = finished_copy(line, tmp_path)
    missing, name = PLACES[place]
    words = arguments(line.spec, runs)
    if missing:
        folder = stage_of(runs, missing)
        wanted = stable_files(folder)
        shutil.rmtree(folder)
        words += ["--until", "targets"]
    errors = _refused(words, runs / name, capsys)
    assert "--runs-dir" in errors
    assert cli.main(words) == cli.DONE
    if missing:
        assert stable_files(folder) == wanted
    assert same_results(line, runs)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[] if kind == "corpus" else [pytest.mark.long])
        for kind in ("corpus", "score", "train", "translate", "evaluate", "export")
    ],
)
def test_a_read_only_stage_under_way(line, tmp_path, capsys, kind):
    runs = finished_copy(line, tmp_path)
    folder = stage_of(runs, kind)
    wanted = stable_files(folder)
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    until = {"evaluate": (), "export": (), "score": ("--until", "targets")}
    until["translate"] = ("--until", "synthetic")
    words = arguments(line.spec, runs, *until.get(kind, ("--until", "teach")))
    errors = _refused(words, folder, capsys)
    assert "Give this user the right to read and write there" in errors
    if kind in ("evaluate", "export"):  # continued by what the others test
        return
    assert cli.main(words) == cli.DONE
    assert stable_files(folder) == wanted


@pytest.mark.long
def test_a_finished_run_is_read_from_a_read_only_folder(line, tmp_path, capsys):
    runs = finished_copy(line, tmp_path)
    sentences, page = tmp_path / "sentences", tmp_path / "page.html"
    sentences.write_text("der mann sieht den hund.\n", "utf-8")
    run = runs / "small"
    folders = [path for path in [runs, *runs.rglob("*")] if path.is_dir() and not path.is_symlink()]
    for folder in folders:
        folder.chmod(0o555)
    try:
        with unprivileged():
            assert cli.main(["generate", str(run), "--input", str(sentences)]) == cli.DONE
            assert cli.main(["compare", str(run), str(run), "--samples", "10"]) == cli.DONE
            assert cli.main(["report", str(run), "--output", str(page)]) == cli.DONE
            assert cli.main(["report", str(run)]) == cli.WRONG_INPUT
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert f"{run / 'report.html'} cannot be written" in capsys.readouterr().err
