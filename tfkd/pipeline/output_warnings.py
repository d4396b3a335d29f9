"""Warnings of what a run's models put out: models that have not learnt their task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfkd.decoding import build_search
from tfkd.decoding.decoder import source_limit
from tfkd.evaluation import guess_faults, not_better, output_faults
from tfkd.evaluation.metrics import CLASSES
from tfkd.pipeline.classification import class_names, class_rows
from tfkd.pipeline.context import Context
from tfkd.pipeline.continuations import continued
from tfkd.pipeline.counting import file_lines
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import model_options, part_of, side_tokenizers
from tfkd.pipeline.products import CONTINUED
from tfkd.pipeline.text_stages import open_text
from tfkd.pipeline.tuned_decode import decode_of
from tfkd.pipeline.wanted import Evaluation
from tfkd.spec.options import MaskPredictOptions

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
    exports: Mapping[str, Node],
    context: Context,
) -> list[OutputWarning]:
    """What is wrong with the results of models and baselines, each fault of a model on a corpus
    once, by however many seeds and searches it shows.

    Args:
        evaluations: The run's.
        entries: Theirs in results.json, with `trivial` where there is any.
        exports: Export stages, by the stage that they export.
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
            faults = {} if node.key in seen else _faults(node, context)
            seen.setdefault(node.key, faults)
            if node is system and not _SAYS_IT_ALL & seen[node.key].keys():
                message = not_better(entry.get("trivial", ()))
                faults = {**faults, "not better": message} if message else faults
            for kind, message in faults.items():
                told.setdefault((*where, kind), []).append((node, message))
    stages = {node.inputs["model"].key: stage for stage, node in exports.items()}
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
    stages = (exported.get(node.inputs["model"].key) for node in hit.values())
    stage = next(filter(None, stages), None)
    several = f" (so {len(hit)} of its {results} results there)" if results > 1 else ""
    but = ". It is exported all the same" if stage else ""
    return OutputWarning(f"{of} on {on}: {found[0][1]}{several}{but}", stage)


def _faults(node: Node, context: Context) -> dict[str, str]:
    """What an evaluation's outputs, guesses or continuations show."""
    products = node.options["products"]
    if CLASSES in products:
        rows, names = class_rows(node, context), class_names(node, context)
        labels = list(open_text(node.inputs["text"], context).lines("label"))
        return guess_faults([names[guess] for guess in rows["guess"]], labels, len(names))
    if CONTINUED in products:
        found = continued(node, context)
        lines = ([one[key] for one in found] for key in ("continuation", "prompt", "reference"))
        return output_faults(*lines, told=_TOLD_OF_CONTINUATIONS, open_ended=True)
    if "outputs" not in products:
        return {}
    outputs = file_lines(context.stages / node.key / "hypotheses.txt")
    text = open_text(node.inputs["text"], context)
    lines = (list(text.lines(side)) for side in ("source", "target"))
    filled_in = isinstance(decode_of(node, context), MaskPredictOptions)
    # A search that chooses the length beforehand cuts nothing off.
    cut = None if filled_in else lambda: _cut(node, outputs, context)
    return output_faults(outputs, *lines, cut=cut)


def _cut(node: Node, outputs: list[str], context: Context) -> np.ndarray:
    """Outputs that have as many tokens as the search lets them have: bool `[rows]`."""
    trained = node.inputs["model"]
    model = model_options(trained)
    sources = part_of(node, "data", node.options["corpus"], context).find(
        ("source", "text"), model.tokenizers["source"]
    )
    most = source_limit(model)
    limit = build_search(decode_of(node, context)).max_length
    limits = limit.lengths(np.minimum(sources.lengths, most), most).numpy()
    # Counted anew in the text: where a model spelt a word in other pieces, there may be a few more.
    return side_tokenizers(trained, context)["target"].encode(outputs).lengths >= limits
