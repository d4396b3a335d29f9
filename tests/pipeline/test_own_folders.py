"""Folders of stores that a program has written: what is wrong is told before anything runs."""

import numpy as np
import pytest

from tfkd import UserError, cli
from tfkd.pipeline.inputs.own_folders import own_identity
from tfkd.targets import StoreWriter

SPEC = """\
tfkd: 1
name: own
data:
  one: {generated: classes, fields: [text, label], rows: 4, seed: 2}
  two: {generated: classes, fields: [text, label], rows: 4, seed: 3}
tokenizers: {bytes: {kind: byte_bpe, size: 300, learn_from: one.text}}
student: {kind: gpt2, layers: 1, width: 8, heads: 2, max_length: 32, tokenizer: bytes}
stages:
  voice: {targets: {store: [a, b]}, model: student, data: [one, two]}
  learn: {train: student, data: [one, two], steps: 2, objective: {soft_targets: {teacher: voice}}}
evaluate: [{of: learn, on: one, metrics: loss}]
"""


def written(folder, top_k):
    pieces = [*"abcdef"]
    writer = StoreWriter.for_rows(folder, ["a", "b"], top_k=top_k, pieces=pieces)
    said = np.full((2, top_k), np.log(1 / len(pieces)))
    writer.write(2, [1, 1], np.tile(np.arange(top_k), (2, 1)), said)
    writer.finish()


def test_stores_of_one_stage_have_one_k(tmp_path, capsys):
    written(tmp_path / "a", 3)
    written(tmp_path / "b", 4)
    with pytest.raises(UserError, match=r"where: K is 3 in .*a, and 4 in .*b\. Expected one K"):
        own_identity(["a", "b"], tmp_path, "where")
    assert len(own_identity(["a", "a"], tmp_path, "where")) == 2
    spec = tmp_path / "own.yaml"
    spec.write_text(SPEC, "utf-8")
    assert cli.main(["validate", str(spec), "--data-dir", str(tmp_path)]) != cli.DONE
    assert "K is 3 in" in "".join(capsys.readouterr())
