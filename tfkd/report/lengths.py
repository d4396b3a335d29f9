"""BLEU and ROUGE by length as plots: Figure 2 of the first paper."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from tfkd.report.plots import Line, Plot
from tfkd.report.systems import Run, Systems, label_of
from tfkd.report.wording import decoding, is_number, metric_name

Entries = Sequence[tuple[Run, Mapping[str, Any]]]


def length_plots(identity: str, on: str, entries: Entries, systems: Systems) -> list[Plot]:
    """A plot for each metric that the evaluations of one test set have by length.

    Args:
        identity: Starts the plots' identities on the page.
        on: The test set.
        entries: The evaluations on it, with their runs.
        systems: Names and colours them.
    """
    entries = _plainest(entries, systems)
    metrics = dict.fromkeys(metric for _, entry in entries for metric, _ in _by_length(entry))
    plots = (
        _plot(f"{identity}-{place}" if place else identity, metric, on, entries, systems)
        for place, metric in enumerate(metrics)
    )
    return [plot for plot in plots if plot is not None]


def _by_length(entry: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    """An evaluation's metrics by length."""
    if entry.get("by_length"):
        yield "bleu", entry["by_length"]
    summary = entry.get("rouge_by_length")
    if summary and summary.get("buckets"):
        yield str(summary.get("metric")), summary["buckets"]


def _plainest(
    entries: Sequence[tuple[Run, Mapping[str, Any]]], systems: Systems
) -> list[tuple[Run, Mapping[str, Any]]]:
    """The entries, of those that decode one system in several ways the nearest to the defaults:
    lines of one colour could not be told apart."""
    best: dict[Any, int] = {}
    for run, entry in entries:
        system, options = systems.of(run, label_of(entry)), len(entry.get("decode") or ())
        best[system] = min(best.get(system, options), options)
    kept, seen = [], {}
    for run, entry in entries:
        system, decode = systems.of(run, label_of(entry)), entry.get("decode") or {}
        if len(decode) == best[system] and seen.setdefault(system, decode) == decode:
            kept.append((run, entry))
    return kept


def _plot(identity: str, metric: str, on: str, entries: Entries, systems: Systems) -> Plot | None:
    buckets: dict[tuple[int, Any], int] = {}
    # Of a system and a length, the values by seed.
    values: dict[Any, dict[tuple[int, Any], dict[Any, float]]] = {}
    measured = [
        (run, entry, dict(_by_length(entry))[metric])
        for run, entry in entries
        if metric in dict(_by_length(entry))
    ]
    searches = {str(entry.get("decode")) for _, entry, _ in measured}
    for run, entry, found in measured:
        search = f", {decoding(entry['decode'])}" if len(searches) > 1 else ""
        ours = values.setdefault((systems.of(run, label_of(entry)), search), {})
        seed = entry.get("seed")
        for bucket in found:
            key = (bucket["from"], bucket.get("to"))
            buckets[key] = bucket.get("rows", 0)
            if is_number(bucket.get("value")):
                ours.setdefault(key, {})[seed] = bucket["value"]
            if entry.get("against") and is_number(bucket.get("against")):
                baseline = systems.of(run, label_of(entry["against"]))
                theirs = values.setdefault((baseline, search), {})
                theirs.setdefault(key, {})[seed] = bucket["against"]
    order = sorted(buckets, key=lambda key: (key[0], key[1] is None, key[1] or 0))
    lines, summary = [], []
    for (system, search), found in values.items():
        x = [place for place, key in enumerate(order) if key in found]
        if x:
            y = [fmean(found[order[place]].values()) for place in x]
            seeds = max(len(found[order[place]]) for place in x)
            mean = f", mean of {seeds} seeds" if seeds > 1 else ""
            name = f"{system.name}{search}{mean}"
            lines.append(Line(name, x, y, system.series, marked=True))
            summary.append(f"{name}: {', '.join(f'{value:.1f}' for value in y)}.")
    if not lines:
        return None
    names = [f"{first}+" if last is None else f"{first}–{last}" for first, last in order]
    return Plot(
        identity=identity,
        title=f"{metric_name(metric)} by length on {on}",
        unit=metric_name(metric),
        lines=lines,
        summary=f"Lengths {', '.join(names)}. {' '.join(summary)}",
        x_name="words, and rows",
        places=[f"{name}\n{buckets[key]:,}" for name, key in zip(names, order, strict=True)],
    )
