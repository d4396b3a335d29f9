"""BLEU and ROUGE by length as plots: Figure 2 of the first paper."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from tfkd.evaluation.tuned_decode import decode_as_asked
from tfkd.report.plots.lines import Line, Plot
from tfkd.report.systems import Run, Systems, label_of
from tfkd.report.wording import decoding, is_number, metric_name

OWN_OUTPUT = "words of each system's own output"
Entries = Sequence[tuple[Run, Mapping[str, Any]]]


class Measured(NamedTuple):
    """What an evaluation has by length: a metric, and whose lengths sort the rows."""

    metric: str
    of: str


def length_plots(identity: str, on: str, entries: Entries, systems: Systems) -> list[Plot]:
    """A plot for each metric that the evaluations of one test set have by length.

    Args:
        identity: Starts the plots' identities on the page.
        on: The test set.
        entries: The evaluations on it, with their runs.
        systems: Names and colours them.
    """
    entries = _plainest(entries, systems)
    kinds = dict.fromkeys(kind for _, entry in entries for kind in _by_length(entry))
    plots = (
        _plot(f"{identity}-{index}" if index else identity, kind, on, entries, systems)
        for index, kind in enumerate(kinds)
    )
    return [plot for plot in plots if plot is not None]


def _by_length(entry: Mapping[str, Any]) -> dict[Measured, Sequence[Mapping[str, Any]]]:
    """An evaluation's metrics by length."""
    found: dict[Measured, Sequence[Mapping[str, Any]]] = {}
    if entry.get("by_length"):
        found[Measured("bleu", "reference")] = entry["by_length"]
    if entry.get("by_output_length"):
        found[Measured("bleu", "output")] = entry["by_output_length"]
    summary = entry.get("rouge_by_length")
    if summary and summary.get("buckets"):
        found[Measured(str(summary.get("metric")), "reference")] = summary["buckets"]
    for metric, buckets in (entry.get("others_by_length") or {}).items():
        found[Measured(metric, "reference")] = buckets
    return found


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
        system, decode = systems.of(run, label_of(entry)), decode_as_asked(entry) or {}
        if len(decode) == best[system] and seen.setdefault(system, decode) == decode:
            kept.append((run, entry))
    return kept


def _plot(
    identity: str, kind: Measured, on: str, entries: Entries, systems: Systems
) -> Plot | None:
    # Of each length the rows: the test set's own where references sort them.
    buckets: dict[tuple[int, Any], int] = {}
    # Of a system and a length, by seed, the values and of how many rows they are.
    values: dict[Any, dict[tuple[int, Any], dict[Any, tuple[float, int]]]] = {}
    measured = [
        (run, entry, _by_length(entry)[kind]) for run, entry in entries if kind in _by_length(entry)
    ]
    searches = {str(decode_as_asked(entry)) for _, entry, _ in measured}
    for run, entry, found in measured:
        search = f", {decoding(decode_as_asked(entry))}" if len(searches) > 1 else ""
        ours = values.setdefault((systems.of(run, label_of(entry)), search), {})
        seed = entry.get("seed")
        for bucket in found:
            key = (bucket["from"], bucket.get("to"))
            buckets[key] = bucket.get("rows", 0)
            if is_number(bucket.get("value")):
                ours.setdefault(key, {})[seed] = bucket["value"], buckets[key]
            if entry.get("against") and is_number(bucket.get("against")):
                baseline = systems.of(run, label_of(entry["against"]))
                theirs = values.setdefault((baseline, search), {})
                rows = bucket.get("against_rows", buckets[key])
                theirs.setdefault(key, {})[seed] = bucket["against"], rows
    order = sorted(buckets, key=lambda key: (key[0], key[1] is None, key[1] or 0))
    names = [f"{first}+" if last is None else f"{first}–{last}" for first, last in order]
    lines, summary = [], []
    for (system, search), found in values.items():
        x = [index for index, key in enumerate(order) if key in found]
        if x:
            y = [fmean(value for value, _ in found[order[index]].values()) for index in x]
            name = f"{system.name}{search}{_seeds([len(found[order[index]]) for index in x])}"
            lines.append(Line(name, x, y, system.series, marked=True))
            said = (
                f"{value:.1f} at {names[index]}{_rows(found[order[index]].values(), kind)}"
                for index, value in zip(x, y, strict=True)
            )
            summary.append(f"{name}: {', '.join(said)}.")
    if not lines:
        return None
    if kind.of == "reference":
        places = [f"{name}\n{buckets[key]:,}" for name, key in zip(names, order, strict=True)]
    else:
        places = names
    return Plot(
        identity=identity,
        title=f"{metric_name(kind.metric)} by length of the {kind.of} on {on}",
        unit=metric_name(kind.metric),
        lines=lines,
        summary=" ".join(summary),
        x_name="words, and rows" if kind.of == "reference" else OWN_OUTPUT,
        places=places,
    )


def _rows(points: Iterable[tuple[float, int]], kind: Measured) -> str:
    """Of how many rows a point is, where each system sorts its own: " (151 rows)"."""
    if kind.of == "reference":
        return ""
    counts = sorted({rows for _, rows in points})
    return f" ({'–'.join(f'{rows:,}' for rows in (counts[0], counts[-1])[: len(counts)])} rows)"


def _seeds(counts: Sequence[int]) -> str:
    """What a line of several seeds is, where each point has so many."""
    if max(counts) == 1:
        return ""
    return f", mean of {'up to ' if min(counts) < max(counts) else ''}{max(counts)} seeds"
