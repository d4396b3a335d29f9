"""Warnings of what a run's models put out: models that have not learnt their task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfkd.evaluation import not_better
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.wanted import Evaluation, Export

# Of a few continuations of prompts: a text may well end where its prompt does.
_TOLD_OF_CONTINUATIONS = 0.5
# Faults of models that are then not better than a trivial system either.
_SAYS_IT_ALL = {"nothing", "equal", "one class"}


@dataclass(frozen=True)
class OutputWarning:
    """A fault of a model's results on a corpus.

    Attributes:
        message: The whole warning.
        exported: The stage that the run exports the model as; None: it does not.
    """

    message: str
    exported: str | None


def output_warnings(
    evaluations: Sequence[Evaluation],
    entries: Sequence[Mapping[str, Any]],
    exports: Sequence[Export],
    context: Context,
) -> list[OutputWarning]:
    """What is wrong with the results of models and baselines, each fault of a model on a corpus
    once, by however many seeds and searches it shows.

    Args:
        evaluations: The run's.
        entries: Theirs in results.json, with `trivial` where there is any.
        exports: The run's exports.
        context: The run's surroundings.
    """
    told: dict[tuple[str, ...], list[tuple[Node, str]]] = {}
    results: dict[tuple[str, ...], set[str]] = {}
    seen: dict[str, dict[str, str]] = {}
    for evaluation, entry in zip(evaluations, entries, strict=True):
        options, system = evaluation.options, evaluation.system
        for of, node in ((options.of, system), (options.against, evaluation.baseline)):
            if node is None:
                continue
            where = (of, evaluation.on, *node.options["products"])
            results.setdefault(where, set()).add(node.key)
            faults = {} if node.key in seen else node.task.faults(node, context)
            seen.setdefault(node.key, faults)
            if node is system and not _SAYS_IT_ALL & seen[node.key].keys():
                message = not_better(entry.get("trivial", ()))
                faults = {**faults, "not better": message} if message else faults
            for kind, message in faults.items():
                told.setdefault((*where, kind), []).append((node, message))
    stages = {one.node.inputs[Role.MODEL].key: one.options.of for one in exports}
    return [_told(where, found, len(results[where[:-1]]), stages) for where, found in told.items()]


def _told(
    where: tuple[str, ...],
    found: Sequence[tuple[Node, str]],
    results: int,
    exported: Mapping[str, str],
) -> OutputWarning:
    """One fault of a model on a corpus, in the words of the first of its results that have it."""
    of, on = where[:2]
    hit = {node.key: node for node, _ in found}
    stages = (exported.get(node.inputs[Role.MODEL].key) for node in hit.values())
    stage = next(filter(None, stages), None)
    several = f" (so {len(hit)} of its {results} results there)" if results > 1 else ""
    but = ". It is exported all the same" if stage else ""
    return OutputWarning(f"{of} on {on}: {found[0][1]}{several}{but}", stage)
