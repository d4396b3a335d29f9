"""Training histories as plots: a plot for each term and metric of a stage."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tfkd.report.plots.lines import Line, Plot
from tfkd.report.plots.soft_target_forms import DIVERGENCES, soft_target_forms
from tfkd.report.systems import Run, System, Systems, stage_of
from tfkd.report.wording import is_number, metric_name, number, words

Key = tuple[str, str]
_TRAINING, _VALIDATION = "training", "validation"
_ORDER = ["loss", "term", "metric", "validation", "combiner", "setting"]


def stage_curves(runs: Sequence[Run], systems: Systems) -> list[dict[str, Any]]:
    """The plots of each stage with a history, its variants and all runs together.

    Returns:
        A list of `name`, `identity`, `systems`, `forms` (sentences on its terms), `plots`.
    """
    groups: dict[str, dict[System, list[Mapping[str, Any]]]] = {}
    for run in runs:
        for label, lines in run.part("histories").items():
            group = groups.setdefault(stage_of(label), {})
            # A stage that runs share has one system, and one line here.
            group.setdefault(systems.of(run, label), lines)
    found = []
    for index, (name, histories) in enumerate(groups.items()):
        identity = f"curve-{index + 1}"
        plots = _plots(identity, histories, _terms(runs, name))
        if plots:
            found.append(
                {
                    "name": name,
                    "identity": identity,
                    "systems": list(histories),
                    "forms": soft_target_forms(runs, name),
                    "plots": plots,
                }
            )
    return found


def _terms(runs: Sequence[Run], stage: str) -> dict[str, tuple[str, str]]:
    """The terms of a stage by name: their kind (of soft targets, what of the teacher's they come
    down to), and what their loss is counted in."""
    found: dict[str, tuple[str, str]] = {}
    for run in runs:
        spec = run.part("spec")
        options = (spec.get("stages") or {}).get(stage) or {}
        of_rows = _classifies(spec, options)
        for name, term in (options.get("objective") or {}).items():
            kind = str((term or {}).get("kind") or name)
            unit = "nats a token"
            if kind == "soft_targets":
                kind = DIVERGENCES[(term or {}).get("divergence", "forward_kl")]
            if kind == "hidden_states":
                unit = "distance"
            elif kind == DIVERGENCES["total_variation"]:
                unit = "mass a token"
            elif kind == "length" or (of_rows and not (term or {}).get("view")):
                unit = "nats a row"
            found.setdefault(name, (kind, unit))
    return found


def _classifies(spec: Mapping[str, Any], stage: Mapping[str, Any]) -> bool:
    """Whether a stage trains a classifier."""
    model: Any = spec
    for part in str(stage.get("train")).split("."):
        model = model.get(part) if isinstance(model, Mapping) else None
    head = model.get("head") if isinstance(model, Mapping) else None
    return isinstance(head, Mapping) and head.get("kind") == "classifier"


def _plots(
    identity: str,
    histories: Mapping[System, Sequence[Mapping[str, Any]]],
    terms: Mapping[str, tuple[str, str]],
) -> list[Plot]:
    series: dict[Key, list[Line]] = {}
    # Of all systems: a figure of validation stands in one plot, be it of one term or of several.
    known = {key for lines in histories.values() for key in _training_keys(lines)}
    for system, lines in histories.items():
        for (key, which), points in _points(lines, known).items():
            name = f"{system.name}, {which}" if len(histories) > 1 else which
            if key[0] in ("setting", "combiner"):
                name = system.name if len(histories) > 1 else "value"
            x, y = zip(*points, strict=True)
            line = Line(name, list(x), list(y), system.series, which == _VALIDATION)
            series.setdefault(key, []).append(line)
    _drop_lone_total(series)
    last = max(max(line.x) for lines in series.values() for line in lines) if series else 0
    plots = []
    for index, key in enumerate(sorted(series, key=lambda key: _ORDER.index(key[0]))):
        title, unit = _title(key, terms)
        lines = series[key]
        plots.append(
            Plot(
                f"{identity}-{index + 1}",
                title,
                unit,
                lines,
                " ".join(map(_summary, lines)),
                until=last,
            )
        )
    return plots


def _training_keys(lines: Sequence[Mapping[str, Any]]) -> set[Key]:
    return {
        (kind[:-1], name)
        for line in lines
        for kind in ("terms", "metrics")
        for name in line.get(kind) or {}
    }


def _points(
    lines: Sequence[Mapping[str, Any]], known: set[Key]
) -> dict[tuple[Key, str], list[tuple[float, float]]]:
    points: dict[tuple[Key, str], list[tuple[float, float]]] = {}

    def add(key: Key, which: str, step: Any, value: Any) -> None:
        value = value.get("value") if isinstance(value, dict) else value
        if is_number(step) and is_number(value):
            points.setdefault((key, which), []).append((step, value))

    for line in lines:
        step = line.get("step")
        for name, value in (line.get("validation") or {}).items():
            if name in ("terms", "metrics") and isinstance(value, dict):
                for inner, number_ in value.items():
                    add((name[:-1], inner), _VALIDATION, step, number_)
                continue
            add(_beside(name, known), _VALIDATION, step, value)
        add(("loss", "loss"), _TRAINING, step, line.get("loss"))
        for kind in ("terms", "metrics"):
            for name, value in (line.get(kind) or {}).items():
                add((kind[:-1], name), _TRAINING, step, value)
        for name, value in (line.get("combiner") or {}).items():
            add(("combiner", name), _TRAINING, step, value)
        add(("setting", "learning_rate"), _TRAINING, step, line.get("learning_rate"))
    return points


def _beside(name: str, known: set[Key]) -> Key:
    """The plot of a figure of validation: beside its like in training, or one of its own.

    Training calls a term's metric TERM.METRIC; validation has one of each kind.
    """
    for key in (("metric", name), ("term", name)):
        if key in known:
            return key
    like = [key for key in known if key[0] == "metric" and key[1].endswith(f".{name}")]
    return like[0] if len(like) == 1 else ("validation", name)


def _drop_lone_total(series: dict[Key, list[Line]]) -> None:
    """The total of one term is that term: one plot is enough."""
    terms = [key for key in series if key[0] == "term"]
    total = series.get(("loss", "loss"))
    if total and len(terms) == 1 and len(series[terms[0]]) >= len(total):
        del series["loss", "loss"]


def _title(key: Key, terms: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    kind, name = key
    if kind == "loss":
        return "Training loss, the weighted sum of all terms", "nats"
    if kind == "setting":
        return "Learning rate", ""
    if kind == "combiner":
        what, _, module = name.partition("/")
        if what == "gated" and module:
            return f"{module}: steps without the auxiliary gradient", "share of steps"
        return words(name), ""
    if re.search(r"(^|[._/])kl($|[._/])|above", name):
        term = re.split(r"[._/]kl|[._/]above", name)[0] if not name.startswith("kl") else ""
        _, unit = terms.get(term, ("", "nats a token"))
        return f"{words(term)}: KL above the teacher’s entropy".lstrip(": "), unit
    if kind == "validation" and name == "loss":
        units = {unit for _, unit in terms.values()}
        unit = "nats a row" if units == {"nats a row"} else "nats a token"
        return "Validation loss, negative log-likelihood", unit
    if kind == "term":
        # Where a run's spec does not say it, the name does.
        by_name = (DIVERGENCES["forward_kl"] if "soft" in name else "", "nats a token")
        of_kind, unit = terms.get(name, by_name)
        title = words(name)
        return (
            f"{title}, {of_kind} to the teacher" if of_kind in DIVERGENCES.values() else title,
            unit,
        )
    title = words(name) if "." in name else metric_name(name).split(" (")[0]
    unit = "share" if "accuracy" in name else ""
    return (f"{title} on validation" if kind == "validation" else title), unit


def _summary(line: Line) -> str:
    name = line.name[:1].upper() + line.name[1:]
    first, last = number(line.y[0]), number(line.y[-1])
    text = f"{name}: {first} at step {number(line.x[0])}, {last} at step {number(line.x[-1])}."
    if len(line.y) > 2:
        low, high = min(line.y), max(line.y)
        text = text[:-1] + (
            f"; lowest {number(low)} at step {number(line.x[line.y.index(low)])}"
            f", highest {number(high)} at step {number(line.x[line.y.index(high)])}."
        )
    return text
