"""Places of values and intervals on their bars."""

import pytest

from tfkd.report.ranges import place_differences, place_intervals


def row(metric, value, low, high):
    return {"figures": {metric: {"value": value, "low": low, "high": high}}}


def test_a_column_spans_its_intervals():
    rows = [row("bleu", 20.0, 10.0, 30.0), row("bleu", 40.0, 35.0, 50.0), {"figures": {}}]
    place_intervals(rows, ["bleu"])
    assert rows[0]["cells"]["bleu"]["range"] == [4.0, 27.0, 50.0]
    assert rows[1]["cells"]["bleu"]["range"] == [61.5, 73.0, 96.0]
    assert rows[2]["cells"] == {}


@pytest.mark.parametrize(
    "metric", ["perplexity", "word_perplexity", "word_perplexity_with_line_ends"]
)
def test_perplexities_stand_by_their_logarithms(metric):
    """Equal ratios are equally far apart: 10, 100 and 1,000."""
    rows = [row(metric, 10.0**power, 10.0**power, 10.0**power) for power in (1, 2, 3)]
    place_intervals(rows, [metric])
    assert [one["cells"][metric]["range"][1] for one in rows] == [4.0, 50.0, 96.0]


def test_figures_without_an_interval_have_no_bar():
    rows = [row("bleu", 20.0, None, None), row("bleu", "none", 1.0, 2.0)]
    place_intervals(rows, ["bleu"])
    assert rows[0]["cells"]["bleu"] == {"value": 20.0, "low": None, "high": None}
    assert "bleu" not in rows[1]["cells"]


def difference(metric, value, delta, low, high):
    return {"metric": metric, "value": value, "delta": delta, "low": low, "high": high}


def test_differences_stand_about_zero():
    found = [difference("bleu", 30, 2.0, 1.0, 4.0), difference("bleu", 30, -1.0, -2.0, 0.0)]
    place_differences(found)
    assert [one["range"] for one in found] == [[61.5, 73.0, 96.0], [27.0, 38.5, 50.0]]


@pytest.mark.parametrize(
    "metric", ["perplexity", "word_perplexity", "word_perplexity_with_line_ends"]
)
def test_differences_of_perplexities_are_shares(metric):
    """Half of 1,000 and half of 10 are the same gain."""
    found = [
        difference(metric, value, -value / 2, -value * 0.8, -value * 0.1)
        for value in (1000.0, 10.0)
    ]
    place_differences(found)
    assert [one["range"] for one in found] == [[4.0, 21.25, 44.25]] * 2


def test_what_has_no_place_has_no_bar():
    found = [
        difference("bleu", 30, 2.0, None, None),
        difference("loss", 3.0, 0.0, 0.0, 0.0),
        difference("perplexity", None, 1.0, 0.5, 2.0),
        difference("perplexity", 0.0, 1.0, 0.5, 2.0),
    ]
    place_differences(found)
    assert not any("range" in one for one in found)
    rows = [row("perplexity", 0.5, 0.0, 1.0), row("perplexity", 2.0, 1.0, 3.0)]
    place_intervals(rows, ["perplexity"])
    assert "range" not in rows[0]["cells"]["perplexity"]
    assert rows[1]["cells"]["perplexity"]["range"][2] == 96.0
