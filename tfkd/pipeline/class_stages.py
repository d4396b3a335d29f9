"""Classes of labels, and the places of marks: what classifiers read beside their texts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.data.classes import Classes
from tfkd.data.encoded import encode_corpus
from tfkd.data.ragged import Ragged
from tfkd.data.text_corpus import TextCorpus
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.text_stages import open_text, place
from tfkd.spec.errors import UserError

_SHOWN = 5
_READ = 1000  # labels, for a message


def run_classes(node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
    """Learns the classes of the corpora's labels, and counts their rows."""
    counts: dict[str, int] = {}

    def labels() -> Iterator[str]:
        for child in node.inputs.values():
            for label in open_text(child, context).lines("label"):
                counts[label] = counts.get(label, 0) + 1
                yield label

    classes = Classes.learn(labels(), f"data.{node.label}")
    classes.save(folder.path)
    shown = ", ".join(f"{name} ({counts[name]:,})" for name in classes.names[:_SHOWN])
    more = f" and {classes.size - _SHOWN:,} more" if classes.size > _SHOWN else ""
    return {
        "size": classes.size,
        "rows": {name: counts[name] for name in classes.names},
        "brief": f"{classes.size:,} classes: {shown}{more}",
    }


def open_classes(node: Node, context: Context) -> Classes:
    """The classes that a stage of kind `classes` left."""
    return Classes.load(place(node, context).path)


def classes_of(node: Node, context: Context) -> Classes | None:
    """The classes that a training stage's model tells apart; None for any other stage."""
    found = node.trained.inputs.get("classes")
    return None if found is None else open_classes(found, context)


def run_label_ids(node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
    """Encodes the labels of a corpus; counts those that are no class.

    Raises:
        UserError: None of them is a class: no figure would say anything.
    """
    text, classes = (
        open_text(node.inputs["text"], context),
        open_classes(node.inputs["tokenizer"], context),
    )
    meta = encode_corpus(text, "label", classes, folder.path)
    if meta["unknown"] == len(text):
        found = sorted(set(text.lines("label", 0, _READ)))[:_SHOWN]
        raise UserError(
            f"data.{node.inputs['text'].label}: none of its {len(text):,} labels, like "
            f"{', '.join(map(repr, found))}, is a class of {node.inputs['tokenizer'].label}, which "
            f"has {', '.join(map(repr, classes.names[:_SHOWN]))}. Expected the same names in both: "
            "see the corpora's `columns`"
        )
    brief = f"{len(text):,} labels"
    if meta["unknown"]:
        brief += f", {meta['unknown']:,} of them no class of {node.inputs['tokenizer'].label}"
    return {
        "rows": len(text), "tokens": len(text), "unknown": meta["unknown"], "brief": brief
    }  # fmt: skip


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
