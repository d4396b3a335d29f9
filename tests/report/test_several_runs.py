"""The page of several runs, of several seeds, and of runs with long names."""

import copy

import pytest
from read_page import Page

from tfkd.report.page import render


@pytest.fixture(scope="session")
def both(page_texts):
    return Page(page_texts[1])


def test_several_runs_share_what_they_share(both):
    assert "run A multi30k_deen" in both.words
    assert "run B multi30k_deen@temperature_1" in both.words
    assert "stages.train_student.objective.soft_targets.temperature 10 1" in both.words
    scores = both.words[both.words.index("System BLEU chrF") :]
    scores = scores[: scores.index("BLEU by length")]
    assert scores.count("train_student#baseline") == 1  # one stage, made once, shared
    # The teacher's curve is drawn once; the students' twice.
    assert both.words.count("B train_student, validation") > 0
    assert both.words.count("B finetune, validation") == 0


def test_a_warning_of_several_runs_stands_once_with_their_letters(light, other):
    other["warnings"] = [*light["warnings"], "more"]
    words = Page(render([light, other])).words
    assert words.count("learnt part of them by heart") == 1
    assert "2 warnings run A run B The teacher is right at 89.5" in words.replace("\u00a0", " ")
    assert "run B more" in words


def test_runs_stand_side_by_side_with_what_each_ran_on(light, other):
    other["machine"] = {"cores": 4, "gpu": "none"}
    words = Page(render([light, other])).words
    assert "run A multi30k_deen run B multi30k_deen@temperature_1 Started 2 March 2026" in words
    assert "Cores 2 4" in words
    assert "Memory 16 GB –" in words
    assert "GPU – none" in words


def test_long_names_of_runs_may_end_a_line_where_they_have_parts(light):
    text = render([{**light, "name": "a_<b", "variant": "c_d"}])
    assert "<h1>a_<wbr>&lt;b<wbr>@c_<wbr>d</h1>" in text


def test_seeds_get_a_mean_and_a_std(light):
    again = copy.deepcopy(light["evaluations"][0])
    again["seed"] = 2
    again["metrics"]["bleu"]["value"] = 40.41
    light["evaluations"].append(again)
    words = Page(render([light])).words
    # t = 12.706 with one degree of freedom.
    assert "mean ± deviation of 2 seeds [95 % t-interval] 39.91 ± 0.71 [33.56, 46.26]" in words
    # Metrics of one comparison stand together.
    assert words.count("mean of 2 seeds, t-interval") == 1
