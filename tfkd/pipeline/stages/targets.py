"""Targets stages: soft labels of the user's own, held against corpus and student, and stored."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tfkd.data.ragged import Ragged
from tfkd.data.text.class_numbers import log_probabilities_in
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node, seed_of
from tfkd.pipeline.engine.kinds import task_named
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.own_rows import Rows
from tfkd.pipeline.inputs.own_stores import OwnStore, Said
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.pipeline.stages.stored_targets import rows_of
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import TEACHER_FORCED
from tfkd.spec.options import classifier
from tfkd.spec.stages.targets import TargetsOptions
from tfkd.spec.tasks.task import task_name
from tfkd.targets import Header, StoreWriter

# Rows that are read from a field at once: a shard of a store.
_CHUNK = 2**16


class TargetsStage(Stage):
    """Soft labels of a corpus's own field, or that a program of the user's has stored."""

    Options = TargetsOptions
    early = True

    def node(self, graph: Any, spec: Spec, name: str, options: Any) -> Node:
        model = spec.models[options.train]
        inputs = {
            Role.TOKENIZER.of(side): graph.tokenizer(spec, tokenizer)
            for side, tokenizer in model.tokenizers.items()
        }
        task = task_named(task_name(model, options, spec.views))
        inputs |= task.inputs(graph, spec, options)
        own = task, dict(inputs)
        for i, part in enumerate(options.data):
            inputs |= graph.part(spec, Role.DATA.of(i), part.of, model, own=own)
        identity: dict[str, Any] = {"over": "classes" if classifier(model) else "words"}
        packs = [part.packing and part.packing.model_dump() for part in options.data]
        identity |= {"pack": packs} if any(packs) else {}
        if model.is_causal:  # longer rows are cut
            identity["length"] = model.max_length
        if options.targets.field is not None:
            identity["field"] = options.targets.field
            identity["classes"] = [_class_names(spec, part.of) for part in options.data]
        elif spec.change is not None:  # --smoke: nobody has scored generated text
            identity["random"] = True
        else:
            identity["stores"] = graph.files.stores(spec, name, graph.data_dir)
        label = graph.label(spec, name, seed_of(inputs))
        return Node(self.kind, label, spec, options, inputs, identity)

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Checks them row by row, and stores them as a scoring stage does, in `store-I/`.

        Raises:
            UserError: They are of other rows, pieces or classes, or no distributions.
        """
        predicted = node.task.vocabulary(node, context)
        stored, without, right = 0, 0, np.zeros(3)
        for index in range(len(node.options.data)):
            rows = Rows(node, index, context)
            found, top_k = _said(node, index, rows, predicted, context)
            header = Header(
                corpus=rows_of(node, index),
                vocabulary=predicted.fingerprint(),
                vocabulary_size=predicted.size,
                top_k=top_k,
                examples=len(rows),
                details={"read": "own", "stage": node.key},
            )
            writer = StoreWriter(folder.path / f"store-{index}", header)
            progress = context.told_progress(f"{node.label}: {rows.name}")
            for said in found:
                if said.last > writer.next_example:  # else kept of a run that was stopped
                    writer.write(said.last, said.counts, said.ids, said.log_probabilities)
                right += _right(said, rows.ids(said.first, said.last))
                without += int((said.counts == 0).sum())
                progress(said.last, len(rows))
            stored += writer.finish().rows
        known, first, among = map(int, right)
        unit = "rows" if node.task.Options.over_classes else "tokens"
        brief = f"{stored:,} {unit}"
        metrics: dict[str, Any] = {"positions": known}
        if known:
            metrics |= {"accuracy": first / known, "coverage": among / known}
            brief += f"; the likeliest is right at {100 * first / known:.1f} % of {known:,}"
        if without:
            brief += f"; {without:,} rows have none"
        return {TEACHER_FORCED: metrics, "tokens": stored, "brief": brief}


def _class_names(spec: Spec, corpus: str) -> list[str]:
    return list(getattr(spec.data.get(corpus), "class_names", ()))


def _said(
    node: Node, index: int, rows: Rows, predicted: Any, context: Context
) -> tuple[Iterator[Said], int]:
    """What there is of a corpus, and its K."""
    if node.options.targets.field is not None:
        return _of_field(node, index, rows, predicted, context), predicted.size
    if node.identity.get("random"):
        return _made_up(rows, predicted), min(predicted.size, 8)
    store = OwnStore(node, index, rows, predicted, context.data_dir)
    return store.said(), store.top_k


def _right(said: Said, due: Ragged) -> np.ndarray:
    """Of how many positions the word or class is known, is the likeliest, and is among the K."""
    gold = due.values[np.repeat(said.counts > 0, due.lengths)]
    known = gold >= 0
    ids, gold = said.ids[known], gold[known]
    best = ids[np.arange(len(ids)), said.log_probabilities[known].argmax(1)]
    return np.array([known.sum(), (best == gold).sum(), (ids == gold[:, None]).sum()])


def _of_field(
    node: Node, index: int, rows: Rows, predicted: Any, context: Context
) -> Iterator[Said]:
    """The distribution of each row's field, over all classes."""
    field, names = node.options.targets.field, node.identity["classes"][index]
    text = open_text(node.corpora[index], context)
    unknown = [name for name in names if predicted.place(name) is None]
    if unknown:
        raise UserError(
            f"stages.{node.label}: {rows.name} has {field} of the class {unknown[0]!r}, and "
            f"{node.options.model} tells {', '.join(predicted.names[:20])} apart. Expected the "
            "same names in the corpus's `classes` as in the labels"
        )
    place = np.array([predicted.place(name) for name in names])
    for first in range(0, len(rows), _CHUNK):
        last = min(first + _CHUNK, len(rows))
        found = np.full((last - first, predicted.size), -np.inf)
        for row, line in enumerate(text.lines(field, first, last)):
            found[row, place] = log_probabilities_in(field, line)
        ids = np.broadcast_to(np.arange(predicted.size), found.shape)
        yield Said(first, last, np.ones(last - first, np.int64), ids, found)


def _made_up(rows: Rows, predicted: Any) -> Iterator[Said]:
    """Of generated text, which nobody has scored: 0.6 for what is there, the rest of others."""
    top_k = min(predicted.size, 8)
    for first in range(0, len(rows), _CHUNK):
        last = min(first + _CHUNK, len(rows))
        due = rows.ids(first, last)
        ids = (np.maximum(due.values, 0)[:, None] + np.arange(top_k)) % predicted.size
        shares = np.array([0.6] + [0.4 / max(top_k - 1, 1)] * (top_k - 1))
        said = np.broadcast_to(np.log(shares), ids.shape)
        yield Said(first, last, due.lengths, ids, said)
