"""The end of a run, read from its results alone."""

import copy
from pathlib import Path

import pytest

from tfkd.pipeline.engine.seeds import summaries
from tfkd.report.closing import closing, headline, sentence
from tfkd.report.lineage import has_no_teacher, parameters_of, teacher_of, teachers_of
from tfkd.spec.errors import UserError

BASELINE = {"stages.train_student.objective": {"words": {"kind": "cross_entropy"}}}


@pytest.fixture
def run(results):
    """Teacher `finetune`, asked by way of `targets`, and a baseline known to have none."""
    results["histories"] = {}
    results["spec"]["stages"] |= {
        "finetune": {"train": "teacher"}, "targets": {"score": "finetune"},
    }  # fmt: skip
    results["spec"]["stages"]["train_student"]["train"] = "student"
    results["spec"]["variants"] = {"baseline": BASELINE}
    results["stages"]["train finetune"]["summary"]["parameters"] = 5_813_312
    results["stages"]["train train_student#baseline"]["summary"]["parameters"] = 7_711_232
    return results


def said(results):
    return closing(results, Path("runs/a run")).replace("\u00a0", " ")


def test_a_run_ends_in_its_result(run):
    lines = said(run).splitlines()
    teacher, baseline, student = (line.split() for line in lines[2:5])
    assert teacher[:3] == ["teacher", "finetune", "5,813,312"]
    assert "(79.90 % right on valid)" in lines[2]
    assert baseline[:4] == ["baseline", "train_student#baseline", "7,711,232", "38.27"]
    assert student[:6] == ["student", "train_student", "7,711,232", "39.41", "[38.39,", "40.48]"]
    assert lines[6] == (
        "In this training the student of 7.7 M weights has gained by its teacher of 5.8 M weights: "
        "39.41 BLEU against 38.27 without it, +1.14 [+0.48, +1.83]; one seed."
    )
    assert sum(line.startswith("  source:") for line in lines) == 3
    shortest = min((one["source"] for one in run["evaluations"][0]["examples"]), key=len)
    assert lines[-1].startswith(f"next: echo '{shortest}'")
    assert lines[-1].endswith("| tfkd generate 'runs/a run'")


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-2.0, -0.4, "In this training the student of 7.7 M weights has lost by its teacher"),
        (-0.5, 0.9, "Whether the student of 7.7 M weights gains by its teacher of 5.8 M weights"
                    " is undecided"),
    ],
)  # fmt: skip
def test_the_sentence_is_honest(run, low, high, words):
    entry = run["evaluations"][0]
    entry["against"]["metrics"]["bleu"] |= {"low": low, "high": high, "p": 0.01}
    assert sentence(run, entry).startswith(words)


def test_nothing_learnt_is_no_verdict(run):
    entry = run["evaluations"][0]
    entry["trivial"] = [{"kind": "copy", "metrics": {"bleu": {"low": -1.0, "high": 0.5}}}]
    assert sentence(run, entry).startswith(
        "No verdict: train_student is not clearly above copying the source: 39.41 BLEU"
    )


def test_means_over_seeds_stand_for_all(run):
    entry = run["evaluations"][0]
    mean = {"n": 3, "mean": 40.0, "std": 0.5, "low": 38.8, "high": 41.2, "values": {}}
    difference = {"n": 3, "mean": 2.0, "std": 0.1, "low": 1.7, "high": 2.3, "values": {}}
    run["over_seeds"] = [{
        **{key: entry.get(key) for key in ("of", "variant", "on", "decode", "context")},
        "seeds": [1, 2, 3], "metrics": {"bleu": mean},
        "against": {"of": "train_student", "variant": "baseline",
                    "metrics": {"bleu": mean | {"mean": 38.0}},
                    "differences": {"bleu": difference}},
    }]  # fmt: skip
    text = said(run)
    assert "40.00 ± 0.50 [38.80, 41.20]" in text
    assert "40.00 BLEU against 38.00 without it, +2.00 [+1.70, +2.30]; mean of 3 seeds." in text


def test_a_known_ceiling_and_latencies_are_rows_and_a_column(run):
    best = {"value": 61.23, "low": 60.0, "high": 62.5, "signature": "x"}
    run["evaluations"][0]["ceiling"] = {"of": "a grammar", "metrics": {"bleu": best}}
    assert "ms a line" not in said(run)
    run["exports"][0]["latency"] = {"milliseconds": 12.34, "low": 9.0, "high": 20.0, "lines": 9}
    lines = said(run).splitlines()
    assert lines[1].endswith("ms a line")
    assert lines[3].endswith("as the student")
    assert lines[4].endswith("12.3 [9.0, 20.0]")
    assert lines[5].startswith("ceiling: the grammar ")
    assert "61.23 [60.00, 62.50]" in lines[5]


def test_others_are_compared_by_their_names(run):
    del run["spec"]["variants"]
    assert "train_student is better: 39.41 BLEU against 38.27 of train_student#baseline" in said(
        run
    )
    for entry in run["evaluations"]:
        entry["against"] = None
    assert "it is not compared with any other model" in said(run)
    run["evaluations"] = []
    assert said(run) == ""


def test_the_headline_is_the_student_that_none_goes_on_from(run):
    first = run["evaluations"][0]
    teacher, tuned = copy.deepcopy(first), copy.deepcopy(first)
    teacher["of"], tuned["of"] = "finetune", "tuned"
    run["spec"]["stages"]["tuned"] = {"train": "student", "from": "train_student"}
    run["evaluations"] = [teacher, first, tuned]
    assert headline(run)["of"] == "tuned"
    assert teacher_of(run, "tuned") == "finetune"


@pytest.mark.parametrize("stored", [True, False])
def test_each_of_several_teachers_has_its_row(run, stored):
    stages = run["spec"]["stages"]
    stages["second"] = {"train": "teacher"}
    if stored:
        stages["targets"] = {"score": "finetune", "beside": ["second"]}
    else:
        term = stages["train_student"]["objective"]["soft_targets"]
        term |= {"teacher": "finetune", "beside": ["second"]}
    run["stages"]["train second"] = copy.deepcopy(run["stages"]["train finetune"])
    run["stages"]["train second"]["summary"]["parameters"] = 1_000
    run["stages"]["train second"]["label"] = "second"
    assert teachers_of(run, "train_student") == ["finetune", "second"]
    rows = [line.split()[:3] for line in said(run).splitlines()[2:5]]
    assert rows[:2] == [["teacher", "finetune", "5,813,312"], ["teacher", "second", "1,000"]]
    assert "its teachers" in said(run)


def test_data_that_a_teacher_wrote_comes_from_it(run):
    stages = run["spec"]["stages"]
    stages["synthetic"] = {"translate": "finetune"}
    stages["train_student"] = {"train": "student", "objective": {"words": {}},
                               "data": [{"of": "train"}, {"of": "synthetic"}]}  # fmt: skip
    assert teacher_of(run, "train_student") == "finetune"
    assert not has_no_teacher(run, "train_student#baseline")
    for data, free in [(["train", "synthetic"], False), (["train"], True), ("train", True)]:
        changes = BASELINE | {"stages.train_student.data": data}
        run["spec"]["variants"] = {"baseline": changes}
        assert has_no_teacher(run, "train_student#baseline") is free


def test_what_goes_on_from_a_distilled_model_had_a_teacher(run):
    stages = run["spec"]["stages"]
    stages["before"] = {"train": "student", "objective": {"soft": {"teacher": "finetune"}}}
    stages["train_student"]["from"] = "before"
    assert not has_no_teacher(run, "train_student#baseline")
    change = {"stages.before.objective": {"words": {"kind": "cross_entropy"}}}
    run["spec"]["variants"] = {"baseline": BASELINE | change}
    assert has_no_teacher(run, "train_student#baseline")


def test_a_baseline_s_size_is_known_where_seeds_are_named(run):
    stages = run["stages"]
    stages["train train_student#baseline+1"] = stages.pop("train train_student#baseline")
    stages["train train_student#baseline+1"]["label"] = "train_student#baseline+1"
    assert parameters_of(run, "train_student#baseline") == 7_711_232


def test_means_stand_for_seeds_that_were_tuned_each_by_itself(run):
    entries = []
    for seed, (penalty, delta) in enumerate([(0.6, 2.0), (1.0, -1.0), (1.0, -1.2)], 1):
        entry = copy.deepcopy(run["evaluations"][0])
        entry |= {"seed": seed, "decode": {"kind": "beam", "beam": 4, "length_penalty": penalty}}
        entry["choose"] = {"decode.length_penalty": [0.6, 1.0], "by": "valid.bleu"}
        entry["against"]["decode"] = entry["decode"] | {"length_penalty": 0.6}
        found = entry["against"]["metrics"]["bleu"]
        found |= {"delta": delta, "low": delta - 0.5, "high": delta + 0.5, "p": 0.001}
        entry["metrics"]["bleu"]["value"] = found["value"] + delta
        entries.append(entry)
    run["evaluations"], run["over_seeds"] = entries, summaries(entries)
    text = sentence(run, entries[0])
    assert text.startswith("Whether the student of 7.7 M weights gains by its teacher")
    assert text.endswith("−0.07 [−4.52, +4.39]; mean of 3 seeds.")
    # No verdict of the mean either where a seed has learnt nothing.
    entries[1]["trivial"] = [{"kind": "copy", "metrics": {"bleu": {"low": -1.0, "high": 0.5}}}]
    assert sentence(run, entries[0]).startswith(
        "No verdict: train_student is not clearly above copying"
    )
    run["evaluations"] = []
    with pytest.raises(UserError, match="over_seeds has train_student on test_2016"):
        sentence(run, entries[0])


@pytest.mark.parametrize("change", [{"soft_targets.weight": 0}, {"soft_targets": None}])
def test_a_term_that_is_turned_off_is_no_teacher(run, change):
    path = "stages.train_student.objective"
    changes = {f"{path}.{key}": value for key, value in change.items()}
    run["spec"]["variants"] = {"baseline": changes, "other": {f"{path}.soft_targets.weight": 1}}
    assert has_no_teacher(run, "train_student#baseline")
    assert not has_no_teacher(run, "train_student#other")


def test_texts_from_anywhere_stay_on_their_lines(run):
    run["evaluations"][0]["examples"][0]["hypothesis"] = "two\nlines \x1b[31m" + 300 * "x"
    text = said(run)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) < 200


def test_the_page_begins_with_the_same(run):
    from tfkd.report.page import render

    page = render([run])
    assert page.index("has gained by its teacher of 5.8 M weights") < page.index('id="scores"')
    assert "Teacher, baseline and student on test_2016" in page
    assert "has gained by its teacher" not in render([run, run])
