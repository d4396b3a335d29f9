"""Losses and gradients that are not finite end a whole run: the step is named, nothing follows.

The short ring has the trainings by themselves: `training/test_loop`, `training/test_loss_scale`.
"""

import re
import shutil

import numpy as np
import pytest
from drills import finished_copy, same_results
from safetensors.numpy import load_file
from small_line import arguments, stage_folders

from tfkd import cli
from tfkd.spec import registry

ROW = 7
# By what goes wrong: what the spec is changed by, and what the message calls it.
CAUSES = {
    "nan": ("the sum of poison is not finite", ()),
    "inf": ("the sum of poison is not finite", ()),
    "gradient": ("the gradient is not finite, though the loss is", ()),
    "rate": ("is not finite", ("--set", "stages.teach.schedule={kind: constant, rate: 1e38}")),
}


@pytest.fixture(autouse=True)
def plugin(monkeypatch):
    """A registry that forgets the plugin."""
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))


def _words(line, runs, cause):
    _, more = CAUSES[cause]
    if not more:
        terms = f"{{masked_lm: {{view: cmlm}}, poison: {{view: cmlm, row: {ROW}, value: {cause}}}}}"
        more = ("--plugin", "poison_plugin", "--set", f"stages.teach.objective={terms}")
    return [*arguments(line.spec, runs), "--set", "stages.teach.save_every=0.0001", *more]


@pytest.mark.long
@pytest.mark.parametrize("cause", CAUSES)
def test_a_loss_that_is_not_finite(line, tmp_path, capsys, cause):
    runs = finished_copy(line, tmp_path)
    shutil.rmtree(runs / "small")
    before = {path.name for path in (runs / "stages").iterdir() if path.is_dir()}
    words = _words(line, runs, cause)
    assert cli.main(words) == cli.WRONG_INPUT
    errors = capsys.readouterr().err
    found = re.match(r"tfkd: stages\.teach: step (\d+): (.*?)\. Training stopped with the", errors)
    assert found, errors
    step, what = int(found[1]), found[2]
    assert CAUSES[cause][0] in what
    assert "Try a lower learning rate" in errors
    assert len(errors.splitlines()) == 1

    # Of what was made, only the training under way is there, and its weights are finite.
    (folder,) = (
        path
        for path in (runs / "stages").iterdir()
        if path.is_dir() and path.name not in before
    )  # fmt: skip
    assert folder.name.startswith("train-")
    assert {path.name for path in folder.iterdir()} == {"work"}
    assert not (runs / "small" / "results.json").exists()
    assert len(stage_folders(runs, "score")) == 1
    with np.load(folder / "work" / "bad_batch.npz") as batch:
        assert cause == "rate" or ROW in batch["examples"]
    checkpoints = sorted((folder / "work" / "checkpoints").glob("*.safetensors"))
    for path in checkpoints:
        assert int(path.stem.partition("-")[2]) < step
        assert all(np.isfinite(array).all() for array in load_file(path).values())
    assert checkpoints or step == 1

    # The same command comes to the same end; another spec is not kept from its own.
    assert cli.main(words) == cli.WRONG_INPUT
    assert capsys.readouterr().err == errors
    assert not (folder / "manifest.json").exists()
    assert cli.main(arguments(line.spec, runs)) == cli.DONE
    assert same_results(line, runs)
