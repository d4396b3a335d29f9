"""What a person reads at the end of a run: teacher, baseline and student in one table, and what
that says in a sentence, with examples and the next command."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfkd.evaluation.verdicts.systems import NOT_LEARNT
from tfkd.outside.printable import one_line
from tfkd.report.ceilings import NAME, ceilings
from tfkd.report.lineage import has_no_teacher, model_of, parameters_of, teacher_of, teachers_of
from tfkd.report.run_verdicts import entry_verdict, is_part, mean_verdict
from tfkd.report.systems import label_of, stage_of
from tfkd.report.wording import (
    NOTHING,
    is_number,
    metric_difference,
    metric_name,
    metric_value,
    number,
)
from tfkd.spec.metrics import about

_METRICS = 2
_EXAMPLES = 3
_LONGEST = 160


def closing(results: Mapping[str, Any], folder: Path) -> str:
    """The end of a run as a result; "" of a run without scores.

    Args:
        results: Its results.json.
        folder: The run folder.
    """
    entry = headline(results)
    if entry is None:
        return ""
    variant = f"@{results['variant']}" if results.get("variant") else ""
    parts = [f"{results['name']}{variant}, on {entry['on']}", *_grid(headline_rows(results, entry))]
    parts += ["", sentence(results, entry)]
    parts += _examples(entry)
    parts += ["", f"next: {next_command(results, entry, folder)}", ""]
    return "\n".join(one_line(part) for part in parts)


def headline(results: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The evaluation that a run is about: the first that compares a student which no other of them
    goes on from, or else the first; one of a model itself, not of its export, if there is one."""
    stages = (results.get("spec") or {}).get("stages") or {}
    scored = [entry for entry in results["evaluations"] if entry.get("metrics")]
    scored = [entry for entry in scored if not entry.get("export")] or scored
    students = [entry for entry in scored if not _is_teacher(results, str(entry["of"]))]
    compared = [entry for entry in students if (entry.get("against") or {}).get("metrics")]
    gone_on = {str((stages.get(stage_of(str(one["of"]))) or {}).get("from")) for one in compared}
    last = [one for one in compared if stage_of(str(one["of"])) not in gone_on]
    return next(iter(last or compared or students or scored), None)


def headline_rows(results: Mapping[str, Any], entry: Mapping[str, Any]) -> list[list[str]]:
    """The table, its head first: a row for teacher, baseline, student, and a known ceiling."""
    metrics = list(entry["metrics"])[:_METRICS]
    label, teachers = label_of(entry), teachers_of(results, label_of(entry))
    student = "teacher" if _is_teacher(results, str(entry["of"])) else "student"
    size, speed = parameters_of(results, label), _latency(results, str(entry["of"]))
    against, over = entry.get("against") or {}, summary_of(results, entry) or {}
    theirs = (over.get("against") or {}).get("metrics") or against.get("metrics") or {}
    rows = [["", "model", "parameters", *map(metric_name, metrics), "ms a line"]]
    for teacher in teachers if student == "student" else ():
        figures = _teacher_figures(results, entry, teacher, metrics)
        weights = number(parameters_of(results, teacher))
        rows.append(["teacher", teacher, weights, *figures, _latency(results, teacher) or NOTHING])
    if against.get("metrics"):
        other = label_of(against)
        weights = parameters_of(results, other)
        alike = stage_of(other) == stage_of(label) and weights == size
        own = _latency(results, other) or ("as the student" if alike and speed else NOTHING)
        figures = [_score(metric, theirs.get(metric), of_baseline=True) for metric in metrics]
        rows.append(["baseline", other, number(weights), *figures, own])
    ours = over.get("metrics") or entry["metrics"]
    figures = [_score(metric, ours.get(metric)) for metric in metrics]
    rows.append([student, label, number(size), *figures, speed or NOTHING])
    best = ceilings(results["evaluations"]).get(str(entry["on"]), {})
    if any(metric in best for metric in metrics):
        figures = [_score(metric, best.get(metric)) for metric in metrics]
        rows.append([NAME, "", NOTHING, *figures, NOTHING])
    if not any(row[-1] not in (NOTHING, "as the student") for row in rows[1:]):
        rows = [row[:-1] for row in rows]
    return rows


def sentence(results: Mapping[str, Any], entry: Mapping[str, Any]) -> str:
    """What the comparison by the first metric says, in plain words."""
    metric, label = next(iter(entry["metrics"])), label_of(entry)
    teachers = teachers_of(results, label)
    over = summary_of(results, entry)
    ours = (over or entry)["metrics"][metric]
    score = _named(metric, ours.get("mean", ours.get("value")))
    student = f"The student{_weights(results, label)}"
    master = "teachers" if teachers[1:] else "teacher"
    master += _weights(results, *teachers) if len(teachers) == 1 else ""
    against = entry.get("against") or {}
    pair = (against.get("metrics") or {}).get(metric)
    if _is_teacher(results, str(entry["of"])) or not (pair and is_number(pair.get("delta"))):
        told = "not compared with any other model" if pair is None else "compared below"
        return f"{label}{_weights(results, label)} has {score} on {entry['on']}; it is {told}."
    verdict = entry_verdict(entry, metric)
    other, low, high, delta = pair["value"], pair["low"], pair["high"], pair["delta"]
    if over:
        found = over["against"]["differences"][metric]
        other, delta = over["against"]["metrics"][metric]["mean"], found["mean"]
        low, high = found["low"], found["high"]
        verdict = mean_verdict(over, metric, results["evaluations"])
    apart = teachers and has_no_teacher(results, label_of(against))
    learnt = verdict.reading != NOT_LEARNT
    than = "without it" if apart and learnt else f"of {label_of(against)}"
    difference = metric_difference(metric, ours.get("mean", ours.get("value")), other, delta)
    low, high = (metric_value(metric, value, signed=True) for value in (low, high))
    figures = f"{score} against {metric_value(metric, other)} {than}, {difference} "
    figures += f"[{low}, {high}]; {_seeds(entry, over)}."
    # One training shows what came of it, several what a teacher does.
    here = "Over these trainings" if over else "In this training"
    told = f"{here} {student[0].lower()}{student[1:]} has"
    words = {
        "better": f"{told} gained by its {master}" if apart else f"{label} is better",
        "worse": f"{told} lost by its {master}" if apart else f"{label} is worse",
        "undecided": f"Whether {student[0].lower()}{student[1:]} gains by its {master} is undecided"
        if apart else "Which of the two is better is undecided",
        NOT_LEARNT: verdict.reason[:1].upper() + verdict.reason[1:],
    }  # fmt: skip
    return f"{words[verdict.reading]}: {figures}"


def next_command(results: Mapping[str, Any], entry: Mapping[str, Any], folder: Path) -> str:
    """What to do with what the run has made: try its model, or else see its report."""
    exports = results.get("exports") or []
    mine = [one for one in exports if stage_of(str(one["stage"])) == stage_of(str(entry["of"]))]
    if not exports:
        return f"tfkd report {shlex.quote(str(folder))}"
    # Of several exports, the folder of one has to be named.
    chosen = (mine or exports)[0]
    place = folder if len(exports) == 1 else (folder / chosen["folder"]).parent
    examples = entry.get("examples") or []
    short = min((one["source"] for one in examples), key=len, default="")
    line = shlex.quote(short) if 0 < len(short) <= _LONGEST else "'a line'"
    return f"echo {line} | tfkd generate {shlex.quote(str(place))}"


def summary_of(results: Mapping[str, Any], entry: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What is said of all seeds of an evaluation; None: it has one."""
    summaries = results.get("over_seeds") or ()
    return next((one for one in summaries if is_part(entry, one)), None)


def _is_teacher(results: Mapping[str, Any], stage: str) -> bool:
    return str(model_of(results, stage)).partition(".")[0] == "teacher"


def _seeds(entry: Mapping[str, Any], over: Mapping[str, Any] | None) -> str:
    return f"mean of {len(over['seeds'])} seeds" if over else "one seed"


def _weights(results: Mapping[str, Any], label: str) -> str:
    """ " of 0.4 M weights", or nothing where that is not known."""
    count = parameters_of(results, label)
    if not is_number(count):
        return ""
    return f" of {count / 1e6:.1f} M weights" if count >= 1e5 else f" of {number(count)} weights"


def _named(metric: str, value: Any) -> str:
    """57.01 BLEU, 79.13 % accuracy."""
    name = metric_name(metric)
    plain = name[1:2].islower() and not about(metric).proper
    return f"{metric_value(metric, value)} {name[0].lower() + name[1:] if plain else name}"


def _score(metric: str, found: Mapping[str, Any] | None, of_baseline: bool = False) -> str:
    """A score with its interval; a baseline's `low` and `high` are those of the difference."""
    if not found:
        return NOTHING
    if "mean" in found:
        text = f"{metric_value(metric, found['mean'])} ± {metric_value(metric, found['std'])}"
        keys = ("low", "high")
    else:
        text = metric_value(metric, found.get("value"))
        keys = ("value_low", "value_high") if of_baseline else ("low", "high")
    low, high = (found.get(key) for key in keys)
    if not (is_number(low) and is_number(high)):
        return text
    return f"{text} [{metric_value(metric, low)}, {metric_value(metric, high)}]"


def _teacher_figures(
    results: Mapping[str, Any], entry: Mapping[str, Any], teacher: str, metrics: Sequence[str]
) -> list[str]:
    """A teacher's scores on the same rows, or else how often its check found it right."""
    found: dict[str, str] = {}
    for one in results["evaluations"]:
        if stage_of(str(one["of"])) == stage_of(teacher) and one["on"] == entry["on"]:
            over = summary_of(results, one) or one
            for metric, figure in over["metrics"].items():
                found.setdefault(metric, _score(metric, figure))
    if not any(metric in found for metric in metrics):
        checks = [
            check
            for check in results["teacher_checks"]
            if is_number((check.get("metrics") or {}).get("accuracy"))
            and teacher in (check["of"], teacher_of(results, check["of"]))
        ]
        # Those on rows that students learn from come first.
        for check in checks[-1:]:
            share = metric_value("accuracy", check["metrics"]["accuracy"])
            found[metrics[0]] = f"({share} right on {check['on']})"
    return [found.get(metric, NOTHING) for metric in metrics]


def _latency(results: Mapping[str, Any], label: str) -> str:
    """Milliseconds of a line at batch 1, from the least to the greatest; "" where not measured."""
    for one in results.get("exports") or ():
        latency = one.get("latency")
        if latency and str(one["stage"]) == label:
            low, middle, high = (latency[key] for key in ("low", "milliseconds", "high"))
            return f"{middle:.1f} [{low:.1f}, {high:.1f}]"
    return ""


def _examples(entry: Mapping[str, Any]) -> list[str]:
    """Three outputs beside the reference, such where system and baseline differ before others."""
    given = [one for one in entry.get("examples") or () if one.get("hypothesis") is not None]
    order = sorted(given, key=lambda one: one.get("against") in (None, one["hypothesis"]))
    lines: list[str] = []
    for one in order[:_EXAMPLES]:
        lines.append("")
        for name, key in (("source", "source"), ("reference", "reference"),
                          ("baseline", "against"), ("student", "hypothesis")):  # fmt: skip
            if one.get(key) is not None:
                text = one_line(str(one[key]))
                text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
                lines.append(f"  {name + ':':<11}{text}")
    return lines


def _grid(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in plain text: names on the left of their columns, numbers on the right."""
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
