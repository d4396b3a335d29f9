"""The rows of a targets stage's corpora, as the student reads them."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.ragged import Ragged
from tfkd.data.transforms import text_fields
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.inputs.made import part_of
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.spec.wording import shown
from tfkd.targets import StoreWriter
from tfkd.targets.own_rows import row_hashes

# Rows whose texts or ids are read at once.
_CHUNK = 4096


class Rows:
    """A corpus of a spec's targets stage, row by row, as its student reads it: what a program of
    your own scores, and writes with `writer`.

    `tfkd.open_rows(spec, stage)` makes it.

    Attributes:
        name: The corpus.
        fields: The names of its text fields, like `("source", "target")`.
    """

    def __init__(self, node: Node, index: int, context: Context):
        self._node, self._index, self._context = node, index, context
        part = node.options.data[index]
        self.name, self._packed = part.of, part.packing is not None
        role = Role.DATA.of(index)
        self._examples = ExampleSet(
            [part_of(node, role, part.of, context, pack=part.packing)]
        )  # fmt: skip
        self._text = open_text(node.corpora[index], context)
        places = text_fields(self._text.fields)
        self.fields: tuple[str, ...] = tuple(self._text.fields[place] for place in places)

    def __len__(self) -> int:
        return len(self._examples)

    def texts(self, first: int = 0, last: int | None = None) -> list[tuple[str, ...]]:
        """The texts of rows first ... last - 1, of each its fields in their order.

        Raises:
            ValueError: They are packed into blocks, which have ids alone.
        """
        if self._packed:
            raise ValueError(f"The rows of {self.name} are blocks of several texts: see `ids`.")
        return list(zip(*(self._text.lines(one, first, last) for one in self.fields), strict=True))

    def ids(self, first: int = 0, last: int | None = None) -> Ragged:
        """What is predicted in rows first ... last - 1: of each the ids of its target's (or its
        text's) pieces with the end, one a position; of classes its label's. -1 is unknown.

        A store has a row for each of these, in their order.
        """
        return self._due(first, last, "labels")

    def inputs(self, first: int = 0, last: int | None = None) -> Ragged:
        """What the student reads at the same positions: the start, then each id but the last. Of
        models that predict words."""
        return self._due(first, last, "ids")

    def _due(self, first: int, last: int | None, of: str) -> Ragged:
        last = len(self) if last is None else min(last, len(self))
        rows, (node, context) = np.arange(first, last), (self._node, self._context)
        return node.task.due(node, self._examples, rows, context, of)

    @property
    def pieces(self) -> list[str]:
        """The pieces, or the names of the classes, in the order of their ids."""
        found = self._predicted
        return list(found.names if hasattr(found, "names") else found.vocabulary)

    @cached_property
    def _predicted(self) -> Any:
        return self._node.task.vocabulary(self._node, self._context)

    def hashes(self) -> np.ndarray:
        """What tells the rows: see `tfkd.targets.own_rows.row_hashes`."""
        return np.concatenate([row_hashes(self._identified(*one)) for one in self._chunks()])

    def shown(self, row: int) -> str:
        """A row as a message has it."""
        if self._packed:
            return f"a block of the ids {self.ids(row, row + 1).values[:8].tolist()} ..."
        return " | ".join(shown(text) for text in self.texts(row, row + 1)[0])

    def writer(self, folder: Any, top_k: int | None = None) -> StoreWriter:
        """What writes a store of these rows; see `StoreWriter.for_rows`.

        Args:
            folder: The folder that the stage names.
            top_k: K; None: all there are, as of classes.
        """
        rows = (row for chunk in self._chunks() for row in self._identified(*chunk))
        pieces = self.pieces
        return StoreWriter.for_rows(folder, rows, top_k=top_k or len(pieces), pieces=pieces)

    def _chunks(self) -> Iterator[tuple[int, int]]:
        for first in range(0, len(self), _CHUNK):
            yield first, min(first + _CHUNK, len(self))

    def _identified(self, first: int, last: int) -> Any:
        return self.ids(first, last) if self._packed else self.texts(first, last)
