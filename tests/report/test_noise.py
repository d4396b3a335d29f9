"""Scores under noise on the page: a line a system, its std, and all of it in words."""

import pytest

from tfkd.evaluation import result_errors
from tfkd.report.page import render
from tfkd.report.plots.lines import table
from tfkd.report.plots.noise import noise_plots
from tfkd.report.systems import Systems, open_runs


def points(*means, std=0.02):
    return [
        {"sigma": sigma, "mean": mean, "std": std if sigma else None, "values": [mean]}
        for sigma, mean in zip((0.0, 0.05, 0.2), means, strict=True)
    ]


@pytest.fixture
def noisy(light):
    entry = light["evaluations"][0]
    draws = {"seed": 1, "draws": 5}
    entry["noise"] = {
        **draws,
        "metrics": {"accuracy": points(0.7, 0.65, 0.5), "bleu": points(39, 38, 20)},
    }
    entry["against"]["noise"] = {**draws, "metrics": {"accuracy": points(0.68, 0.6, None)}}
    of_teacher = {"accuracy": points(0.8, 0.79, 0.75)}
    teacher = {"of": "finetune", "variant": None, "on": entry["on"], "seed": 1, "rows": 10,
               "metrics": {}, "noise": {**draws, "metrics": of_teacher}}  # fmt: skip
    light["evaluations"].append(teacher)
    return light


def plots(results):
    runs = open_runs([results])
    return noise_plots(runs, Systems(runs))


def test_student_baseline_and_teacher_stand_in_one_plot_each_in_its_colour(noisy):
    assert result_errors(noisy) == []
    accuracy, bleu = plots(noisy)
    assert [line.name for line in accuracy.lines] == [
        "train_student", "train_student#baseline", "finetune",
    ]  # fmt: skip
    assert len({line.series for line in accuracy.lines}) == 3
    assert accuracy.lines[0].x == [0.0, 0.05, 0.2]
    assert accuracy.lines[0].y == pytest.approx([70, 65, 50])
    assert accuracy.lines[0].std == pytest.approx([0, 2, 2])
    assert accuracy.lines[1].x == [0.0, 0.05]  # where outputs are no numbers any more
    summary = " ".join(accuracy.summary.split())
    assert "train_student: 70.00 % at sigma 0, 65.00 % ± 2.00 % at sigma 0.05" in summary
    assert [line.name for line in bleu.lines] == ["train_student"]


def test_perplexities_that_grow_by_powers_of_ten_are_drawn_so(noisy):
    for metric, name in (("perplexity", "Perplexity"), ("word_perplexity", "Word perplexity")):
        grown = {metric: points(15.0, 80.0, 4e5)}
        noisy["evaluations"][0]["noise"]["metrics"] = grown
        plot = next(plot for plot in plots(noisy) if plot.title.startswith(name))
        assert plot.unit == f"{name}, logarithmic"
        assert "<svg" in plot.svg
        grown[metric] = points(15.0, 16.0, 20.0)
        plot = next(plot for plot in plots(noisy) if plot.title.startswith(name))
        assert plot.unit == name


def test_the_numbers_of_a_plot_have_the_stds_and_the_sigmas(noisy):
    numbers = table(plots(noisy)[0])
    assert numbers["head"][:2] == ["train_student", "train_student, ±"]
    assert [place for place, _ in numbers["rows"]] == ["0", "0.05", "0.2"]
    assert numbers["rows"][1][1][:2] == pytest.approx([65, 2])
    assert numbers["rows"][2][1][2:4] == [None, None]


def test_the_page_has_them_with_a_legend_and_without_noise_nothing(noisy):
    page = render([noisy])
    assert 'href="#noise"' in page
    section = page[page.index('<section id="noise"') :]
    assert section.count('class="legend"') >= 2
    assert "sigma 0.05" in section
    for entry in noisy["evaluations"]:
        entry.pop("noise", None)
        (entry.get("against") or {}).pop("noise", None)
    assert 'id="noise"' not in render([noisy])
