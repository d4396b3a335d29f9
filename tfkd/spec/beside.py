"""Corpora and evaluations that were asked for beside a spec's file, checked as its own are."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tfkd.spec import sections
from tfkd.spec.checks.evaluation_checks import check_evaluation
from tfkd.spec.checks.export_checks import uncounted
from tfkd.spec.errors import SpecErrors
from tfkd.spec.faults import Faults
from tfkd.spec.names import found_stage
from tfkd.spec.source.reading import Reading
from tfkd.spec.source.tree import Node
from tfkd.spec.stage_sections import evaluations

if TYPE_CHECKING:
    from tfkd.spec.spec import Spec


def counted(spec: "Spec", of: str, export: str, metrics: Sequence[str]) -> list[str]:
    """Those of some metrics that are counted of what an export of a spec's stage answers."""
    reading = Reading(spec.path, spec.overrides, spec.change, spec.seed)
    stage = found_stage(reading.sections(spec.variant).parts, of)
    found = next(one for one in spec.export if (one.of, one.name) == (of, export))
    without = uncounted(found, stage, metrics)
    return [one for one in metrics if one not in without]


def evaluated(spec: "Spec", tree: Node, options: Sequence[str]) -> "Spec":
    """A spec that ends in other evaluations, on corpora of theirs; its stages are what they were.

    Args:
        spec: The resolved spec.
        tree: `data`, the corpora that join its own, and `evaluate`, in place of its own, as a spec
            has them. What the user named stands there as of the option that named it.
        options: Those options: a fault of what they named is told without its path.

    Raises:
        SpecErrors: All that is wrong with them.
    """
    reading = Reading(spec.path, spec.overrides, spec.change, spec.seed)
    parts = reading.sections(spec.variant).parts
    faults = Faults(tree)
    data = {**parts.data, **sections.corpora(faults, tree)}
    entries = evaluations(faults, tree)
    parts = replace(parts, data=data, names={**parts.names, "data": [*data]}, evaluate=entries)
    for index, entry in enumerate(entries):
        check_evaluation(parts, faults, ("evaluate", index), entry)
    if faults.errors:
        told = (replace(one, path="") if one.file in options else one for one in faults.errors)
        raise SpecErrors([*dict.fromkeys(told)])
    measured = {(entry.of, entry.export) for entry in entries}
    exports = [one for one in spec.export if (one.of, one.name) in measured]
    return replace(spec, data=data, evaluate=tuple(entries), export=tuple(exports))
