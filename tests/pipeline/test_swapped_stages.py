"""What lies in another's place: a stage's folder, a run's results, links and exports; refused by
name, for its bytes are all as they were written."""

import itertools
import json
import os
import shutil

import pytest
from drills import finished_copy, same_results
from rings import few
from small_line import arguments, stage_folders

from tfkd import cli
from tfkd.data.checksummed import read_checksummed, write_checksummed

KINDS = ("corpus", "ids", "train", "evaluate")


@pytest.fixture(scope="module")
def runs(line, tmp_path_factory):
    """A copy of the finished line's runs, put right again by each test."""
    return finished_copy(line, tmp_path_factory.mktemp("swapped"))


def _refused(words, capsys, *parts):
    capsys.readouterr()
    assert cli.main(words) == cli.WRONG_INPUT
    errors = capsys.readouterr().err
    for part in parts:
        assert str(part) in errors
    assert "Traceback" not in errors


def _swapped(line, runs, pairs, verbs, capsys):
    """Puts folders in place of others, and back; each verb refuses each."""
    words = {verb: [verb, *arguments(line.spec, runs)[1:]] for verb in ("run", "plan")}
    words["evaluate"] = ["evaluate", str(runs / "small")]
    for source, target in pairs:
        kept = runs / "kept"
        target.rename(kept)
        shutil.copytree(source, target)
        place = target / "manifest.json"
        said = f"{place} is that of another stage, {source.name}. Remove the folder {target}"
        for verb in verbs:
            _refused(words[verb], capsys, said)
        shutil.rmtree(target)
        kept.rename(target)


@pytest.mark.parametrize("kind", few(KINDS, 0))
def test_a_folder_in_place_of_another_of_its_kind_is_refused(line, runs, capsys, kind):
    first, second, *_ = stage_folders(runs, kind)
    _swapped(line, runs, [(first, second)], ("run", "plan", "evaluate"), capsys)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_any_folder_in_place_of_any_other_of_its_kind_is_refused(line, runs, capsys, kind):
    _swapped(line, runs, itertools.permutations(stage_folders(runs, kind), 2), ("run",), capsys)
    assert cli.main(arguments(line.spec, runs)) == cli.DONE
    assert same_results(line, runs)


def test_results_of_another_run_are_refused_and_a_renamed_folder_is_not(runs, capsys):
    run, other = runs / "small", runs / "other"
    shutil.copytree(run, other, symlinks=True)
    assert cli.main(["report", str(other)]) == cli.DONE
    origin = read_checksummed(run / "origin.json")
    assert origin["name"] == "small"
    write_checksummed(other / "origin.json", {**origin, "name": "other"})
    said = (f"{other / 'results.json'} is that of another run, small", "that of other")
    for words in (["report", other], ["compare", run, other], ["generate", other]):
        _refused(list(map(str, words)), capsys, *said)
    shutil.rmtree(other)


def test_another_export_in_a_runs_folder_is_refused(line, runs, tmp_path, capsys):
    run = runs / "small"
    export = run / "export" / "learn" / "1"
    told, kept = json.loads((run / "results.json").read_text("utf-8")), export.with_name("kept")
    assert told["exports"][0]["sha256"]
    export.rename(kept)
    shutil.copytree(kept, export)
    (export / "checksums.json").write_text((run / "origin.json").read_text("utf-8"))
    for path in (run, export, export.parent):
        said = f"{export / 'checksums.json'} is of another SavedModel than {run / 'results.json'}"
        _refused(["generate", str(path)], capsys, said, "tfkd run SPEC puts")
    _refused(["bench", str(run)], capsys, said)
    shutil.rmtree(export)
    _refused(["generate", str(run)], capsys, export, "No such file")
    kept.rename(export)


def test_a_link_to_another_stage_is_put_right_and_a_folder_in_its_place_refused(line, runs, capsys):
    place, words = runs / "small" / "learn", arguments(line.spec, runs)
    wanted = os.readlink(place)
    place.unlink()
    place.symlink_to("../stages")
    assert cli.main(words) == cli.DONE
    assert os.readlink(place) == wanted
    place.unlink()
    shutil.copytree(runs / "small" / wanted, place)
    _refused(words, capsys, f"Remove the folder {place} and run the same command")
    assert (place / "weights.safetensors").exists()
    shutil.rmtree(place)
    place.symlink_to(wanted)
