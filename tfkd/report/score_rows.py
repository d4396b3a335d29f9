"""Scores of a run as plain rows, and as a table for notebooks."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from tfkd.evaluation.verdicts.verdict import p_of
from tfkd.report.run_verdicts import entry_verdict, mean_verdict
from tfkd.report.systems import label_of
from tfkd.report.wording import clean, metric_difference, metric_name, metric_value, search_of
from tfkd.spec.metrics import remember


def score_rows(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each model, test set, metric and seed; of several seeds their mean follows.

    Every row has all keys, so that `pandas.DataFrame(rows)` is the table. Scores are in the
    metric's own unit, as in results.json: BLEU from 0 to 100, accuracy from 0 to 1.

    Args:
        results: The content of results.json.

    Returns:
        Mappings of `model` and `baseline` (stages; None without one), `test_set`, `search` (how the
        outputs were decoded, in words), `metric`, `seed` (None of a mean), `seeds` (over how many),
        `score` with its 95 % interval `low` to `high`, `baseline_score`, `difference` (`score` less
        `baseline_score`) with `difference_low` and `difference_high`, `p` (two-sided) and
        `verdict`; None where it is not known.
    """
    remember(results.get("metrics", {}))
    rows = []
    for entry in results["evaluations"]:
        against = entry.get("against") or {"metrics": {}}
        for metric, found in entry["metrics"].items():
            pair = against["metrics"].get(metric, {})
            rows.append(
                _row(entry, metric, found["value"], found, pair.get("value"), pair)
                | {
                    "seed": entry.get("seed"),
                    "difference": pair.get("delta"),
                    "p": p_of(pair)[0] if pair else None,
                    "verdict": _brief(entry_verdict(entry, metric)),
                }
            )
    for one in results.get("over_seeds") or ():
        against = one["against"] or {"metrics": {}, "differences": {}}
        for metric, found in one["metrics"].items():
            theirs, apart = (against[key].get(metric, {}) for key in ("metrics", "differences"))
            rows.append(
                _row(one, metric, found["mean"], found, theirs.get("mean"), apart)
                | {
                    "seeds": found["n"],
                    "difference": apart.get("mean"),
                    "verdict": _brief(mean_verdict(one, metric, results["evaluations"])),
                }
            )
    return rows


def _row(
    entry: Mapping[str, Any],
    metric: str,
    score: float,
    found: Mapping[str, Any],
    theirs: float | None,
    apart: Mapping[str, Any],
) -> dict[str, Any]:
    against = entry.get("against")
    return {
        "model": label_of(entry),
        "test_set": entry["on"],
        "search": search_of(entry),
        "metric": metric,
        "seed": None,
        "seeds": 1,
        "score": score,
        "low": found.get("low"),
        "high": found.get("high"),
        "baseline": label_of(against) if against else None,
        "baseline_score": theirs,
        "difference": None,
        "difference_low": apart.get("low"),
        "difference_high": apart.get("high"),
        "p": None,
        "verdict": None,
    }


def _brief(verdict: Any) -> str | None:
    return None if verdict is None else verdict.brief


_HEAD = ("model", "test set", "metric", "seed", "score", "baseline", "difference", "verdict")


def score_html(results: Mapping[str, Any], folder: Path) -> str:
    """The same rows as an HTML table, all texts of it escaped, with the report's place below.

    Args:
        results: The content of results.json.
        folder: The run folder.
    """
    rows = [_cells(row) for row in clean(score_rows(results))]
    lines = [_tagged("th", _HEAD), *(_tagged("td", row) for row in rows)]
    table = "".join(f"<tr>{line}</tr>" for line in lines) if rows else ""
    warnings = len(results["warnings"])
    below = [f"report: {folder / 'report.html'}"]
    below += [f"{warnings} warning{'s' * (warnings > 1)}, in the report"] * bool(warnings)
    name = str(clean(results["name"]))
    return (
        f"<table><caption>{escape(name)}</caption>{table}</table>"
        f"<p>{'<br>'.join(escape(str(clean(line))) for line in below)}</p>"
    )


def _tagged(tag: str, cells: Any) -> str:
    return "".join(f"<{tag}>{escape(str(cell))}</{tag}>" for cell in cells)


def _cells(row: Mapping[str, Any]) -> list[str]:
    metric, score, theirs = row["metric"], row["score"], row["baseline_score"]
    apart = row["difference"]
    seed = f"mean of {row['seeds']}" if row["seeds"] > 1 else row["seed"]
    shown = "" if apart is None else metric_difference(metric, score, theirs, apart)
    return [
        row["model"],
        row["test_set"],
        metric_name(metric),
        "" if seed is None else str(seed),
        f"{metric_value(metric, score)} {_interval(row, '', metric)}".strip(),
        "" if theirs is None else f"{metric_value(metric, theirs)} ({row['baseline']})",
        f"{shown} {_interval(row, 'difference_', metric)}".strip() if shown else "",
        row["verdict"] or "",
    ]


def _interval(row: Mapping[str, Any], prefix: str, metric: str) -> str:
    ends = [row[f"{prefix}{end}"] for end in ("low", "high")]
    if None in ends:
        return ""
    low, high = (metric_value(metric, end, signed=bool(prefix)) for end in ends)
    return f"[{low}, {high}]"
