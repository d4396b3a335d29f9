"""The package's own specs: listed, copied, and inside of a wheel."""

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tfkd import cli
from tfkd.spec import load_spec

ROOT = Path(__file__).resolve().parents[2]
SPECS = sorted((ROOT / "specs").glob("*.yaml"))


def test_they_are_listed_with_what_they_are(capsys):
    assert cli.main(["specs"]) == cli.DONE
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [path.stem for path in SPECS]
    assert all(len(line.split()) > 3 for line in lines)


def test_one_is_copied_and_never_over_a_file(tmp_path, capsys):
    assert cli.main(["specs", "copy", "quickstart", "--to", str(tmp_path)]) == cli.DONE
    copy = tmp_path / "quickstart.yaml"
    assert copy.read_bytes() == (ROOT / "specs" / "quickstart.yaml").read_bytes()
    assert str(copy) in capsys.readouterr().out
    copy.write_text("mine")
    assert cli.main(["specs", "copy", "quickstart.yaml", "--to", str(tmp_path)]) == cli.WRONG_INPUT
    assert copy.read_text() == "mine"
    assert "is there already" in capsys.readouterr().err
    assert cli.main(["specs", "copy", "quickstart", "--to", str(copy)]) == cli.WRONG_INPUT
    assert "cannot be written" in capsys.readouterr().err


def test_an_unknown_name_gets_advice(tmp_path, capsys):
    for name in ("quikstart", "../specs/quickstart"):
        assert cli.main(["specs", "copy", name, "--to", str(tmp_path)]) == cli.WRONG_INPUT
        assert "did you mean quickstart?" in capsys.readouterr().err


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_copy_is_whole(path, tmp_path):
    """With what it extends, and naming no other spec's stages."""
    assert cli.main(["specs", "copy", path.stem, "--to", str(tmp_path)]) == cli.DONE
    for stage in load_spec(tmp_path / path.name).stages.values():
        assert ".yaml:" not in str(stage)


def test_what_is_extended_may_be_there_as_it_is(tmp_path):
    for name in ("quickstart", "quickstart_defaults"):
        assert cli.main(["specs", "copy", name, "--to", str(tmp_path)]) == cli.DONE
    (tmp_path / "quickstart_defaults.yaml").unlink()
    (tmp_path / "quickstart.yaml").write_text("mine")
    copy = ["specs", "copy", "quickstart_defaults", "--to", str(tmp_path)]
    assert cli.main(copy) == cli.WRONG_INPUT
    assert [path.name for path in tmp_path.iterdir()] == ["quickstart.yaml"]


def test_where_one_file_is_refused_none_is_copied(tmp_path, capsys):
    (tmp_path / "quickstart_defaults.yaml").write_text("mine")
    assert cli.main(["specs", "copy", "quickstart_defaults", "--to", str(tmp_path)])
    assert "is there already" in capsys.readouterr().err
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.long
@pytest.mark.tensorflow
def test_a_wheel_runs_one_in_an_empty_folder(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in ("tfkd", "specs"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=unwanted)
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, source]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("tfkd-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    inside = {name for name in names if name.startswith("tfkd/specs/")}
    assert inside == {f"tfkd/specs/{path.name}" for path in SPECS}
    # What it depends on is found where this Python finds it; tfkd itself, in the wheel alone.
    venv.create(tmp_path / "venv", system_site_packages=False, with_pip=False)
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    others = [path for path in sys.path if path.endswith("site-packages")]
    (site / "others.pth").write_text("".join(f"{path}\n" for path in others))
    folder = tmp_path / "empty"
    folder.mkdir()
    tfkd = [tmp_path / "venv" / "bin" / "python", "-m", "tfkd"]
    for words in (["specs", "copy", "quickstart"], ["run", "quickstart.yaml", "--smoke"]):
        done = subprocess.run([*tfkd, *words], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    assert (folder / "runs" / "quickstart-smoke" / "report.html").is_file()
