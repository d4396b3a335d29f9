"""What a run adds to the model card of an export: scores, data, licence, size."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node, in_order
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.wanted import Evaluation, Export
from tfkd.spec.metrics import about

_USES = {Role.DATA: "training", Role.VALIDATE: "validation"}


def card_sections(
    export: Export,
    size: int,
    evaluated: Sequence[tuple[Evaluation, Mapping[str, Any]]],
    context: Context,
) -> dict[str, Any]:
    """Sections of a card by title; see `tfkd.serving.model_card`.

    Args:
        export: The export.
        size: Bytes of its folder.
        evaluated: The run's evaluations and what results say of each.
        context: The run's surroundings.
    """
    node = export.node
    said, summary = node.spec.card, context.folder(node).manifest()["summary"]
    # Another format's answers are its own; those of a SavedModel are the model's.
    measured = export.options.name if export.options.products else None
    latency = summary.get("latency")
    return {
        "scores": [
            row
            for one, entry in evaluated
            if one.system.trained.key == node.trained.key and one.options.export == measured
            for row in _scores(entry)
        ],
        "data": list(_data(node.trained, context)),
        "licence": (said and said.licence) or "Not stated; `card: {licence: ...}` of a spec does.",
        "languages": ", ".join(said.languages) if said else "",
        "size": {
            "parameters": f"{summary['parameters']:,}",
            "MiB": f"{size / 2**20:.1f}",
            **({"milliseconds a line, one at a time": latency["milliseconds"]} if latency else {}),
        },
    }


def _scores(entry: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """A row a metric of an evaluation."""
    for name, found in entry["metrics"].items():
        if not isinstance(found, Mapping) or found.get("value") is None:
            continue
        low, high = found.get("low"), found.get("high")
        known = low is not None and high is not None
        yield {
            "test set": entry["on"],
            "rows": f"{entry['rows']:,}",
            "metric": about(name).title,
            "score": _shown(name, found["value"]),
            "95 % interval": f"{_shown(name, low)} to {_shown(name, high)}" if known else "",
        }


def _shown(metric: str, value: float) -> str:
    known = about(metric)
    factor, unit = (100, " %") if known.percent else (1, "")
    return f"{factor * value:,.{known.decimals}f}{unit}"


def _data(trained: Node, context: Context) -> Iterator[dict[str, str]]:
    """A row a corpus that this model, or one that it rests on, was trained or chosen with."""
    read: dict[str, tuple[Node, list[str]]] = {}
    for stage in in_order([trained]):
        for role, corpus in stage.inputs.items():
            use = _USES.get(role.partition(".")[0])
            if stage.kind == "train" and use and "corpus" in corpus.gives:
                uses = read.setdefault(corpus.key, (corpus, []))[1]
                if (one := f"{use} of {stage.label}") not in uses:
                    uses.append(one)
    for corpus, uses in read.values():
        report = context.folder(corpus).manifest()["summary"]["report"]
        yield {
            "corpus": corpus.label,
            "rows": f"{report['kept']:,}" if "kept" in report else "",
            "read from": ", ".join(report.get("files", {})),
            "for": ", ".join(uses),
        }
