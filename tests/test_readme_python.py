"""The README's Python does what the README says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow

README = Path(__file__).resolve().parent.parent / "README.md"


def blocks():
    return re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The module that the README calls small_states.py, and the program that reads it."""
    folder = tmp_path_factory.mktemp("readme")
    (plugin,) = (text for text in blocks() if "class SmallStates(" in text)
    (program,) = (text for text in blocks() if "distiller.fit(" in text)
    (folder / "small_states.py").write_text(plugin, "utf-8")
    read_back = "\nassert keras.saving.load_model('student.keras').count_params() > 0\n"
    (folder / "program.py").write_text(program + read_back, "utf-8")
    return folder


def test_a_model_is_trained_saved_and_decodes(folder):
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "small: " in done.stdout  # the term of one's own, among what `fit` shows
    assert done.stdout.rstrip().endswith("['two dogs run']")


def test_a_spec_names_a_term_of_ones_own(folder):
    quickstart = README.parent / "specs" / "quickstart.yaml"
    own = "stages.train_student.objective.small_states={weight: 0.01}"
    words = ["show", str(quickstart), "--set", own]
    command = [sys.executable, "-m", "tfkd", *words]
    done = subprocess.run(
        [*command, "--plugin", "small_states"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "small_states" in done.stdout
    refused = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "small_states" in refused.stderr
