"""One finished run of a tiny line, shared by the tests of this folder."""

import contextlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from host_processes import Process, cluster
from made_once import made_once, shared_folder
from rings import untraced
from small_line import arguments, write_line

from tfkd import cli


def pytest_collection_modifyitems(items):
    """The tiny line and hosts are models at work, whatever their tests import."""
    for item in items:
        if not {"line", "hosts"}.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.tensorflow)


@contextlib.contextmanager
def _checked_here():
    """SavedModels are checked in this process, to save the start of another; those of
    `serving/test_export` and `serving/test_language_model_export` are checked as a user's."""
    from tfkd.serving import check, checking, classifier_export, language_model_check

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checking, "run_fresh", check.answer)
        patch.setattr(classifier_export, "run_fresh", check.classify)
        patch.setattr(language_model_check, "run_fresh", check.go_on)
        yield


@pytest.fixture(scope="session")
def line(tmp_path_factory):
    """The spec, the runs folder and the results of an uninterrupted run; not to be changed."""
    folder = shared_folder(tmp_path_factory, "line")
    runs = folder / "runs"
    run, spec = runs / "small", folder / "small.yaml"

    def make():
        write_line(folder)
        with _checked_here():
            assert cli.main(arguments(spec, runs)) == cli.DONE

    made_once(folder, make)
    results = json.loads((run / "results.json").read_text("utf-8"))
    return SimpleNamespace(spec=spec, runs=runs, run=run, results=results)


@pytest.fixture(scope="session")
def gpt(tmp_path_factory):
    """A language model's line of a few steps, run whole; see `gpt2_line`."""
    from gpt2_line import Place

    found = Place(shared_folder(tmp_path_factory, "gpt"))
    with untraced():
        made_once(found.folder, found.make)
    return found


@pytest.fixture
def spec_path(tmp_path):
    """The tiny line's spec with its data, nothing of it run."""
    return write_line(tmp_path)


@pytest.fixture(scope="module")
def checked_here():
    """See `_checked_here`."""
    with _checked_here():
        yield


@pytest.fixture
def hosts():
    """Starts hosts by their command lines; kills what is left of them."""
    started = []

    def run(*commands):
        configs = cluster(len(commands))
        started.extend(map(Process, commands, configs))
        return started[-len(commands) :]

    yield run
    for one in started:
        one.process.kill()
        one.process.wait()
