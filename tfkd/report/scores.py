"""Scores and comparisons as tables, a block for each test set, with plots by length."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tfkd.evaluation.verdicts.systems import verdict_notes as notes_of
from tfkd.evaluation.verdicts.verdict import p_of
from tfkd.report.ceilings import NAME, NOTE, ceilings
from tfkd.report.chosen import chosen_for
from tfkd.report.over_seeds import (
    differences_over_seeds,
    mean_of,
    over_comparison,
    scores_over_seeds,
)
from tfkd.report.plots.lengths import length_plots
from tfkd.report.ranges import place_differences, place_intervals
from tfkd.report.run_verdicts import entry_verdict
from tfkd.report.systems import Run, Systems, label_of
from tfkd.report.trivial import trivial_notes
from tfkd.report.wording import P_ESTIMATED, decoding, is_number, metric_difference, search_of
from tfkd.spec.seeds import given_seeds


def score_blocks(runs: Sequence[Run], systems: Systems) -> list[dict[str, Any]]:
    """One block for each test set, in the order of the specs."""
    names = dict.fromkeys(
        str(entry.get("on")) for run in runs for entry in _scored(run.entries("evaluations"))
    )
    return [_block(index, on, runs, systems) for index, on in enumerate(names)]


def verdict_notes(comparisons: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is said once below comparisons: why some have no verdict, and that one seed's says
    nothing of another training."""
    return notes_of(one["verdict"] for one in comparisons if not one.get("one_of_several"))


def verdicts(blocks: Iterable[Mapping[str, Any]], runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The first metric of each system on each test set, with its comparison: the headlines; of
    several seeds the mean's alone.

    What the specs of `runs` make last comes first: students before their teachers; and what is
    compared with such a system (in 8 bits, say) after it.
    """
    found = []
    for block in blocks:
        metric = block["metrics"][0]
        told = []
        for row in block["rows"]:
            if row["only_baseline"]:
                continue
            comparison = next(
                (
                    one
                    for one in block["comparisons"]
                    if one["row"] == row["identity"] and one["metric"] == metric
                ),
                None,
            )
            seeds, mean = mean_of(block, row, metric)
            if seeds:
                comparison = comparison and (over_comparison(block, comparison, row) or comparison)
                key = (row["system"], row["note"], comparison and comparison["against"])
                if key in told:
                    continue
                told.append(key)
            cell = {"value": mean} if seeds else row["cells"].get(metric)
            found.append({"on": block["on"], "metric": metric, "row": row, "cell": cell,
                          "seeds": seeds, "comparison": comparison})  # fmt: skip
    # A baseline that was scored as well needs no headline beside what was compared with it.
    compared = [one for one in found if one["comparison"]] or found
    places: dict[str, int] = {}
    for run in runs:
        stages = run.part("spec").get("stages") or {}
        places |= {stage: len(stages) - index for index, stage in enumerate(stages)}
    last = max(places.values(), default=0) + 1
    systems = [one["row"]["system"] for one in compared]

    def place(one: Mapping[str, Any]) -> tuple[bool, int]:
        system, against = one["row"]["system"], (one["comparison"] or {}).get("against")
        return against != system and against in systems, places.get(system.stage, last)

    return sorted(compared, key=place)


def difference(one: Mapping[str, Any]) -> str:
    """A comparison's difference as it is shown beside both scores."""
    return metric_difference(one["metric"], one["own_value"], one["value"], one["delta"])


def _scored(entries: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [entry for entry in entries if entry.get("metrics")]


def _block(place: int, on: str, runs: Sequence[Run], systems: Systems) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    comparisons: list[dict[str, Any]] = []
    decodes: list[str] = []
    entries = [
        (run, entry)
        for run in runs
        for entry in _scored(run.entries("evaluations"))
        if str(entry.get("on")) == on
    ]
    for run, entry in entries:
        search = search_of(entry) or None
        if entry.get("decode") and not entry.get("continuations"):
            decodes.append(decoding(entry["decode"]) + chosen_for(run, entry, systems, entry))
        row = _row(
            rows, systems.of(run, label_of(entry)), entry.get("seed"), search, entry["metrics"]
        )
        row["ceiling"] = row["ceiling"] or (entry.get("round_trip") or {}).get("value")
        comparisons += [
            one for one in _comparisons(run, entry, row, systems) if one not in comparisons
        ]
    for run, entry in entries:
        against = entry.get("against") or {}
        if not against:
            continue
        system = systems.of(run, label_of(against))
        search = search_of(entry, against.get("decode")) or None
        if entry.get("choose"):
            decode = against.get("decode") or entry["decode"]
            decodes.append(decoding(decode) + chosen_for(run, entry, systems, against))
        elif against.get("decode"):  # not as the system beside it
            decodes.append(f"{decoding(against['decode'])} for {system.name}")
        figures = _own_values(against)
        if all(row["only_baseline"] or row["system"] != system for row in rows):
            # With several seeds, each is compared with the baseline's model of the same.
            seed = entry.get("seed") if given_seeds(run.part("spec")) else None
            _row(rows, system, seed, search, figures, only_baseline=True)
    _name_searches(rows, comparisons)
    metrics = list(dict.fromkeys(metric for row in rows for metric in row["figures"]))
    place_intervals(rows, metrics)
    place_differences(comparisons)
    over = differences_over_seeds(comparisons, rows)
    return {
        "identity": f"scores-{place + 1}",
        "on": on,
        "rows_scored": next((entry.get("rows") for _, entry in entries if entry.get("rows")), None),
        "decode": list(dict.fromkeys(decodes)),
        "metrics": metrics,
        "rows": rows,
        "seeds": len({row["seed"] for row in rows if row["seed"] is not None}) > 1,
        "means": scores_over_seeds(rows, metrics),
        "comparisons": comparisons,
        "over_seeds": _together(over, "system", "against", "note", "n"),
        "verdict_notes": verdict_notes([*over, *comparisons]),
        "pairs": _together(comparisons, "row", "against"),
        "p_note": P_ESTIMATED if any(one["p_estimated"] for one in comparisons) else "",
        "trivial": trivial_notes(
            (systems.of(run, label_of(entry)).name, entry) for run, entry in entries
        ),
        "best": _best(ceilings(entry for _, entry in entries).get(on, {}), metrics),
        "ceiling": next((row["ceiling"] for row in rows if is_number(row["ceiling"])), None),
        "signatures": {
            metric: sorted(
                {
                    str(row["figures"][metric]["signature"])
                    for row in rows
                    if (row["figures"].get(metric) or {}).get("signature")
                }
            )
            for metric in metrics
        },
        "plots": length_plots(f"length-{place + 1}", on, entries, systems),
    }


def _best(figures: Mapping[str, Any], metrics: Sequence[str]) -> dict[str, Any] | None:
    """The last row: what nobody can expect to beat; None where that is not known."""
    found = {metric: figures[metric] for metric in metrics if metric in figures}
    return {"name": NAME, "note": NOTE, "figures": found} if found else None


def _row(
    rows: list[dict[str, Any]],
    system: Any,
    seed: Any,
    search: str | None,
    figures: Mapping[str, Any],
    only_baseline: bool = False,
) -> dict[str, Any]:
    """The row of a system by a search, made if need be; what needs no search joins any that says
    nothing else."""
    alike = [
        row
        for row in rows
        if (row["system"], row["seed"], row["only_baseline"]) == (system, seed, only_baseline)
    ]
    same = [row for row in alike if search == row["search"]]
    free = [row for row in alike if None in (search, row["search"])]
    for row in same + [row for row in free if _agree(figures, row["figures"])]:
        row["figures"] = {**figures, **row["figures"]}
        row["search"] = row["search"] or search
        return row
    row = {"system": system, "seed": seed, "search": search, "figures": dict(figures),
           "only_baseline": only_baseline, "ceiling": None, "identity": len(rows)}  # fmt: skip
    rows.append(row)
    return row


def _agree(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether no metric has two values."""
    return all(
        one[metric].get("value") == other[metric].get("value")
        for metric in one.keys() & other.keys()
    )


def _name_searches(rows: Sequence[dict[str, Any]], comparisons: Sequence[dict[str, Any]]) -> None:
    """Adds `note`: the search, where a system stands there by several; a chosen context always,
    since no line above the table says it."""
    searches: dict[Any, set[str | None]] = {}
    for row in rows:
        searches.setdefault((row["system"], row["seed"]), set()).add(row["search"])
    notes = {}
    for row in rows:
        several = len(searches[row["system"], row["seed"]]) > 1
        search = row["search"] or ""
        told = several or search.startswith("context ")
        notes[row["identity"]] = row["note"] = search if told else ""
    seeds = {row["identity"]: row["seed"] for row in rows}
    several = len({*seeds.values()} - {None}) > 1
    for one in comparisons:
        seed = f"seed {seeds[one['row']]}" if several else ""
        one["note"] = ", ".join(filter(None, (notes[one["row"]], seed)))


def _comparisons(
    run: Run, entry: Mapping[str, Any], row: Mapping[str, Any], systems: Systems
) -> list[dict[str, Any]]:
    against = entry.get("against") or {}
    if not against.get("metrics"):
        return []
    baseline, own = systems.of(run, label_of(against)), entry["metrics"]
    names = (row["system"].name, baseline.name)
    comparisons = []
    for metric, found in against["metrics"].items():
        verdict = entry_verdict(entry, metric, names)
        if verdict is None:
            continue
        p, estimated = p_of(found)
        comparisons.append(
            {
                "row": row["identity"],
                "system": row["system"],
                "against": baseline,
                "metric": metric,
                "entry": entry,
                "verdict": verdict,
                "reading": verdict.brief,
                "own_value": (own.get(metric) or {}).get("value"),
                "one_of_several": False,
                "p": p,
                "p_estimated": estimated,
                **{key: found.get(key) for key in ("value", "delta", "low", "high", "wins")},
            }
        )
    return comparisons


def _own_values(against: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The baseline's scores alone, with their own intervals: `low` and `high` are those of the
    difference."""
    metrics = against.get("metrics") or {}
    return {
        metric: {
            "value": found.get("value"),
            "low": found.get("value_low"),
            "high": found.get("value_high"),
        }
        for metric, found in metrics.items()
    }


def _together(comparisons: Sequence[dict[str, Any]], *keys: str) -> list[list[dict[str, Any]]]:
    """The comparisons that have the same of these, as of one system with one other, together."""
    found: dict[Any, list[dict[str, Any]]] = {}
    for one in comparisons:
        found.setdefault(tuple(one[key] for key in keys), []).append(one)
    return list(found.values())
