"""A stage with folds tells how far its models agree."""

import pytest

from tfkd.report.folds import fold_lines
from tfkd.report.page import render
from tfkd.report.systems import open_runs


@pytest.fixture
def folded(light):
    summary = {"folds": [{}, {}, {}], "agreement": 0.8312, "brief": ""}
    stage = light["stages"]["train train_student"]
    light["stages"]["train tune"] = {**stage, "summary": summary}
    return light


def test_the_page_has_a_sentence_for_each_such_stage(folded, other):
    told = "tune: 3 models, each without a part of the rows; two of them predict the same at 83.1 %"
    assert f"<p>{told} of the positions of validation.</p>" in render([folded])
    (line,) = fold_lines(open_runs([other, folded]))
    assert line.startswith(f"B: {told}")
    assert fold_lines(open_runs([other])) == []


@pytest.mark.parametrize("summary", [None, {}, {"agreement": None}, {"agreement": "much"}])
def test_results_without_a_share_have_none(folded, summary):
    folded["stages"]["train tune"]["summary"] = summary
    assert fold_lines(open_runs([folded])) == []
