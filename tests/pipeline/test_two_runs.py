"""Two runs at the same time in one folder of runs: one waits and says so, nothing is made twice."""

import re
import shutil

import pytest
from drills import MADE, finished_copy, made_once, same_results, stable_files, stage_of
from small_line import arguments, start

from tfkd import cli

_FOUND = re.compile(r"^\[\d+/\d+\] (.+?): done already$", re.MULTILINE)


def _together(*commands):
    """Runs commands at the same time; returns what each has printed."""
    processes = [start(*words) for words in commands]
    said = [process.communicate(timeout=900) for process in processes]
    for process, (out, errors) in zip(processes, said, strict=True):
        assert process.returncode == cli.DONE, out + errors
        assert errors == ""
    return [out for out, _ in said]


@pytest.mark.long
def test_two_runs_of_one_spec_and_one_of_another_that_shares_its_stages(line, tmp_path):
    """Another spec's name is in no fingerprint: it waits for the same stages."""
    runs = finished_copy(line, tmp_path)
    kinds = ("tokenizer", "ids", "train", "score")
    folders = {kind: stage_of(runs, kind) for kind in kinds}
    wanted = {kind: stable_files(folder) for kind, folder in folders.items()}
    for folder in folders.values():
        shutil.rmtree(folder)
    words = arguments(line.spec, runs, "--until", "targets")
    outputs = _together(words, [*words, "--set", "name=other"])
    made = made_once(outputs)
    assert {title.partition(" ")[0] for title in made} == set(kinds)
    assert len(made) == len(kinds)
    for out in outputs:
        assert len(MADE.findall(out)) + len(_FOUND.findall(out)) == len(set(
            MADE.findall(out) + _FOUND.findall(out)
        ))  # fmt: skip
    assert any("waiting for another run, which makes " in out for out in outputs)
    for kind, folder in folders.items():
        assert stable_files(folder) == wanted[kind]
    assert (runs / "small" / "targets").resolve() == (runs / "other" / "targets").resolve()


@pytest.mark.long
@pytest.mark.parametrize("more", [[], ["--set", "name=other"]])
def test_two_whole_runs_from_nothing(line, tmp_path, more):
    runs = tmp_path / "runs"
    words = arguments(line.spec, runs)
    outputs = _together(words, [*words, *more])
    made = made_once(outputs)
    assert len(made) == len(line.results["stages"])
    assert any("waiting for another run, which makes " in out for out in outputs)
    assert same_results(line, runs)
    if more:
        assert (runs / "other" / "results.json").exists()
    assert cli.main(words) == cli.DONE
