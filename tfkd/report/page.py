"""The report: one self-contained HTML page from the results.json of one run or several."""

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from itertools import zip_longest
from typing import Any

import jinja2
from markupsafe import Markup

from tfkd.data.files import write_atomically
from tfkd.evaluation.verdicts.verdict import p_relation
from tfkd.report import wording
from tfkd.report.classes import choices, confusions
from tfkd.report.closing import headline, headline_rows, sentence
from tfkd.report.differences import mark_differences
from tfkd.report.folds import fold_lines
from tfkd.report.plots.curves import stage_curves
from tfkd.report.plots.lengths import OWN_OUTPUT
from tfkd.report.plots.lines import table
from tfkd.report.plots.noise import noise_plots
from tfkd.report.plots.searches import search_plots
from tfkd.report.plots.swatches import swatch
from tfkd.report.scores import difference, score_blocks, verdicts
from tfkd.report.sentences import differing_sentences
from tfkd.report.spec_view import differences, spec_lines
from tfkd.report.systems import Run, Systems, label_of, open_runs
from tfkd.spec.metrics import about


def write_report(results: Sequence[Mapping[str, Any]], path: str | os.PathLike) -> None:
    """Writes the page of one run, or of several side by side.

    The page is one file that needs no other, no network and no JavaScript. All texts in it are
    escaped, those of corpora and models too.

    Args:
        results: The runs' results.json, in the form of `tfkd.evaluation.results.form.Results`.
            What is missing is left out of the page.
        path: The file to write, whole or not at all.
    """
    if isinstance(results, Mapping) or not results:
        raise ValueError(
            "Invalid value for argument `results`. Expected a list of at least one results.json. "
            f"Received: {type(results).__name__} of {len(results)}"
        )
    write_atomically(path, render(results))


def render(results: Sequence[Mapping[str, Any]]) -> str:
    """The page as text."""
    runs = open_runs(results)
    systems = Systems(runs)
    blocks = score_blocks(runs, systems)
    environment = _environment()
    return environment.get_template("report.html.j2").render(
        runs=runs,
        alone=len(runs) == 1,
        style=Markup(_asset("report.css")),
        facts=_facts(runs),
        blocks=blocks,
        logarithmic=[name for one in blocks for name in one["metrics"] if about(name).logarithmic],
        by_output=any(plot.x_name == OWN_OUTPUT for block in blocks for plot in block["plots"]),
        verdicts=verdicts(blocks, runs),
        headline=_headline(runs),
        curves=stage_curves(runs, systems),
        folds=fold_lines(runs),
        searches=search_plots(runs, systems),
        noises=noise_plots(runs, systems),
        traces=_traces(runs, systems),
        teacher_checks=[(run, check) for run in runs for check in run.entries("teacher_checks")],
        confusions=confusions(runs, systems),
        choices=choices(runs),
        differing=differing_sentences(runs, systems),
        examples=_examples(runs, systems),
        stages=[_stages(run) for run in runs if run.part("stages")],
        exports=[(run, export) for run in runs for export in run.entries("exports")],
        data=_data(runs),
        specs=[
            (run, spec_lines(run.part("spec"), run.part("provenance")))
            for run in runs
            if run.part("spec")
        ],
        spec_differences=differences([run.part("spec") for run in runs]) if len(runs) > 1 else [],
        warnings=_warnings(runs),
        paper=_paper(runs),
    )


def _warnings(runs: Sequence[Run]) -> list[tuple[list[str], str]]:
    """Each warning once, after the letters of the runs that it is of: they may share a teacher."""
    letters: dict[str, list[str]] = {}
    for run in runs:
        for text in run.entries("warnings"):
            letters.setdefault(str(text), []).append(run.letter)
    return [(of, text) for text, of in letters.items()]


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "decoding": wording.decoding,
        "duration": wording.duration,
        "moment": wording.moment,
        "number": wording.number,
        "percent": wording.percent,
        "plain": wording.plain,
        "p_value": wording.p_value,
        "p_relation": p_relation,
        "size": wording.size,
        "words": wording.words,
        "metric_name": wording.metric_name,
    }
    environment.globals |= {
        "difference": difference,
        "metric_value": wording.metric_value,
        "mark_differences": mark_differences,
        "plot_table": table,
        "swatch": swatch,
        "is_number": wording.is_number,
    }
    return environment


def _asset(name: str) -> str:
    return (resources.files("tfkd.report") / "templates" / name).read_text("utf-8")


def _facts(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """What is known of the runs as wholes: a name, and a text for each run."""

    def texts(key: str, write: Callable[[Any], str] = wording.plain) -> list[str]:
        return [write(run.results.get(key)) for run in runs]

    facts = [
        ("Started", texts("started", wording.moment)),
        ("All stages took", texts("seconds", wording.duration)),
    ]
    if any(run.results.get("seed") is not None for run in runs):
        facts.append(("Seed", texts("seed")))
    facts.append(("tfkd", texts("tfkd")))
    machines = [run.part("machine") for run in runs]
    for key in dict.fromkeys(key for machine in machines for key in machine):
        values = [wording.plain(machine.get(key)) for machine in machines]
        facts.append((wording.words(key), values))
    if any(run.makers for run in runs):
        facts.append(("Made on", [wording.plain(run.makers) for run in runs]))
    return facts


def _examples(runs: Sequence[Run], systems: Systems) -> list[dict[str, Any]]:
    """Examples of each test set; the same row of several runs becomes one, with all outputs."""
    blocks: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for run in runs:
        for entry in run.entries("evaluations"):
            rows = blocks.setdefault(str(entry.get("on")), {})
            against = entry.get("against")
            baseline = systems.of(run, label_of(against)) if against else None
            for example in entry.get("examples") or []:
                source = str(example.get("source") or "")
                reference = str(example.get("reference") or "")
                row = rows.setdefault(
                    (source, reference),
                    {"source": source, "reference": reference, "outputs": {}, "baselines": {}},
                )
                said = str(example.get("hypothesis") or "")
                if entry.get("continuations"):
                    row["continued"] = True
                if wording.is_number(example.get("probability")):
                    row["classified"] = True
                    said = f"{said} ({wording.percent(example['probability'])})"
                row["outputs"].setdefault(systems.of(run, label_of(entry)), said)
                if example.get("against") is not None and baseline:
                    row["baselines"].setdefault(baseline, str(example["against"]))
    for rows in blocks.values():
        for row in rows.values():
            # What was compared with comes last, once.
            row["outputs"] = row["baselines"] | row["outputs"]
            for baseline in row.pop("baselines"):
                row["outputs"][baseline] = row["outputs"].pop(baseline)
    return [
        {"on": on, "rows": list(rows.values()), "plain": not any(map(_marked, rows.values()))}
        for on, rows in blocks.items()
        if rows
    ]


def _marked(row: Mapping[str, Any]) -> bool:
    """Whether an example's outputs are held against its reference word by word."""
    return not (row.get("classified") or row.get("continued"))


def _traces(runs: Sequence[Run], systems: Systems) -> list[dict[str, Any]]:
    """How a decoder that fills in came to its outputs: of each system the longest search."""
    found: dict[tuple[Any, str], dict[str, Any]] = {}
    for run in runs:
        for entry in run.entries("evaluations"):
            key = (systems.of(run, label_of(entry)), str(entry.get("on")))
            made = {"system": key[0], "on": key[1], "sentences": entry.get("trace")}
            if made["sentences"] and (key not in found or _passes(made) > _passes(found[key])):
                found[key] = made
    return list(found.values())


def _passes(trace: Mapping[str, Any]) -> int:
    return max(len(sentence.get("passes", ())) for sentence in trace["sentences"])


def _headline(runs: Sequence[Run]) -> Mapping[str, Any] | None:
    """What the end of a run says, of a page of one; None where no student is compared."""
    lists = {key: runs[0].entries(key) for key in ("evaluations", "teacher_checks", "exports")}
    results = {**runs[0].results, **lists, "stages": runs[0].part("stages")}
    entry = headline(results) if len(runs) == 1 else None
    if entry is None or not (entry.get("against") or {}).get("metrics"):
        return None
    head, *rows = headline_rows(results, entry)
    return {"on": entry["on"], "head": head, "rows": rows, "sentence": sentence(results, entry)}


def _stages(run: Run) -> tuple[Run, list[dict[str, Any]], float, float]:
    """A run's stages, and the seconds of those made now and of the cached."""
    stages = [{"label": name, **stage} for name, stage in run.part("stages").items()]
    longest = max(
        (stage["seconds"] for stage in stages if wording.is_number(stage.get("seconds"))), default=0
    )
    for stage in stages:
        seconds = stage.get("seconds")
        known = wording.is_number(seconds) and longest > 0
        stage["share"] = round(100 * seconds / longest, 1) if known else 0
        if isinstance(stage.get("summary"), Mapping):
            # What was chosen from has a section of its own.
            stage["summary"] = {k: v for k, v in stage["summary"].items() if k != "choose"}
    made, cached = (
        sum(
            stage["seconds"]
            for stage in stages
            if wording.is_number(stage.get("seconds")) and bool(stage.get("cached")) == which
        )
        for which in (False, True)
    )
    return run, stages, made, cached


def _data(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The corpora of the runs; equal reports of several runs are one."""
    found: list[dict[str, Any]] = []
    for run in runs:
        for name, report in run.part("data").items():
            same = next(
                (one for one in found if one["name"] == name and one["report"] == report), 0
            )
            if same:
                same["letters"].append(run.letter)
            else:
                found.append({"name": name, "report": report, "letters": [run.letter]})
    for one in found:
        everywhere = len(one["letters"]) == len(runs)
        one["letters"] = [] if everywhere else [letter for letter in one["letters"] if letter]
        one["dropped"] = {
            reason: _shown(drop if isinstance(drop, dict) else {"count": drop})
            for reason, drop in (one["report"].get("dropped") or {}).items()
        }
    return found


def _shown(drop: Mapping[str, Any]) -> dict[str, Any]:
    """Dropped rows with `shown`: where some of them stand, each with its texts, if those are
    known."""
    lines = drop.get("lines") or []
    return {**drop, "shown": [*zip_longest(lines, drop.get("examples") or [], fillvalue=())]}


def _paper(runs: Sequence[Run]) -> Mapping[str, Any] | None:
    papers = [run.part("spec").get("paper") for run in runs]
    first = papers[0] or runs[0].results.get("paper")
    return (
        first if isinstance(first, dict) and all(paper == papers[0] for paper in papers) else None
    )
