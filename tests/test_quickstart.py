"""The quickstart, whole: its distilled student is better than the same student without a teacher.

Several minutes, in the long ring alone. That it runs at all, tiny, is in the short one.
"""

from pathlib import Path

import pytest

from tfkd import cli
from tfkd.data.strict_json import read_json

SPEC = Path(__file__).parents[1] / "specs" / "quickstart.yaml"
pytestmark = [pytest.mark.tensorflow, pytest.mark.long]


def check_won(results):
    """By each metric, with p < 0.01, of a model that has passed its teacher's check, unwarned."""
    (entry,) = (one for one in results["evaluations"] if one.get("against"))
    found = entry["against"]["metrics"]
    assert set(found) == {"bleu", "chrf", "loss"}
    for metric, one in found.items():
        better = one["high"] < 0 if metric == "loss" else one["low"] > 0
        assert better, (metric, one)
        assert one["p"] < 0.01, (metric, one)
    assert [check["verdict"] for check in results["teacher_checks"]] == ["clearly better"]
    assert results["warnings"] == []


def test_its_student_wins(tmp_path):
    assert cli.main(["run", str(SPEC), "--runs-dir", str(tmp_path)]) == cli.DONE
    check_won(read_json(tmp_path / "quickstart" / "results.json"))
