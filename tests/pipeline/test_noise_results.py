"""What finished noise stages left, of this version and of earlier ones."""

import json
from types import SimpleNamespace

import pytest

from tfkd.pipeline.stages.noise import read_noise


@pytest.mark.parametrize("name", ["std", "spread"])
def test_deviations_are_read_by_their_name_of_now(tmp_path, name):
    points = [{"sigma": 0.1, "mean": 2.0, name: 0.5, "values": [1.5, 2.5]}]
    (tmp_path / "noise-1").mkdir()
    (tmp_path / "noise-1" / "noise.json").write_text(json.dumps({"loss": points}), "utf-8")
    node = SimpleNamespace(key="noise-1", options={"seed": 1, "draws": 2})
    (point,) = read_noise(node, SimpleNamespace(stages=tmp_path))["metrics"]["loss"]
    assert point == {"sigma": 0.1, "mean": 2.0, "std": 0.5, "values": [1.5, 2.5]}
