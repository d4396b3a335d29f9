"""results.json: everything a run has found, in one file with stable keys."""

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import tfkd
from tfkd.evaluation import thin_history
from tfkd.evaluation.results.form import SCHEMA
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node, distinct_labels, in_order
from tfkd.pipeline.engine.machine import machine
from tfkd.pipeline.engine.run_cards import card_sections
from tfkd.pipeline.engine.run_exports import digest_of_export
from tfkd.pipeline.engine.seeds import summaries
from tfkd.pipeline.engine.wanted import Evaluation, Export, Wanted
from tfkd.pipeline.inputs.tuned_decode import shown_decode
from tfkd.pipeline.scoring.counting import Counting
from tfkd.pipeline.scoring.output_warnings import output_warnings
from tfkd.pipeline.scoring.scores import file_names, score
from tfkd.pipeline.scoring.teacher_check import judged
from tfkd.pipeline.scoring.teacher_warnings import teacher_warnings
from tfkd.pipeline.stages.choose import trials_of
from tfkd.serving.checksums import CHECKSUMS
from tfkd.serving.graphs.ids_model import served_bytes
from tfkd.spec.metrics import measured as names_measured
from tfkd.spec.metrics import told_of
from tfkd.training.state.history import read_history

# Bootstrap samples beside trivial systems: these differences are large, or tell nothing.
_MOST_SAMPLES = 1000


def assemble(
    plan: Wanted,
    context: Context,
    folder: Path,
    *,
    cached: set[str],
    command: str,
    started: float,
    begun: float,
    smoke: bool = False,
) -> dict[str, Any]:
    """Computes the scores, links what the run folder shows, and returns results.json's content.

    Args:
        plan: What the spec asks for, all of it made.
        context: The run's surroundings.
        folder: The run folder.
        cached: Keys of the stages that were there before.
        command: The command line.
        started: When the run began, in seconds since 1970.
        begun: The same by a clock that nobody sets, `time.monotonic()`.
        smoke: Models of a few steps have learnt nothing, and nobody is told so.
    """
    spec = plan.spec
    nodes = in_order(plan.nodes())
    labels = distinct_labels(nodes)
    checks = [judged(check, context) for check in plan.teacher_checks]
    metrics = names_measured({name for one in plan.evaluations for name in one.options.metrics})
    counting = Counting(context)
    evaluations = [
        score(one, counting, folder, name)
        for one, name in zip(plan.evaluations, file_names(plan.evaluations), strict=True)
    ]
    for one, entry in zip(plan.evaluations, evaluations, strict=True):
        if found := _trivial(one, counting):
            entry["trivial"] = found
        if one.baseline is not None and (
            found := _trivial(replace(one, system=one.baseline), counting)
        ):
            entry["against"]["trivial"] = found
    faults = []
    if not smoke:
        faults = output_warnings(plan.evaluations, evaluations, plan.exports, context)
    exports = [
        _export(
            export,
            [one.message for one in faults if one.exported == export.options.of],
            list(zip(plan.evaluations, evaluations, strict=True)),
            context,
            folder,
        )
        for export in plan.exports
    ]
    return {
        "tfkd": tfkd.__version__,
        "schema": SCHEMA,
        "name": spec.name,
        "variant": spec.variant,
        "seed": None,
        "command": command,
        "started": _stamp(started),
        "finished": _stamp(started + time.monotonic() - begun),
        "seconds": round(sum(context.folder(node).manifest()["seconds"] for node in nodes), 1),
        "machine": machine(),
        "paper": spec.resolved().get("paper"),
        "spec": spec.resolved(),
        "provenance": dict(spec.provenance),
        "data": {
            labels[node.key]: context.folder(node).manifest()["summary"]["report"]
            for node in nodes
            if "corpus" in node.gives
        },
        "stages": {
            f"{node.kind} {labels[node.key]}": _stage(node, labels[node.key], context, cached)
            for node in nodes
        },
        "histories": {
            labels[node.key]: thin_history(_history(node, context))
            for node in nodes
            if (context.stages / node.key / "history.jsonl").exists()
        },
        "choices": [choice for node in nodes if (choice := _choice(node, labels, context))],
        "evaluations": evaluations,
        **({"metrics": told} if (told := told_of(metrics)) else {}),
        "over_seeds": summaries(evaluations),
        "teacher_checks": checks,
        "exports": exports,
        "warnings": [
            *(
                warning
                for node in nodes
                for warning in node.stage.warnings(node, context.folder(node).manifest()["summary"])
            ),
            *teacher_warnings(plan.teacher_checks, checks, context),
            *(one.message for one in faults),
            *_lost_letters(evaluations),
            *other_ops(exports),
        ],
    }


def _trivial(evaluation: Evaluation, counting: Counting) -> list[dict[str, Any]]:
    """What scores on an evaluation's test set without having learnt the task."""
    options = evaluation.options
    settings = {"samples": min(options.bootstrap, _MOST_SAMPLES), "seed": options.seed}
    found = evaluation.system.task.trivial(evaluation, counting, settings)
    return [one for one in found if one["metrics"]]


def _stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _stage(node: Node, label: str, context: Context, cached: set[str]) -> dict[str, Any]:
    manifest = context.folder(node).manifest()
    return {
        "kind": node.kind,
        "label": label,
        "fingerprint": node.fingerprint,
        "seconds": manifest["seconds"],
        "cached": node.key in cached,
        "bytes": manifest["bytes"],
        **({"made_on": one} if (one := manifest.get("made_on")) else {}),
        "summary": {
            key: value
            for key, value in manifest["summary"].items()
            if key not in ("report", "brief", "warnings")
        },
    }


def _history(node: Node, context: Context) -> list[dict[str, Any]]:
    return read_history(context.stages / node.key / "history.jsonl")


def _choice(node: Node, labels: Mapping[str, str], context: Context) -> dict[str, Any] | None:
    """What a stage or its decoding was chosen from; None for any other stage."""
    if not trials_of(node):
        return None
    return {"stage": labels[node.key], **context.folder(node).manifest()["summary"]["choose"]}


def _lost_letters(evaluations: list[dict[str, Any]]) -> list[str]:
    """Test sets whose words ROUGE's `words: ascii` cuts up."""
    return [
        f"{entry['of']} on {entry['on']}: ROUGE of words: ascii lost letters of "
        f"{entry['rouge']['lost']:.1%} of the references' words; words: unicode keeps them"
        for entry in evaluations
        if entry.get("rouge", {}).get("lost", 0) > 0
    ]


def other_ops(exports: list[dict[str, Any]]) -> list[str]:
    """SavedModels with ops that only a layer of the user's own can have made."""
    return [
        f"{export['stage']}: its SavedModel has {', '.join(export['more_ops'])}, which graphs of "
        "tfkd have not: generate and bench load it with --trust, and TensorFlow Serving needs them"
        for export in exports
        if export.get("more_ops")
    ]


def _file_name(stage: str) -> str:
    """A stage's reference as one folder's name: that of another spec holds a path."""
    return re.sub(r"[^\w.#-]", "_", stage)


def _export(
    export: Export,
    warnings: list[str],
    evaluated: list[tuple[Evaluation, dict[str, Any]]],
    context: Context,
    folder: Path,
) -> dict[str, Any]:
    from tfkd.pipeline.stages.export import folder_name, publish

    node, options = export.node, export.options
    summary = context.folder(node).manifest()["summary"]
    made = context.stages / node.key / folder_name(options)
    size = served_bytes(made)
    sections = card_sections(export, size, evaluated, context)
    path = publish(made, folder / "export" / _file_name(options.of), sections, warnings)
    decode = shown_decode(node, context)  # a classifier has none
    other = {"format": options.format, "name": options.name} if "format" in node.identity else {}
    return {
        "stage": options.of,
        **other,
        "folder": str(path.relative_to(folder)),
        **({"decode": decode} if decode else {}),
        "bytes": size,
        **({"sha256": digest_of_export(path)} if (path / CHECKSUMS).exists() else {}),
        **{key: summary[key] for key in ("check", "parameters")},
        **({"more_ops": ops} if (ops := summary.get("more_ops")) else {}),
        **({"latency": timed} if (timed := summary.get("latency")) else {}),
    }
