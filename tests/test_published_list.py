"""What is read of published checkpoints is what the page of differences lists."""

import json
import sys
from pathlib import Path

from tfkd.models.published.architectures import known_types
from tfkd.report.markdown.published_tables import differences

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tools"))
from published_models import ARCHITECTURES  # noqa: E402

KEPT = ROOT / "specs" / "results" / "published" / "differences.json"


def listed():
    return [one.model_type for one in ARCHITECTURES]


def test_each_architecture_that_is_read_has_a_line_in_the_tool():
    said = "a line in tools/published_models.py, then tools/published_differences --only TYPE"
    assert sorted(listed()) == sorted(known_types()), said


def test_the_figures_that_are_kept_are_small_and_of_these():
    made = json.loads(KEPT.read_text("utf-8"))
    assert {row["model_type"] for row in made["logits"]} <= {*listed()}
    ways = [value for row in made["logits"] for value in row.values() if isinstance(value, float)]
    assert max(ways) < 1e-4
    assert not any(row["different"] for row in made["ids"])
    shown = (ROOT / "docs" / "published_differences.md").read_text("utf-8")
    assert differences(made) in shown
