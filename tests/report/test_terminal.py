"""Scores in the terminal are those of the report."""

from pathlib import Path

import pytest

from tfkd.report.terminal import closing_words, score_table, scored


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
        {"name": "run", "evaluations": [entry(metric, *numbers)], "teacher_checks": []}
    )
    for words in said:
        assert words in text.replace("\u00a0", " "), words


def test_a_p_of_one_tail_is_shown_as_what_the_interval_says():
    old = entry("bleu", 27.5, 26.0, 29.0, 0.4)
    del old["against"]["metrics"]["bleu"]["p_by"]
    text = score_table({"name": "run", "evaluations": [old], "teacher_checks": []})
    assert "0.214" not in text
    assert "≈ 0.191" in text
    assert "p marked ≈" in text
    new = entry("bleu", 27.5, 26.0, 29.0, 0.4)
    assert "≈" not in score_table({"name": "run", "evaluations": [new], "teacher_checks": []})


def test_contexts_and_noise_are_told():
    noise = {"metrics": {"accuracy": [
        {"sigma": 0.2, "mean": 0.2731, "std": 0.0017, "values": [0.27, 0.28]},
        {"sigma": 0.4, "mean": None, "std": None, "values": [None]},
    ]}}  # fmt: skip
    one = entry("word_perplexity", 50.0, 49.0, 51.0, -1.0, context=9, noise=noise)
    text = score_table({"name": "run", "evaluations": [one], "teacher_checks": []})
    assert "learn, context 9" in text
    assert "27.31" in text
    assert "0.17" in text


def copied(value, **more):
    return {"kind": "copy", "metrics": {"bleu": {"value": value, **more}}}


def test_trivial_systems_stand_below_the_table_once():
    one, other = (entry("bleu", value, 1.0, 2.0, 0.5) for value in (15.0, 16.0))
    one["trivial"] = other["trivial"] = [copied(0.481)]
    results = {"name": "run", "evaluations": [one, other], "teacher_checks": []}
    assert score_table(results).count("trivial systems on test: copying the source 0.48 BLEU") == 1
    other["trivial"] = [copied(3.0)]
    other["of"] = "teach"
    text = " ".join(score_table(results).split())
    assert "0.48 BLEU (beside learn); copying the source 3.00 BLEU (beside teach)" in text
    for each in results["evaluations"]:
        del each["trivial"]
    assert "trivial" not in score_table(results)


def test_a_known_ceiling_is_the_last_row_of_its_test_set_and_explained_once():
    one, other = (entry("bleu", value, 1.0, 2.0, 0.5) for value in (15.0, 16.0))
    best = {"value": 61.234, "low": 60.0, "high": 62.5, "signature": "x"}
    one["ceiling"] = other["ceiling"] = {"of": "the grammar", "metrics": {"bleu": best}}
    results = {"name": "run", "evaluations": [one, other], "teacher_checks": []}
    lines = score_table(results).splitlines()
    (row,) = (
        place
        for place, line in enumerate(lines)
        if "ceiling: the grammar " in line and "bleu" in line
    )
    assert all(words in lines[row] for words in ("test", "bleu", "61.23", "[60.00, 62.50]"))
    assert not any("learn" in line for line in lines[row:])
    assert sum("ceiling: what the grammar" in line for line in lines) == 1
    del one["ceiling"], other["ceiling"]
    assert "ceiling" not in score_table(results)


MADE = {"corpus train": {"kind": "corpus"}, "train learn": {"kind": "train", "label": "learn"}}
NOTHING = {"name": "run", "evaluations": [], "teacher_checks": [], "stages": MADE, "warnings": []}


@pytest.mark.parametrize(
    ("exports", "following"),
    [
        ([], "next: name a stage"),
        (["learn"], "next: tfkd generate runs/run; to score it, name a stage"),
        (["learn", "teach"], "next: tfkd generate runs/run/export/learn; to score it"),
    ],
)
def test_a_run_without_scores_says_what_it_made(exports, following):
    results = NOTHING | {"exports": [{"folder": f"export/{name}/1"} for name in exports]}
    lines = closing_words(results, Path("runs/run")).splitlines()
    assert lines[0] == "run: nothing was scored. Made: train learn in runs/run"
    assert lines[1].startswith(following)
    assert lines[2:-1] == [f"SavedModel: runs/run/export/{name}/1" for name in exports]
    assert "metric" not in score_table(results)


def test_what_a_terminal_obeys_is_escaped_in_what_was_made():
    stages = {"train x": {"kind": "train", "label": "learn\x1b[2J\nx"}}
    text = scored(NOTHING | {"exports": [], "stages": stages}, Path("runs/\x1b]0;run"))
    assert "learn\\x1b[2J\\nx in runs/\\x1b]0;run" in text.splitlines()[0]
    assert "\x1b" not in text


def test_teachers_alone_are_no_empty_table():
    check = {"of": "teach", "on": "valid", "message": "It knows more."}
    results = NOTHING | {"exports": [], "teacher_checks": [check], "warnings": ["look here"]}
    first, second, third, last = scored(results, Path("runs/run")).splitlines()
    assert first == "teacher check, teach on valid: It knows more."
    assert second == "run: nothing but teachers was scored. Made: train learn in runs/run"
    assert third.startswith("next: ")
    assert last == "warning: look here"


def test_a_check_that_failed_is_told_once():
    check = {"of": "teach", "on": "valid", "message": "It knows less.",
             "verdict": "not clearly better"}  # fmt: skip
    warnings = ["teach on valid: It knows less.", "look here"]
    results = NOTHING | {"exports": [], "teacher_checks": [check], "warnings": warnings}
    lines = scored(results, Path("runs/run")).splitlines()
    assert lines[0] == "warning: teacher check, teach on valid: It knows less."
    assert sum("It knows less" in line for line in lines) == 1
    assert lines[-1] == "warning: look here"


def test_a_warning_that_runs_share_is_told_once():
    told = set()
    runs = [
        NOTHING | {"exports": [], "warnings": texts}
        for texts in (["a teacher"], ["a teacher", "empty"])
    ]
    first, second = (scored(run, Path("runs/run"), told).splitlines() for run in runs)
    assert first[-1] == "warning: a teacher"
    assert second[-2:] == ["warning: empty", "warnings that were told above: 1"]
    assert not any("a teacher" in line for line in second)
    # By itself each run tells all.
    assert "warning: a teacher" in scored(runs[1], Path("runs/run"))


def test_the_difference_is_that_of_the_shown_scores():
    one = entry("bleu", 31.446, 30.0, 33.0, 0.292)
    text = score_table({"name": "run", "evaluations": [one], "teacher_checks": []})
    assert "31.45" in text
    assert "31.15" in text
    assert "+0.30 [" in text
    # A file whose figures do not belong together keeps its difference.
    one["against"]["metrics"]["bleu"]["delta"] = 2.0
    assert "+2.00 [" in score_table({"name": "run", "evaluations": [one], "teacher_checks": []})


def decided(seed=1, **more):
    one = entry("bleu", 0.10, 0.05, 0.15, 0.04, **more) | {"seed": seed}
    one["against"]["metrics"]["bleu"] |= {"low": 0.02, "high": 0.06, "p": 0.0004}
    one["against"]["variant"] = "baseline"
    return one


def test_a_verdict_stands_beside_a_difference_and_one_seed_is_told_once():
    text = score_table({"name": "run", "evaluations": [decided()], "teacher_checks": []})
    assert " better │" in text
    assert text.count("one seed: says nothing about another training") == 1
    one = decided(trivial=[copied(0.05, low=-0.02, high=0.1)])
    text = score_table({"name": "run", "evaluations": [one], "teacher_checks": []})
    assert " better │" not in text
    assert "no verdict: learn is not clearly above copying the source" in text
    assert "one seed" not in text


def test_the_mean_and_its_verdict_come_before_single_seeds_without_any():
    entries = [decided(seed) for seed in (1, 2)]
    over = {"n": 2, "mean": 0.10, "std": 0.01, "low": 0.05, "high": 0.15}
    apart = {**over, "mean": 0.04, "low": 0.02, "high": 0.06}
    summary = {"of": "learn", "on": "test", "seeds": [1, 2], "metrics": {"bleu": over}, "against": {
        "of": "learn", "variant": "baseline", "metrics": {"bleu": {**over, "mean": 0.06}},
        "differences": {"bleu": apart}}}  # fmt: skip
    results = {"name": "run", "evaluations": entries, "over_seeds": [summary], "teacher_checks": []}
    text = score_table(results)
    assert text.index("means over the seeds") < text.index("each seed by itself")
    assert text.count("better │") == 1
    assert "one seed" not in text
    # One seed's model that has learnt nothing is part of the mean.
    entries[1]["against"]["trivial"] = [copied(0.05, low=-0.02, high=0.1)]
    assert "no verdict: learn#baseline is not clearly above copying the source" in score_table(
        results
    )
