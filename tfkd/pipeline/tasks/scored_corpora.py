"""The corpora of a scoring stage: a store each, shard by shard, by whoever makes them."""

from collections.abc import Callable
from dataclasses import asdict
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.packed import Packed
from tfkd.data.ragged import Ragged
from tfkd.models.mean_of import MeanOf
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.output_shards import OutputShards
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.made import part_of
from tfkd.pipeline.inputs.parts import folds_of, open_parts, parts_by_text
from tfkd.pipeline.stages.stored_targets import rows_of
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import TEACHER_FORCED
from tfkd.targets import Header, SoftTargetStore, StoreWriter
from tfkd.targets.by_part import ByPart, Predict
from tfkd.targets.manifest import FILE, Manifest, Shard, read_manifest
from tfkd.targets.readings import Sizes
from tfkd.targets.shards import Scoring
from tfkd.targets.store import check_shard
from tfkd.targets.writer import write_shard


class Asked(NamedTuple):
    """What a teacher is asked, and what is stored of it.

    Attributes:
        predicted: The vocabulary or the classes.
        top_k: How many of them are stored at each position.
        details: What stores say of themselves.
        predict: From a model to its predictions.
        reading: How a corpus is read, `(examples, sizes) -> Scoring`.
        told: From the means over all positions, and the rows that are stored, to what the summary
            has of them: figures, and `brief`.
    """

    predicted: Any
    top_k: int
    details: dict[str, Any]
    predict: Callable[[Any], Predict]
    reading: Callable[[ExampleSet, Sizes], Scoring]
    told: Callable[[dict[str, float], int], tuple[dict[str, float], str]]


class ScoredCorpora:
    """What a teacher says of a scoring stage's corpora, as `Shards`, which go into a store each.

    Attributes:
        asked: What the teacher is asked.

    Args:
        node: The stage.
        model: Loads the teacher; called for the first shard that is not there.
        folder: The stage's.
        context: The run's surroundings.
        asked: What the teacher is asked.
    """

    def __init__(
        self,
        node: Node,
        model: Callable[[], Any],
        folder: StageFolder,
        context: Context,
        asked: Asked,
    ):
        self.asked, self._load = asked, model
        self._corpora = [
            _Corpus(self, node, index, folder, context) for index in range(len(node.options.data))
        ]
        self._places = [
            (corpus, number) for corpus in self._corpora for number in range(len(corpus.scoring))
        ]

    def __len__(self) -> int:
        return len(self._places)

    def kept(self, number: int) -> bool:
        corpus, own = self._places[number]
        return corpus.kept(own)

    def make(self, number: int) -> None:
        corpus, own = self._places[number]
        corpus.make(own)

    def summary(self) -> dict[str, Any]:
        """Makes the shards that are not there, and closes the stores; returns the stage's summary.

        Raises:
            UserError: No position has been scored, or a store is another teacher's.
        """
        found, rows = [], 0
        for corpus in self._corpora:
            store = corpus.whole()
            rows += store.rows
            found += [store.metrics] if store.metrics["positions"] else []
        positions = sum(one["positions"] for one in found)
        means = {
            name: sum(one[name] * one["positions"] for one in found) / positions
            for name in (found[0] if found else ())
            if name != "positions"
        }
        figures, brief = self.asked.told({"positions": positions, **means}, rows)
        return {TEACHER_FORCED: figures, "tokens": rows, "brief": brief}

    @cached_property
    def predictions(self) -> tuple[Predict, list[Predict]]:
        """Those of the teacher, and of each of its models, where it was trained in folds."""
        model = self._load()
        members = model.members if isinstance(model, MeanOf) else ()
        return self.asked.predict(model), [self.asked.predict(one) for one in members]


class _Corpus:
    """One of the corpora.

    Attributes:
        scoring: Its shards.
        records: What the store's manifest will say of each, made with the shard's file.
    """

    def __init__(
        self, whole: ScoredCorpora, node: Node, index: int, folder: StageFolder, context: Context
    ):
        part = node.options.data[index]
        asked, role = whole.asked, Role.DATA.of(index)
        examples = ExampleSet([part_of(node, role, part.of, context, pack=part.packing)])
        self._whole, self._folder = whole, folder.path / f"store-{index}"
        self._parts, how = _by_fold(node, node.corpora[index], examples.parts[0], context)
        self.scoring = asked.reading(examples, Sizes(node.options.batch_tokens))
        self._header = Header(
            corpus=rows_of(node, index),
            vocabulary=asked.predicted.fingerprint(),
            vocabulary_size=asked.predicted.size,
            top_k=asked.top_k,
            examples=len(examples),
            details={**asked.details, **how, "stage": node.key},
        )
        names = [f"store-{index}-{number:05d}.json" for number in range(len(self.scoring))]
        self.records = OutputShards(folder, names, self._made)
        self._progress = context.told_progress(f"{node.label}: {part.of}")
        self._check = context.deadline.check

    def kept(self, number: int) -> bool:
        """Whether a shard is whole: in the manifest, or on its way into it."""
        return number < self._in_manifest or self._record(number) is not None

    def make(self, number: int) -> Shard:
        """A shard's record; the shard is made where it is not there."""
        return self._record(number) or Shard(**self.records.anew(number))

    def whole(self) -> SoftTargetStore:
        """The store, with all shards. Each has a record of its own until the manifest is written,
        once: it names all of them."""
        writer = StoreWriter(self._folder, self._header)
        for number in self.scoring.missing(writer):
            writer.take([self.make(one) for one in range(number, len(self.scoring))])
        return writer.finish()

    @cached_property
    def _in_manifest(self) -> int:
        """How many shards the store's manifest names."""
        if not (self._folder / FILE).exists():
            return 0
        return len(read_manifest(self._folder).shards)

    def _record(self, number: int) -> Shard | None:
        """What is noted of a shard that is there, as it was written, and of the same examples."""
        if number >= len(self.records) or not self.records.kept(number):
            return None
        shard = Shard(**self.records.content(number))
        own = self.scoring.first(number), self.scoring.first(number + 1)
        if (shard.first, shard.last) != own:
            return None
        try:
            check_shard(self._folder, shard, Manifest(self._header, []))
        except UserError:
            return None
        return shard

    def _made(self, number: int) -> dict[str, Any]:
        """Writes a shard's file; its record follows once it is whole."""
        self._folder.mkdir(parents=True, exist_ok=True)
        told = self.scoring.progress(number, self._progress)
        found = self.scoring.shard(number, self._predict, self._header.top_k, told)
        first = self.scoring.first(number)
        return asdict(write_shard(self._folder, self._header, number, first, *found))

    @property
    def _predict(self) -> Predict | ByPart:
        one, each = self._whole.predictions
        return one if self._parts is None else ByPart([*each, one], self._parts)


def _by_fold(node: Node, corpus: Node, part: Part, context: Context) -> tuple[Any, dict[str, Any]]:
    """Which model of a teacher in folds is asked of each row of a corpus, None: their mean, or the
    only one; and what its store says of that: of rows that were trained on the one model that has
    not seen them, of others the mean of all. Of packed text that holds for each document in a
    block."""
    folds = folds_of(node.inputs[Role.MODEL])
    if not folds:
        return None, {}
    keys, node_of_parts = [one.key for one in folds], folds[0].inputs[Role.PARTS]
    parts = open_parts(node_of_parts, corpus, context)
    how = "each row by the model that has not seen its part"
    if parts is None:
        parts = parts_by_text(node_of_parts, corpus, context)
        if (parts < 0).all():
            return None, {"folds": keys, "scored": "the mean"}
        how = "the mean, and a text that was learnt from by the model that has not seen it"
        parts = np.where(parts < 0, len(folds), parts)
    if part.packed:
        (blocks,) = part.fields.values()
        parts = partial(_of_documents, blocks, parts)
    return parts, {"folds": keys, "scored": how}


def _of_documents(blocks: Packed, parts: np.ndarray, rows: np.ndarray) -> Ragged:
    """The part of each token of blocks: its document's."""
    found = blocks.predicted_documents(rows)
    return Ragged(parts[found.values], found.offsets)
