"""Teacher gates, judged: does a teacher know more than a model without it?"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from tfkd.evaluation import gate_line, mask_gate, teacher_gate
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.wanted import Gate

# Whom a teacher is compared with.
WITHOUT_TEACHER, WITHOUT_CONTEXT = "a model without a teacher", "the teacher without context"


def judged(gate: Gate, context: Context) -> dict[str, Any]:
    """A gate's entry in results.json, of stages that are made."""
    summary = _summary(gate.teacher, context)
    entry = {
        "of": gate.options.of,
        "on": gate.on,
        "against": gate.options.against,
        "seen": gate.seen,
        "figures": summary["figures"],
    }
    if (seed := gate.teacher.seed) is not None:
        entry["seed"] = seed
    if "blind" in summary:
        blind, most = summary["blind"], summary["most_frequent"]
        beside = summary.get("beside", WITHOUT_CONTEXT)
        words = {"words": summary["words"]} if "words" in summary else {}
        verdict = mask_gate(summary["figures"], blind, most, beside=beside, **words)
        return {**entry, "baseline": blind, "beside": beside, "most_frequent": most} | verdict
    baseline = _summary(gate.baseline, context)["figures"] if gate.baseline is not None else None
    verdict = teacher_gate(summary["figures"], baseline)
    return {**entry, "baseline": baseline, "beside": WITHOUT_TEACHER} | verdict


def news(
    gates: Sequence[Gate],
    done: Collection[str],
    cached: Collection[str],
    last: str,
    context: Context,
) -> Iterator[str]:
    """The verdicts that a stage completes: what a student's hours should wait for.

    Args:
        gates: The run's gates.
        done: Keys of all stages that are done.
        cached: Of these, the ones that were done before: a verdict on them alone is no news.
        last: The key of the one that was done last.
        context: The run's surroundings.
    """
    for gate in gates:
        keys = {node.key for node in gate.nodes}
        if last in keys and keys.issubset(done) and not keys.issubset(cached):
            yield gate_line(judged(gate, context))


def _summary(node: Node, context: Context) -> dict[str, Any]:
    return StageFolder(context.stages, node.kind, node.fingerprint).manifest()["summary"]
