"""The teacher check's rule."""

import pytest

from tfkd.evaluation import learnt_by_heart, teacher_check


def metrics(accuracy, positions=10_000, coverage=0.9):
    return {"accuracy": accuracy, "positions": positions, "coverage": coverage, "entropy": 1.0}


def test_a_far_better_teacher_passes():
    check = teacher_check(metrics(0.80), metrics(0.68, coverage=0.88))
    assert check["verdict"] == "clearly better"
    assert check["difference"]["low"] > 0.10
    assert check["difference"]["high"] < 0.14
    assert "80.0 %" in check["message"]
    assert "+12.0 points" in check["message"]


@pytest.mark.parametrize(
    ("teacher", "baseline", "reason"),
    [
        (metrics(0.70, 200), metrics(0.66, 200), "interval does not lie above 0"),
        (metrics(0.675, 1_000_000), metrics(0.67, 1_000_000), "less than 1 point"),
        (metrics(0.75, coverage=0.84), metrics(0.67, coverage=0.88), "top K holds the right word"),
        (metrics(0.60), metrics(0.67), "interval does not lie above 0"),
    ],
)
def test_a_teacher_that_is_not_clearly_better_is_named_with_the_reason(teacher, baseline, reason):
    check = teacher_check(teacher, baseline)
    assert check["verdict"] == "not clearly better"
    assert reason in check["message"]
    assert "learns little" in check["message"]
    assert "masked" not in check["message"]  # classifiers and language models hide none


def test_a_verdict_speaks_of_what_the_teacher_does():
    said = teacher_check(metrics(0.6), metrics(0.67), masked=True)["message"]
    assert "of 10,000 positions, the baseline" in said
    assert said.endswith("before the student, also with more of the words masked.")
    rows = teacher_check(metrics(0.6), metrics(0.67), unit="rows")["message"]
    assert "of 10,000 rows, the baseline" in rows
    assert "10,000 words; no" in teacher_check(metrics(0.6), unit="words")["message"]


@pytest.mark.parametrize(
    ("kept_by", "begins", "ends"),
    [(None, "Keep its best step by validation loss (`keep: {best: loss}`), train it for", "text."),
     ("loss", "Pre-train it on more text.", "themselves. Pre-train it on more text."),
     ("accuracy", "Keep its best step by validation loss (`keep: {best: loss}`) and not by "
      "accuracy, train it for fewer steps or pre-train it", "text.")],
)  # fmt: skip
def test_what_a_spec_has_already_is_no_advice(kept_by, begins, ends):
    about = {"unit": "rows", "labels": True, "kept_by": kept_by}
    said = learnt_by_heart(metrics(0.783), metrics(0.676), **about)
    assert "78.3 % of the rows that it scores" in said
    assert f"say little more than the labels themselves. {begins}" in said
    assert said.endswith(ends)


def test_the_interval_is_the_one_of_two_proportions():
    check = teacher_check({"accuracy": 0.5, "positions": 100}, {"accuracy": 0.5, "positions": 100})
    assert check["difference"]["high"] == pytest.approx(1.96 * (0.25 / 50) ** 0.5, rel=1e-4)


def test_without_baseline_nothing_is_claimed():
    check = teacher_check(metrics(0.8))
    assert check["verdict"] == "not compared"
    assert check["difference"] is None


def test_rows_learnt_by_heart_are_named():
    assert "89.5 %" in learnt_by_heart(metrics(0.895), metrics(0.799))
    assert learnt_by_heart(metrics(0.82), metrics(0.799)) is None


def test_what_helps_against_rows_learnt_by_heart_is_named():
    said = learnt_by_heart(metrics(0.783), metrics(0.676), on="valid", masked=True)
    assert "78.3 % of the positions that it scores and at 67.6 % on valid:" in said
    for help in (
        "Keep its best step by validation loss (`keep: {best: loss}`)",
        "fewer steps",
        "more text",
        "read: previous",
    ):
        assert help in said
    # It reads so already, or has no such choice.
    assert "previous" not in learnt_by_heart(metrics(0.783), metrics(0.676))


def test_figures_without_positions_are_refused():
    with pytest.raises(ValueError, match="positions=None"):
        teacher_check({"accuracy": 0.5})
    with pytest.raises(ValueError, match="`baseline`"):
        teacher_check(metrics(0.5), {"accuracy": 50, "positions": 3})
