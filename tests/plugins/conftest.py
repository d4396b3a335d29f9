"""Plugins of one file each, which are documentation as well: joined as by --plugin."""

import os
import sys
from pathlib import Path

import pytest
from smoke_runs import run_tfkd

from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins


@pytest.fixture(scope="module")
def join():
    """Joins a plugin of this folder by its name; it is forgotten afterwards."""
    register_builtins()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_entries", dict(registry._entries))
        patch.syspath_prepend(Path(__file__).parent)

        def joined(name):
            patch.delitem(sys.modules, name, raising=False)
            registry.load_plugins([name])
            return sys.modules[name]

        yield joined


@pytest.fixture
def whole_run(tmp_path, monkeypatch):
    """Runs a spec of the package with a plugin at tiny sizes, as a user does; gives its folder."""
    # Before what is there: the package itself may be a copy that PYTHONPATH leads to.
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)

    def ran(spec, plugin, *changes):
        path = Path(__file__).parents[2] / "specs" / f"{spec}.yaml"
        settings = [word for change in changes for word in ("--set", change)]
        folders = ["--data-dir", tmp_path, "--runs-dir", tmp_path / "runs"]
        run_tfkd("run", path, "--smoke", "--plugin", plugin, *settings, *folders)
        return tmp_path / "runs" / f"{spec}-smoke"

    return ran
