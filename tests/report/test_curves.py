"""Training histories: which figures stand in one plot."""

import pytest

from tfkd.report.plots.curves import stage_curves
from tfkd.report.systems import Run, Systems


def history(metrics):
    lines = [
        {"step": step, "loss": 2.0, "terms": {"translation": 2.0}, "learning_rate": 1e-3,
         "metrics": dict.fromkeys(metrics, 0.5)}
        for step in (10, 20)
    ]  # fmt: skip
    return [*lines, {"step": 20, "validation": {"accuracy": 0.6, "bleu": 30.0}}]


def test_a_figure_of_validation_stands_in_one_plot_for_all_systems():
    """One student has one term, the other two: whose training the figure is like differs."""
    histories = {
        "student#baseline": history(["translation.accuracy"]),
        "student": history(["translation.accuracy", "mask_task.accuracy"]),
    }
    runs = [Run(0, {"histories": histories}, alone=True)]
    (stage,) = stage_curves(runs, Systems(runs))
    for figure in ("accuracy", "BLEU"):
        plots = [
            plot
            for plot in stage["plots"]
            if figure.lower() in plot.title.lower() and any(line.marked for line in plot.lines)
        ]
        assert len(plots) == 1, figure
        assert len([line for line in plots[0].lines if line.marked]) == 2


def test_terms_have_the_units_and_titles_of_their_kinds():
    terms = {
        "words": {"kind": "cross_entropy"},
        "states": {"kind": "hidden_states"},
        "mask_task": {"kind": "soft_targets", "view": "masked"},
        "other": {"kind": "soft_targets", "divergence": "jensen_shannon", "beta": 0.2},
    }
    line = {"step": 10, "loss": 2.0, "terms": dict.fromkeys(terms, 1.0), "learning_rate": 1e-3}
    head = {"head": {"kind": "classifier"}}
    for model, of_words in (({}, "nats a token"), (head, "nats a row")):
        spec = {"student": model, "stages": {"learn": {"train": "student", "objective": terms}}}
        runs = [Run(0, {"histories": {"learn": [line, line]}, "spec": spec}, alone=True)]
        (stage,) = stage_curves(runs, Systems(runs))
        units = {plot.title: plot.unit for plot in stage["plots"]}
        assert units["Words"] == of_words
        assert units["States"] == "distance"
        assert units["Mask task, cross-entropy to the teacher"] == "nats a token"
        assert units["Other, Jensen-Shannon divergence to the teacher"] == of_words
        assert [form.partition(" between")[0] for form in stage["forms"]] == [
            "other: Jensen-Shannon divergence with beta 0.2"
        ]


@pytest.mark.parametrize(
    ("model", "unit"), [({}, "token"), ({"head": {"kind": "classifier"}}, "row")]
)
def test_divergence_and_validation_have_the_unit_of_their_terms(model, unit):
    terms = {"labels": {"kind": "cross_entropy"}, "soft": {"kind": "soft_targets"}}
    lines = [
        {"step": step, "loss": 2.0, "terms": dict.fromkeys(terms, 1.0), "learning_rate": 1e-3,
         "metrics": {"soft.kl": 0.5}}
        for step in (10, 20)
    ] + [{"step": step, "validation": {"loss": 1.0}} for step in (10, 20)]  # fmt: skip
    spec = {"student": model, "stages": {"learn": {"train": "student", "objective": terms}}}
    runs = [Run(0, {"histories": {"learn": lines}, "spec": spec}, alone=True)]
    (stage,) = stage_curves(runs, Systems(runs))
    units = {plot.title: plot.unit for plot in stage["plots"]}
    assert units["Soft: KL above the teacher’s entropy"] == f"nats a {unit}"
    assert units["Validation loss, negative log-likelihood"] == f"nats a {unit}"


def test_settings_that_were_tried_stand_in_one_plot():
    tried = {f"learn[balance.soft={share}]": history([]) for share in (0.4, 0.8)}
    runs = [Run(0, {"histories": {**tried, "learn#pt_ft": history([])}}, alone=True)]
    (stage,) = stage_curves(runs, Systems(runs))
    assert stage["name"] == "learn"
    assert [system.series for system in stage["systems"]] == [0, 1, 2]


@pytest.mark.parametrize(
    ("term", "part"),
    [
        ({"temperature": 4.0, "form": "paper"}, "the teacher at temperature 4, the student at 1"),
        ({"temperature": 4.0, "form": "hinton"}, "teacher and student at temperature 4, times its"),
        ({"temperature": 1.0, "form": "hinton"}, None),
        ({}, None),
    ],
)
def test_a_temperature_is_told_of_with_its_sides(term, part):
    terms = {"words": {"kind": "cross_entropy"}, "soft": {"kind": "soft_targets", **term}}
    spec = {"stages": {"learn": {"train": "student", "objective": terms}}}
    runs = [Run(0, {"histories": {"learn": history([])}, "spec": spec}, alone=True)] * 2
    (stage,) = stage_curves(runs, Systems(runs))
    assert len(stage["forms"]) == (part is not None)
    assert all(said.startswith(f"soft: {part}") for said in stage["forms"])
