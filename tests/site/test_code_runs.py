"""The commands and the Python of README and docs do what they are shown to do, at tiny sizes."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from page_blocks import PAGES, ROOT, blocks, written

from tfkd.data.grammars.everyday import everyday

pytestmark = pytest.mark.tensorflow
# `tfkd run` is made tiny, and its folder is found by the name of the real one.
_PRELUDE = """
set -euo pipefail
tfkd() {
  [ "$1" != run ] || set -- "$@" --smoke
  "$PYTHON" -m tfkd "$@"
  [ "$1" = run ] || return 0
  for one in runs/*-smoke*; do ln -sfn "$(basename "$one")" "${one/-smoke/}"; done
}
"""


def of(language, *, plugins):
    found = [block for block in blocks(language) if "not run" not in block.said]
    return [block for block in found if ("plugin" in block.said) == plugins and not block.included]


def environment():
    plugins = os.pathsep.join(str(ROOT / "tests" / one) for one in ("plugins", "pipeline"))
    return {
        **os.environ,
        "PYTHON": sys.executable,
        "PYTHONPATH": plugins,
        "CUDA_VISIBLE_DEVICES": "",
    }


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The runs of all pages: what is alike is made once."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def folder(tmp_path, runs):
    """Where a page's commands run, with the files that they name."""
    for name, place in (("specs", ROOT / "specs"), ("tools", ROOT / "tools"), ("runs", runs)):
        (tmp_path / name).symlink_to(place)
    pairs = list(itertools.islice(everyday(400, 1), 400))
    (tmp_path / "text.de").write_text("".join(f"{german}\n" for german, _ in pairs), "utf-8")
    (tmp_path / "text.en").write_text("".join(f"{english}\n" for _, english in pairs), "utf-8")
    rows = "".join(f"{english},{'asks' if '?' in english else 'tells'}\n" for _, english in pairs)
    (tmp_path / "reviews.csv").write_text(f"text,label\n{rows}", "utf-8")
    rows = "".join(f"{german}\t{english}\n" for german, english in pairs)
    (tmp_path / "stories.tsv").write_text(f"story\theadline\n{rows}", "utf-8")
    (tmp_path / "books.txt").write_text("".join(f"{english}\n" for _, english in pairs), "utf-8")
    (tmp_path / "sources.txt").write_text("ein hund läuft\nzwei hunde laufen\n", "utf-8")
    return tmp_path


def run(words, folder):
    done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_run(page, folder):
    mine = [block for block in blocks("bash", pages=[page]) if "not run" not in block.said]
    if not mine:
        pytest.skip("it has none")
    run(["bash", "-c", _PRELUDE + "\n".join(block.text for block in mine)], folder)


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_runs(page, folder):
    """The blocks of a page are one program; those with a title are modules that it may import."""
    mine = [block for block in blocks("python", pages=[page]) if "not run" not in block.said]
    mine = [block for block in mine if not block.included]
    if not mine:
        pytest.skip("it has none")
    for block in blocks("python"):
        if block.title and not block.included:
            (folder / block.title).write_text(block.text, "utf-8")
    program = "\n\n".join(block.text for block in mine if not block.title)
    if "runs/quickstart" in program and not (folder / "runs" / "quickstart").exists():
        run(["bash", "-c", _PRELUDE + "tfkd run specs/quickstart.yaml"], folder)
    (folder / "program.py").write_text(program, "utf-8")
    said = run([sys.executable, "program.py"], folder)
    if "distiller.fit(" in program:
        assert said.rstrip().endswith("['two dogs run']") or "['two dogs run']" in said


@pytest.mark.long
@pytest.mark.parametrize(
    "block",
    [block for block in of("yaml", plugins=False) if "adds to" not in block.said],
    ids=lambda block: block.name,
)
def test_whole_specs_run(block, folder):
    """On text that is generated in the place of their files."""
    path = written(block, folder)
    run([sys.executable, "-m", "tfkd", "run", path, "--smoke"], folder)


@pytest.mark.long
@pytest.mark.parametrize("block", of("yaml", plugins=True), ids=lambda block: block.name)
def test_specs_with_plugins_are_valid(block, tmp_path):
    path, plugin = written(block, tmp_path), Path(block.said["plugin"]).stem
    run(
        [sys.executable, "-m", "tfkd", "validate", path, "--no-files", "--plugin", plugin], tmp_path
    )


@pytest.mark.long
def test_a_term_of_ones_own_needs_its_plugin(folder):
    (block,) = (block for block in blocks("python") if block.title == "small_states.py")
    (folder / "small_states.py").write_text(block.text, "utf-8")
    own = "stages.train_student.objective.small_states={weight: 0.01}"
    show = [sys.executable, "-m", "tfkd", "show", "specs/quickstart.yaml", "--set", own]
    assert "small_states" in run([*show, "--plugin", "small_states"], folder)
    refused = subprocess.run(show, cwd=folder, env=environment(), capture_output=True, text=True)
    assert refused.returncode == 1
    assert "small_states" in refused.stderr
