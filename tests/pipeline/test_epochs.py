"""`epochs:` in place of `steps:`: told by plan, counted by the run, trained as its steps are."""

import json
import random

import pytest

from tfkd import cli

ROWS, SIZE = 45, 16
SPEC = f"""\
tfkd: 1
name: NAME
data: {{train: {{text: train.txt}}}}
tokenizers: {{w: {{kind: wordpiece, size: 60, learn_from: train}}}}
student: {{kind: bert, layers: 1, width: 8, heads: 2, max_length: 16, tokenizer: w}}
views: {{mlm: {{kind: mlm, p: 0.2, max_length: 16}}}}
stages:
  a:
    train: student
    data: train
    LENGTH
    objective: {{masked_lm: {{view: mlm}}}}
    batch: {{size: {SIZE}, unit: sentences}}
evaluate: [{{of: a, on: train, metrics: [loss]}}]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TFKD_DATA", raising=False)
    draw = random.Random(1)
    lines = (" ".join(draw.choices("abcdefgh", k=5)) for _ in range(ROWS))
    (tmp_path / "train.txt").write_text("\n".join(lines), "utf-8")
    for name, length in (("by_epochs", "epochs: 2"), ("by_steps", "steps: 6")):
        text = SPEC.replace("NAME", name).replace("LENGTH", length)
        (tmp_path / f"{name}.yaml").write_text(text, "utf-8")
    return tmp_path


def loss_of(folder, name):
    history = folder / "runs" / name / "a" / "history.jsonl"  # `a` is a link to the stage
    lines = [json.loads(line) for line in history.read_text("utf-8").splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


@pytest.mark.long
@pytest.mark.tensorflow
def test_two_epochs_are_trained_as_their_steps_are(folder, capfd):
    assert cli.main(["plan", "by_epochs.yaml"]) == cli.DONE
    assert "2 epochs" in capfd.readouterr().out
    for name in ("by_epochs", "by_steps"):
        words = ["run", f"{name}.yaml", "--until", "a", "--set", "stages.a.log_every=1"]
        assert cli.main(words) == cli.DONE
    said = capfd.readouterr()
    assert "2 epochs are 6 steps" in said.out + said.err
    losses = loss_of(folder, "by_epochs")
    assert len(losses) == 6
    assert losses == loss_of(folder, "by_steps")
    # Now that its rows are counted, a plan knows how many steps they are.
    command = ["plan", "by_epochs.yaml", "--set", "stages.a.epochs=3"]
    assert cli.main(command) == cli.DONE
    assert "3 epochs, ~9" in capfd.readouterr().out
