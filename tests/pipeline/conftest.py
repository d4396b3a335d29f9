"""One finished run of a tiny line, shared by the tests of this folder."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from host_processes import Process, cluster
from small_line import arguments, write_line

from tfkd import cli


@pytest.fixture(scope="session")
def line(tmp_path_factory):
    """The spec, the runs folder and the results of an uninterrupted run; not to be changed."""
    folder = tmp_path_factory.mktemp("line")
    spec = write_line(folder)
    runs = folder / "runs"
    assert cli.main(arguments(spec, runs)) == cli.DONE
    run = runs / "small"
    results = json.loads((run / "results.json").read_text("utf-8"))
    return SimpleNamespace(spec=spec, runs=runs, run=run, results=results)


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
