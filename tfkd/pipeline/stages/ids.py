"""Corpora in ids: all that a model reads of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfkd.data.encoded import EncodedField, encode_corpus
from tfkd.data.ragged import Ragged
from tfkd.data.text_corpus import TextCorpus
from tfkd.pipeline.class_stages import open_classes
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.progress import told_progress
from tfkd.pipeline.stage import Stage
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.text_stages import open_text, open_tokenizer
from tfkd.spec import Spec
from tfkd.spec.errors import UserError

# Labels in a message, and those read for it.
_NAMED, _READ = 5, 1000


class Encoded(NamedTuple):
    """A field of a corpus in ids.

    Attributes:
        field: Its name.
        tokenizer: The tokenizer's, as the spec has it; "classes" of labels.
    """

    field: str
    tokenizer: str


class IdsStage(Stage):
    """One field of a corpus in ids: of a tokenizer's pieces, or of classes."""

    kind = "ids"

    def node(self, graph: Any, spec: Spec, corpus: str, field: str, tokenizer: str) -> Node:
        """One field of a corpus in one tokenizer's ids."""
        return graph.once(
            (id(spec), "ids", corpus, field, tokenizer),
            lambda: self._node(graph, spec, corpus, field, tokenizer, {"field": field}),
        )

    def _node(
        self, graph: Any, spec: Spec, corpus: str, field: str, pieces: Any, identity: Any
    ) -> Node:
        name = pieces if isinstance(pieces, str) else pieces.kind
        tokenizer = graph.tokenizer(spec, pieces) if isinstance(pieces, str) else pieces
        inputs = {"text": graph.corpus(spec, corpus), "tokenizer": tokenizer}
        label = graph.own(spec, f"{corpus}.{field}.{name}")
        return Node(self.kind, label, spec, Encoded(field, name), inputs, identity)

    def part(
        self,
        graph: Any,
        spec: Spec,
        role: str,
        corpus: str,
        model: Any,
        swap: bool = False,
        classes: Node | None = None,
    ) -> dict[str, Node]:
        """A corpus's ids that a model reads, and the corpus itself, which tells what a store's rows
        belong to, by role.

        Args:
            graph: The graph's builder.
            spec: The spec of the corpus.
            role: The corpus's own: `data.I`, `data` or `validate`.
            corpus: Its name.
            model: The model's options.
            swap: Source and target change places.
            classes: Those that the model tells apart.

        Raises:
            UserError: The corpus lacks fields that the model reads.
        """
        found = {
            f"{role}.ids.{field}.{i}": self.node(graph, spec, corpus, field, name)
            for i, (field, name) in enumerate(_read(graph, spec, corpus, model, swap))
        }
        if classes is not None:
            own = self._classified(graph, spec, role, corpus, model, classes)
            # The marked text stands for the text.
            keys = {key.rpartition(".")[0] for key in found}
            replaced = keys & own.keys()
            found = {k: n for k, n in found.items() if k.rpartition(".")[0] not in replaced} | own
        return {**found, f"{role}.corpus": graph.corpus(spec, corpus)}

    def _classified(
        self, graph: Any, spec: Spec, role: str, corpus: str, model: Any, classes: Node
    ) -> dict[str, Node]:
        """What a classifier reads of a corpus beside its texts, by role: labels, where it has
        some, and marks; the marked text in place of the text."""
        found = {}
        if "label" in graph.fields(spec, corpus):
            found[f"{role}.ids.label"] = graph.once(
                (id(spec), "labels", corpus, classes.key),
                lambda: self._node(graph, spec, corpus, "label", classes, {"field": "label"}),
            )
        for field in ("text", "mark") if model.head.read == "mark" else ():
            found[f"{role}.ids.{field}"] = self._marked(graph, spec, corpus, field, model.tokenizer)
        return found

    def _marked(self, graph: Any, spec: Spec, corpus: str, field: str, tokenizer: str) -> Node:
        fields = graph.fields(spec, corpus)
        if not {"text", "mark"} <= set(fields):
            raise UserError(
                f"data.{corpus}: a head that reads the mark needs the fields text and mark; "
                f"this corpus has {', '.join(fields)}"
            )
        identity = {"field": field, "cut": "mark"}
        return graph.once(
            (id(spec), "marked", corpus, field, tokenizer),
            lambda: self._node(graph, spec, corpus, field, tokenizer, identity),
        )

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Encodes one field of a corpus once."""
        if node.inputs["tokenizer"].kind == "classes":
            return self._labels(node, folder, context)
        text = open_text(node.inputs["text"], context)
        tokenizer = open_tokenizer(node.inputs["tokenizer"], context)
        field = node.identity["field"]
        if node.identity.get("cut"):
            encode_marked(text, field, tokenizer, folder.path)
        else:
            progress = told_progress(node.label, context)
            work = {"work": folder.scratch, "of": folder.key}
            encode_corpus(text, field, tokenizer, folder.path, **work, progress=progress)
        tokens = int(EncodedField.open(folder.path).lengths.sum())
        return {"rows": len(text), "tokens": tokens, "brief": f"{tokens:,} tokens"}

    def _labels(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Encodes the labels of a corpus; counts those that are no class.

        Raises:
            UserError: None of them is a class: no figure would say anything.
        """
        text, classes = (
            open_text(node.inputs["text"], context),
            open_classes(node.inputs["tokenizer"], context),
        )
        told = node.inputs["tokenizer"].label
        meta = encode_corpus(text, "label", classes, folder.path)
        if meta["unknown"] == len(text):
            found = sorted(set(text.lines("label", 0, _READ)))[:_NAMED]
            raise UserError(
                f"data.{node.inputs['text'].label}: none of its {len(text):,} labels, like "
                f"{', '.join(map(repr, found))}, is a class of {told}, which has "
                f"{', '.join(map(repr, classes.names[:_NAMED]))}. Expected the same names in "
                "both: see the corpora's `columns`"
            )
        brief = f"{len(text):,} labels"
        if meta["unknown"]:
            brief += f", {meta['unknown']:,} of them no class of {told}"
        return {
            "rows": len(text), "tokens": len(text), "unknown": meta["unknown"], "brief": brief
        }  # fmt: skip


def _read(graph: Any, spec: Spec, corpus: str, model: Any, swap: bool) -> list[tuple[str, str]]:
    """The fields of a corpus that a model reads, each with the tokenizer that it reads it by."""
    sides = model.tokenizers
    fields = graph.fields(spec, corpus)
    if "text" in sides:
        return [(field, sides["text"]) for field in graph.texts(spec, corpus)]
    if {"source", "target"} <= set(fields):
        turned = {"source": "target", "target": "source"} if swap else {}
        wanted = [(turned.get(side, side), sides[side]) for side in ("source", "target")]
        return list(dict.fromkeys(wanted))
    if "text" not in fields or len({*sides.values()}) > 1:
        raise UserError(
            f"data.{corpus}: an encoder-decoder needs the fields source and target; "
            f"this corpus has {', '.join(fields)}"
        )
    return [("text", sides["source"])]  # both sides read it, in a view of one text


def encode_marked(text: TextCorpus, field: str, tokenizer: Any, folder: Path) -> dict[str, Any]:
    """`encode_corpus` of texts that are cut at their mark, so that the mark begins a piece.

    The ids of `text` are those of what stands before the mark and those of the rest, end to end;
    `mark` is the number of the former. Chinese text is cut at every character anyway.

    Args:
        text: A corpus with the fields `text` and `mark`: the marked character's place in the text,
            from 0.
        field: `text` or `mark`.
        tokenizer: Of the text.
        folder: An existing folder.
    """
    return encode_corpus(_Halves(text), field, _Cut(tokenizer, field), folder)


class _Halves:
    """A corpus whose lines are (what stands before the mark, the rest)."""

    def __init__(self, text: TextCorpus):
        self._text = text

    def __len__(self) -> int:
        return len(self._text)

    def lines(self, field: str, start: int, stop: int) -> Iterator[tuple[str, str]]:
        marks = self._text.lines("mark", start, stop)
        for line, mark in zip(self._text.lines("text", start, stop), marks, strict=True):
            yield line[: int(mark)], line[int(mark) :]


class _Cut:
    """A tokenizer of texts in two halves, or of the place where they meet."""

    def __init__(self, tokenizer: Any, field: str):
        self._tokenizer, self._place = tokenizer, field == "mark"
        self.size = 2**31 if self._place else tokenizer.size
        self.unknown_id = -1 if self._place else tokenizer.unknown_id
        self.fingerprint = tokenizer.fingerprint

    def encode(self, halves: list[tuple[str, str]]) -> Ragged:
        before = self._tokenizer.encode([first for first, _ in halves])
        if self._place:
            lengths = before.lengths.astype(np.int32)
            return Ragged(lengths, np.arange(len(lengths) + 1, dtype=np.int64))
        return joined(before, self._tokenizer.encode([rest for _, rest in halves]))


def joined(first: Ragged, second: Ragged) -> Ragged:
    """Each row of one followed by the same row of the other."""
    rows = np.arange(len(first)) * 2
    both = Ragged.chained([first, second])
    order = np.empty(2 * len(first), np.int64)
    order[rows], order[rows + 1] = np.arange(len(first)), len(first) + np.arange(len(second))
    taken = both.take(order)
    return Ragged(taken.values, taken.offsets[::2])


STAGE = IdsStage
