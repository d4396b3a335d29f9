"""How scores fall under noise on the parameters: a plot for each test set and metric."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfkd.evaluation import chosen_context
from tfkd.report.plots.lines import Line, Plot
from tfkd.report.systems import Run, System, Systems, label_of
from tfkd.report.wording import is_number, metric_name, metric_value, plain
from tfkd.spec.metrics import about

_Points = dict[float, Mapping[str, Any]]
# A model, and how it was told to read.
_Read = tuple[System, str]


def noise_plots(runs: Sequence[Run], systems: Systems) -> list[Plot]:
    """For each test set and metric that was measured under noise, each system's mean over the
    draws against sigma, with their standard deviation; baselines beside what is compared with them.
    """
    found: dict[tuple[str, str], dict[_Read, _Points]] = {}
    for system, on, noise in _measured(runs, systems):
        for metric, points in noise["metrics"].items():
            of_system = found.setdefault((on, metric), {}).setdefault(system, {})
            for point in points:
                if is_number(point.get("mean")):
                    of_system.setdefault(point["sigma"], point)
    plots = [
        _plot(f"noise-{index + 1}", on, metric, lines)
        for index, ((on, metric), lines) in enumerate(found.items())
    ]
    return [plot for plot in plots if plot.lines]


def _measured(
    runs: Sequence[Run], systems: Systems
) -> Iterator[tuple[_Read, str, Mapping[str, Any]]]:
    for run in runs:
        for entry in run.entries("evaluations"):
            on = str(entry.get("on"))
            for one in (entry, entry.get("against") or {}):
                if one.get("noise"):
                    read = systems.of(run, label_of(one)), chosen_context(entry)
                    yield read, on, one["noise"]


def _plot(identity: str, on: str, metric: str, lines: Mapping[_Read, _Points]) -> Plot:
    drawn, said, series = [], [], set()
    for (system, context), points in lines.items():
        name = ", ".join(filter(None, (system.name, context)))
        sigmas = sorted(points)
        if not sigmas:
            continue
        # Models of different stages share colours elsewhere; here each needs its own.
        colour = next(n for n in (system.series, *range(len(lines))) if n not in series)
        series.add(colour)
        scale = 100 if about(metric).percent else 1
        means = [scale * points[sigma]["mean"] for sigma in sigmas]
        stds = [scale * (points[sigma].get("std") or 0.0) for sigma in sigmas]
        drawn.append(Line(name, sigmas, means, colour, marked=True, std=stds))
        figures = ", ".join(_said(metric, points[sigma], sigma) for sigma in sigmas)
        said.append(f"{name}: {figures}.")
    unit = f"{metric_name(metric)}, %" if about(metric).percent else metric_name(metric)
    means = [mean for line in drawn for mean in line.y]
    # Perplexities grow by powers of ten as outputs fall apart.
    grown = max(means, default=0) > 10 * min(means, default=0) > 0
    logarithmic = about(metric).logarithmic and grown
    return Plot(
        identity=identity,
        title=f"{metric_name(metric)} under noise on the parameters, on {on}",
        unit=f"{unit}, logarithmic" if logarithmic else unit,
        logarithmic=logarithmic,
        lines=drawn,
        summary=" ".join(said),
        x_name="sigma",
        fractions=True,
    )


def _said(metric: str, point: Mapping[str, Any], sigma: float) -> str:
    std = point.get("std")
    give = f" ± {metric_value(metric, std)}" if is_number(std) else ""
    return f"{metric_value(metric, point['mean'])}{give} at sigma {plain(sigma)}"
