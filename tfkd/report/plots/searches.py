"""What more iterations and more length candidates bring: plots of Mask-Predict's settings."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfkd.report.plots.lines import Line, Plot
from tfkd.report.systems import Run, System, Systems, label_of
from tfkd.report.wording import is_number, metric_name, metric_value, plain
from tfkd.spec.options import MaskPredictOptions

_SETTINGS = {"iterations": "iterations", "length_candidates": "length candidates"}


def search_plots(runs: Sequence[Run], systems: Systems) -> list[Plot]:
    """For each test set a plot of the first metric against each setting that evaluations vary.

    Evaluations of one system that differ in that setting alone make a line.
    """
    plots: list[Plot] = []
    entries = [
        (run, entry)
        for run in runs
        for entry in run.entries("evaluations")
        if (entry.get("decode") or {}).get("kind") == "mask_predict" and entry.get("metrics")
    ]
    for on in dict.fromkeys(str(entry.get("on")) for _, entry in entries):
        ours = [(run, entry) for run, entry in entries if str(entry.get("on")) == on]
        for setting in _SETTINGS:
            plot = _plot(f"search-{len(plots) + 1}", on, setting, ours, systems)
            if plot is not None:
                plots.append(plot)
    return plots


def _plot(
    identity: str,
    on: str,
    setting: str,
    entries: Sequence[tuple[Run, Mapping[str, Any]]],
    systems: Systems,
) -> Plot | None:
    lines: dict[tuple[System, str], dict[int, float]] = {}
    metric = next(iter(entries[0][1]["metrics"]))
    for run, entry in entries:
        value = (entry["metrics"].get(metric) or {}).get("value")
        if is_number(value):
            key = (systems.of(run, label_of(entry)), _besides(entry["decode"], setting))
            lines.setdefault(key, {})[_value(entry["decode"], setting)] = value
    lines = {key: points for key, points in lines.items() if len(points) > 1}
    if not lines:
        return None
    places = sorted({place for points in lines.values() for place in points})
    drawn, said = [], []
    for (system, besides), points in lines.items():
        name = f"{system.name}, {besides}"
        x = [places.index(place) for place in sorted(points)]
        y = [points[place] for place in sorted(points)]
        drawn.append(Line(name, x, y, system.series, marked=True))
        figures = ", ".join(
            f"{metric_value(metric, points[place])} with {place}" for place in sorted(points)
        )
        said.append(f"{name}: {figures}.")
    title = f"{metric_name(metric)} against {_SETTINGS[setting]} on {on}"
    return Plot(
        identity=identity,
        title=title,
        unit=metric_name(metric),
        lines=drawn,
        summary=" ".join(said),
        x_name=_SETTINGS[setting],
        places=[str(place) for place in places],
    )


def _besides(decode: Mapping[str, Any], setting: str) -> str:
    """What a search has beside the setting that a plot varies: what is not at its default, too."""
    others = [f"{_value(decode, name)} {_SETTINGS[name]}" for name in _SETTINGS if name != setting]
    rest = {key: one for key, one in decode.items() if key not in (*_SETTINGS, "kind")}
    return ", ".join([*others, *(f"{key.replace('_', ' ')} {plain(rest[key])}" for key in rest)])


def _value(decode: Mapping[str, Any], name: str) -> Any:
    """A setting of a search; what is not given is at its default."""
    return decode.get(name, MaskPredictOptions.model_fields[name].default)
