"""What a run folder names is not imported and not read elsewhere: the user did not name it."""

import sys
from pathlib import Path

import pytest

from tfkd import cli
from tfkd.data.checksummed import write_checksummed
from tfkd.pipeline.engine.run_folder import inside
from tfkd.spec.errors import UserError

ORIGIN = {"variant": None, "overrides": [], "smoke": False}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run folder that names a module beside it, which says so where it is imported."""
    (tmp_path / "named_plugin.py").write_text("import sys\nsys.named_plugin_ran = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "named_plugin_ran", False, raising=False)
    folder = tmp_path / "run"
    folder.mkdir()
    origin = {"spec": str(tmp_path / "none.yaml"), "data_dir": str(tmp_path), **ORIGIN}
    write_checksummed(folder / "origin.json", {**origin, "plugins": ["named_plugin"]})
    return folder


@pytest.mark.parametrize("verb", ["evaluate", "export"])
def test_a_plugin_that_a_run_folder_names_is_not_imported(run, verb, capsys):
    assert cli.main([verb, str(run)]) == cli.WRONG_INPUT
    assert "name them: --plugin named_plugin" in capsys.readouterr().err
    assert not sys.named_plugin_ran
    assert cli.main([verb, str(run), "--plugin", "named_plugin"]) == cli.WRONG_INPUT
    assert "none.yaml" in capsys.readouterr().err
    assert sys.named_plugin_ran
    del sys.modules["named_plugin"]


@pytest.mark.parametrize("name", ["../other/export/a/1", "/elsewhere", "export/../../other"])
def test_what_results_name_lies_in_their_folder(name):
    with pytest.raises(UserError, match=r"results\.json names .* not in the run folder"):
        inside(Path("runs/one"), name)


def test_names_of_results_are_places_in_their_folder():
    assert inside(Path("runs/one"), "export/a/1") == Path("runs/one/export/a/1")
