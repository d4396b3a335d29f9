"""Scores as a table for a terminal."""

import io
from pathlib import Path
from typing import Any

from tfkd.evaluation import check_line, chosen_context, p_of
from tfkd.evaluation.verdicts.systems import Verdict, verdict_notes
from tfkd.evaluation.verdicts.teachers import NOT_CLEARLY_BETTER
from tfkd.outside.printable import one_line
from tfkd.report.ceilings import NAME, NOTE, ceilings
from tfkd.report.chosen import chosen_lines
from tfkd.report.closing import closing
from tfkd.report.run_verdicts import entry_verdict, is_part, mean_verdict
from tfkd.report.trivial import trivial_lines
from tfkd.report.unscored import made_instead
from tfkd.report.wording import P_ESTIMATED, metric_difference, metric_value, p_value


def score_table(results: dict[str, Any]) -> str:
    """All scores of a run with intervals and comparisons, as text; "" where nothing is scored."""
    from rich.console import Console

    text = io.StringIO()
    console = Console(file=text, width=120, color_system=None)
    verdicts: list[Verdict] = []
    if results.get("over_seeds"):
        # What is known of the training, and not of one of them alone, comes first.
        console.print(_seed_table(results, verdicts))
    if results["evaluations"]:
        table, any_estimated = _scores(results, verdicts)
        console.print(table)
        if any_estimated:
            console.print(P_ESTIMATED)
        if ceilings(results["evaluations"]):
            console.print(_text(NOTE))
    for note in verdict_notes(verdicts):
        console.print(_text(note))
    for line in [*chosen_lines(results), *trivial_lines(results["evaluations"])]:
        console.print(_text(line))
    if any(entry.get("noise") for entry in results["evaluations"]):
        console.print(_noise_table(results))
    for check in results["teacher_checks"]:
        warning = "warning: " * (check.get("verdict") == NOT_CLEARLY_BETTER)
        console.print(_text(f"{warning}{check_line(check)}"))
    return text.getvalue().rstrip()


def _scores(results: dict[str, Any], verdicts: list[Verdict]) -> tuple[Any, bool]:
    """A row for each model, test set and metric; and whether any p is estimated.

    One of several seeds has no verdict of its own: that of their mean is the one to tell.
    """
    summaries = results.get("over_seeds") or ()
    parts = [any(is_part(entry, one) for one in summaries) for entry in results["evaluations"]]
    table = _table(
        f"{results['name']}: {'each seed by itself' if summaries else 'scores'}",
        "model",
        "on",
        "metric",
        "score",
        "95 % interval",
        "baseline",
        "difference",
        "p",
        *() if all(parts) else ("verdict",),
    )
    any_estimated = False
    for entry, of_several in zip(results["evaluations"], parts, strict=True):
        against = entry.get("against") or {"metrics": {}}
        for metric, score in entry["metrics"].items():
            pair = against["metrics"].get(metric, {})
            p, estimated = p_of(pair)
            any_estimated |= estimated
            seed = f"seed {entry['seed']}" if summaries else ""
            verdict = None if of_several else entry_verdict(entry, metric)
            verdicts += filter(None, [verdict])
            _add(
                table,
                ", ".join(filter(None, (of_entry(entry), seed, chosen_context(entry)))),
                entry["on"],
                metric,
                _number(metric, score["value"]),
                _interval(metric, score),
                _number(metric, pair.get("value")),
                _difference(metric, score["value"], pair),
                "" if p is None else p_value(p, estimated),
                *() if all(parts) else (verdict.brief if verdict else "",),
            )
    for on, figures in ceilings(results["evaluations"]).items():
        for metric, figure in figures.items():
            value = _number(metric, figure["value"])
            _add(table, NAME, on, metric, value, _interval(metric, figure))
    return table, any_estimated


def _table(title: str, *columns: str) -> Any:
    """An empty table; names stand on the left of their columns, numbers on the right."""
    from rich.table import Table

    table = Table(title=_text(title), title_justify="left")
    for column in columns:
        table.add_column(column, justify="left" if column in ("model", "on", "metric") else "right")
    return table


def _add(table: Any, *cells: str) -> None:
    table.add_row(*map(_text, cells))


def _text(cell: str) -> Any:
    """A text as it is: names come from anywhere, and rich reads markup in plain ones."""
    from rich.text import Text

    return Text(one_line(cell))


def _seed_table(results: dict[str, Any], verdicts: list[Verdict]) -> Any:
    """Means over the seeds and their verdicts, a row for each model, test set and metric."""
    table = _table(
        f"{results['name']}: means over the seeds ± standard deviation, [95 % t-interval]",
        "model",
        "on",
        "metric",
        "seeds",
        "score",
        "baseline",
        "difference",
        "verdict",
    )
    for one in results["over_seeds"]:
        against = one["against"] or {"metrics": {}, "differences": {}}
        for metric, score in one["metrics"].items():
            theirs, apart = (against[key].get(metric) for key in ("metrics", "differences"))
            verdict = mean_verdict(one, metric, results["evaluations"])
            verdicts += filter(None, [verdict])
            shown = ""
            if theirs and apart:
                means = (found["mean"] for found in (score, theirs, apart))
                shown = _mean_and_std(metric, apart, metric_difference(metric, *means))
            name = ", ".join(filter(None, (of_entry(one), chosen_context(one))))
            _add(
                table, name, one["on"], metric, str(score["n"]), _mean_and_std(metric, score),
                _mean_and_std(metric, theirs), shown, verdict.brief if verdict else "",
            )  # fmt: skip
    return table


def _mean_and_std(metric: str, found: dict[str, Any] | None, signed: str = "") -> str:
    """A mean, or a mean difference in this text, with its std and interval."""
    if found is None:
        return ""
    mean, std = signed or metric_value(metric, found["mean"]), found["std"]
    return f"{mean} ± {metric_value(metric, std)} {_interval(metric, found, bool(signed))}"


def _noise_table(results: dict[str, Any]) -> Any:
    """Means and stds over the draws, a row for each model, metric and sigma."""
    table = _table(
        "noise on the parameters, N(0, sigma^2) of each tensor's mean",
        "model",
        "on",
        "metric",
        "sigma",
        "mean",
        "std",
        "draws",
    )
    for entry in results["evaluations"]:
        for one in (entry, entry.get("against") or {}):
            noise = one.get("noise") or {"metrics": {}}
            for metric, points in noise["metrics"].items():
                for point in points:
                    _add(
                        table, one["of"], entry["on"], metric, f"{point['sigma']:g}",
                        _number(metric, point["mean"]), _number(metric, point["std"]),
                        str(len(point["values"])),
                    )  # fmt: skip
    return table


def scored(results: dict[str, Any], folder: Path, told: set[str] | None = None) -> str:
    """The scores of a run and its warnings; of one without scores, what it has made, and where.

    Args:
        results: The content of results.json.
        folder: The run folder.
        told: Warnings that were printed before, of other runs that share a teacher or a corpus:
            counted only. Those of this run join them.
    """
    lines = [score_table(results)]
    if not results["evaluations"]:
        lines.append(made_instead(results, folder))
    told = set() if told is None else told
    # The table ends in the teacher checks: none is told of a second time.
    checked = {f"{one['of']} on {one['on']}: {one['message']}" for one in results["teacher_checks"]}
    warnings = [warning for warning in results["warnings"] if warning not in checked]
    new = [warning for warning in warnings if warning not in told]
    lines += [one_line(f"warning: {warning}") for warning in new]
    if again := len(warnings) - len(new):
        lines.append(f"warnings that were told above: {again}")
    told.update(new)
    return "\n".join(filter(None, lines))


def closing_words(results: dict[str, Any], folder: Path, told: set[str] | None = None) -> str:
    """The end of a run: its result in short, all scores, warnings less those `told`, and where
    SavedModel and report lie."""
    lines = [*filter(None, [closing(results, folder)]), scored(results, folder, told)]
    lines += [
        one_line(f"{one.get('name', 'SavedModel')}: {folder / one['folder']}")
        for one in results["exports"]
    ]
    lines.append(one_line(f"report: {folder / 'report.html'}"))
    return "\n".join(lines)


def of_entry(entry: dict[str, Any]) -> str:
    """The stage of an evaluation, and the export that stands in for its model, if one does."""
    return f"{entry['of']}[{entry['export']}]" if entry.get("export") else str(entry["of"])


def _number(metric: str, value: float | None) -> str:
    return "" if value is None else metric_value(metric, value)


def _difference(metric: str, value: float, pair: dict[str, Any]) -> str:
    if pair.get("delta") is None:
        return ""
    delta = metric_difference(metric, value, pair.get("value"), pair["delta"])
    return f"{delta} {_interval(metric, pair, signed=True)}".rstrip()


def _interval(metric: str, score: dict[str, Any], signed: bool = False) -> str:
    if score.get("low") is None or score.get("high") is None:
        return ""
    low, high = (metric_value(metric, score[end], signed=signed) for end in ("low", "high"))
    return f"[{low}, {high}]"
