"""Scores in the terminal are those of the report."""

import pytest

from tfkd.report.terminal import score_table


def entry(metric, value, low, high, delta, **more):
    figure = {"value": value, "low": low, "high": high, "signature": "x"}
    pair = {"value": value - delta, "delta": delta, "low": -abs(delta), "high": 2 * abs(delta),
            "p": 0.214, "p_by": "approximate_randomization"}  # fmt: skip
    return {"of": "learn", "on": "test", "seed": 1, "metrics": {metric: figure},
            "against": {"of": "learn", "metrics": {metric: pair}}, **more}  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "numbers", "said"),
    [
        ("accuracy", (0.7913, 0.7649, 0.8188, -0.0057),
         ["79.13", "[76.49", "81.88", "79.70", "−0.57 [−0.57, +1.14]", "0.214"]),
        ("bleu", (15.51, 14.78, 16.25, 4.86), ["15.51", "[14.78, 16.25]", "10.65", "+4.86"]),
        ("word_perplexity", (27985.1, 25735.7, 30512.6, -12022.1), ["27,985", "40,007", "−12,022"]),
    ],
)  # fmt: skip
def test_scores_are_written_as_papers_print_them(metric, numbers, said):
    text = score_table(
        {"name": "run", "evaluations": [entry(metric, *numbers)], "teacher_gates": []}
    )
    for words in said:
        assert words in text.replace("\u00a0", " "), words


def test_a_p_of_one_tail_is_shown_as_what_the_interval_says():
    old = entry("bleu", 27.5, 26.0, 29.0, 0.4)
    del old["against"]["metrics"]["bleu"]["p_by"]
    text = score_table({"name": "run", "evaluations": [old], "teacher_gates": []})
    assert "0.214" not in text
    assert "≈ 0.191" in text
    assert "p marked ≈" in text
    new = entry("bleu", 27.5, 26.0, 29.0, 0.4)
    assert "≈" not in score_table({"name": "run", "evaluations": [new], "teacher_gates": []})


def test_contexts_and_noise_are_told():
    noise = {"metrics": {"accuracy": [
        {"sigma": 0.2, "mean": 0.2731, "spread": 0.0017, "values": [0.27, 0.28]},
        {"sigma": 0.4, "mean": None, "spread": None, "values": [None]},
    ]}}  # fmt: skip
    one = entry("word_perplexity", 50.0, 49.0, 51.0, -1.0, context=9, noise=noise)
    text = score_table({"name": "run", "evaluations": [one], "teacher_gates": []})
    assert "learn, context 9" in text
    assert "27.31" in text
    assert "0.17" in text
