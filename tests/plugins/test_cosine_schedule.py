"""A schedule in one module: named by specs, listed, in the schema, built for a training."""

import re
from pathlib import Path

import pytest

from tfkd.reference import json_schema, listing
from tfkd.spec import load_spec, registry, validate_files
from tfkd.spec.builtins import register_builtins
from tfkd.training.optimization.schedules import build_schedule

SPEC = """\
tfkd: 1
name: scheduled
data: {train: {parallel: [train.de, train.en]}}
tokenizers: {joint: {kind: wordpiece, size: 150, learn_from: [train]}}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 16, heads: 2,
  tokenizer: joint}
stages:
  learn:
    train: student
    data: train
    objective: {cross_entropy: {}}
    steps: 100
    schedule: {kind: cosine, rate: 2.0, warmup: 10}
export: learn
"""


@pytest.fixture(autouse=True)
def joined(monkeypatch):
    """The plugin, which is forgotten again."""
    register_builtins()
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    monkeypatch.syspath_prepend(Path(__file__).parent)
    registry.load_plugins(["cosine_schedule"])


def written(folder, text=SPEC):
    path = folder / "scheduled.yaml"
    path.write_text(text, "utf-8")
    return path


def test_a_training_takes_it_by_name(tmp_path):
    options = load_spec(written(tmp_path)).stages["learn"].schedule
    schedule = build_schedule(options, 100, width=16)
    assert [schedule(step) for step in (5, 10)] == [1.0, 2.0]
    rates = [schedule(step) for step in range(10, 102)]
    assert rates == sorted(rates, reverse=True)
    assert schedule(101) == pytest.approx(0)
    assert schedule(55) + schedule(56) == pytest.approx(2.0, rel=0.02)  # half of it half way
    assert "cosine" in listing("schedules")
    assert "'cosine'" in str(json_schema()["$defs"]["schedule"])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: cosine", "kind: cosin", "'cosin' is no schedule; expected one of .*did you mean"),
        ("rate: 2.0", "factor: 2.0", "schedule.factor: unknown key; expected one of kind, rate"),
        ("rate: 2.0", "rate: 0.0", "schedule.rate: 0 is too small"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, old, new, said):
    (error,) = validate_files([written(tmp_path, SPEC.replace(old, new))])
    assert ":13: stages.learn.schedule" in str(error)
    assert re.search(said, str(error))
