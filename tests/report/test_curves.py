"""Training histories: which figures stand in one plot."""

from tfkd.report.curves import stage_curves
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
