"""Several corpora in ids as one numbered set of examples."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from tfkd.data.ragged import Ragged

Field = str | tuple[str, ...]
_SWAPPED = {"source": "target", "target": "source"}


class IdRows(Protocol):
    """Rows of bare token ids; an `EncodedField` on the disk, or a `Ragged` in memory."""

    lengths: np.ndarray

    def __len__(self) -> int: ...

    def take(self, rows: np.ndarray) -> Ragged: ...


class NoisyIdRows(IdRows, Protocol):
    """A field's rows of which some have noise; a `NoisyRows`."""

    def without(self, rows: np.ndarray) -> "NoisyIdRows":
        """The same with those rows clean that are marked, bool `[rows]`."""
        ...


@dataclass(frozen=True)
class Part:
    """One corpus's share of an example set.

    Attributes:
        name: The corpus.
        fields: Its ids by (field, tokenizer's name).
        rows: How many rows each of them has.
        weight: How often an epoch goes through the corpus; 0.5 takes half of it, drawn anew each
            epoch.
        swap: Source and target change places.
        packed: Its rows are blocks of many documents, with separators between them (`Packed`);
            a view that predicts each next token reads them as they are.
        row_weights: float32 `[rows]`: what each row counts in a loss; None: 1.
        variants: Other forms of some of the fields, with noise, of which each epoch reads the next.
    """

    name: str
    fields: Mapping[tuple[str, str], IdRows]
    rows: int
    weight: float = 1.0
    swap: bool = False
    packed: bool = False
    row_weights: np.ndarray | None = None
    variants: tuple[Mapping[tuple[str, str], NoisyIdRows], ...] = ()

    def find(self, field: Field, tokenizer: str) -> IdRows | None:
        """The ids of a field, or of the first that the part has of several; None without any."""
        for name in (field,) if isinstance(field, str) else field:
            if self.swap:
                name = _SWAPPED.get(name, name)
            found = self.fields.get((name, tokenizer))
            if found is not None:
                return found
        return None


class ExampleSet:
    """Corpora end to end: example n is row n of the concatenation.

    Where a field is asked for, a tuple of names means, in each part, the first that it has: so a
    corpus of text and one of pairs stand in one set (`("text", "source")`).

    Args:
        parts: The corpora, in order.

    Raises:
        ValueError: A field has other than the part's number of rows, or a weight is not positive.
    """

    def __init__(self, parts: Sequence[Part]):
        self.parts = tuple(parts)
        for part in self.parts:
            for key, field in part.fields.items():
                if len(field) != part.rows:
                    raise ValueError(
                        f"Invalid value for argument `parts`. Expected {part.rows} rows in "
                        f"{part.name}'s field {key}. Received: {len(field)} rows"
                    )
            if part.row_weights is not None and part.row_weights.shape != (part.rows,):
                raise ValueError(
                    f"Invalid value for argument `parts`. Expected {part.rows} row_weights of "
                    f"{part.name}. Received: shape {part.row_weights.shape}"
                )
            if not part.weight > 0:
                raise ValueError(
                    "Invalid value for argument `parts`. Expected positive weights. Received: "
                    f"weight={part.weight} of {part.name}"
                )
        self.starts = np.concatenate([[0], np.cumsum([part.rows for part in self.parts])]).astype(
            np.int64
        )

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def variants(self) -> int:
        """After how many epochs rows are read in the same form again."""
        return math.lcm(*(len(part.variants) or 1 for part in self.parts))

    def variant(self, number: int, clean: np.ndarray | None = None) -> "ExampleSet":
        """The rows as epochs `number`, `number + variants`, ... read them.

        Args:
            number: Which of the variants.
            clean: bool `[N]`: rows that stay as they are.
        """
        parts = []
        for start, part in zip(self.starts, self.parts, strict=False):
            fields = part.variants[number % len(part.variants)] if part.variants else {}
            if clean is not None:
                mine = clean[start : start + part.rows]
                fields = {key: rows.without(mine) for key, rows in fields.items()}
            parts.append(replace(part, fields={**part.fields, **fields}, variants=()))
        return ExampleSet(parts)

    @property
    def weights(self) -> tuple[float, ...]:
        """Each part's weight."""
        return tuple(part.weight for part in self.parts)

    def locate(self, examples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where examples come from.

        Args:
            examples: int `[B]`; -1 is the filler of a batch.

        Returns:
            int64 `[B]` each: the part's index and the row in it; -1 for a filler.

        Raises:
            IndexError: An example does not exist.
        """
        examples = np.asarray(examples, np.int64)
        if examples.size and (examples.max() >= len(self) or examples.min() < -1):
            raise IndexError(
                f"examples must lie in -1 ... {len(self) - 1}. Received: {examples.min()} ... "
                f"{examples.max()}"
            )
        part = np.searchsorted(self.starts, examples, side="right") - 1
        filler = examples < 0
        return np.where(filler, -1, part), np.where(filler, -1, examples - self.starts[part])

    def has(self, field: Field, tokenizer: str, examples: np.ndarray | None = None) -> np.ndarray:
        """Which examples have the field, be it empty: bool `[B]`, or `[N]` for all; fillers not."""
        found = np.array(
            [part.find(field, tokenizer) is not None for part in self.parts] + [False], bool
        )
        if examples is None:
            return np.repeat(found[:-1], np.diff(self.starts))
        return found[self.locate(examples)[0]]

    def packed(self, examples: np.ndarray | None = None) -> np.ndarray:
        """Which examples are blocks of many documents: bool `[B]`, or `[N]` for all."""
        found = np.array([part.packed for part in self.parts] + [False], bool)
        if examples is None:
            return np.repeat(found[:-1], np.diff(self.starts))
        return found[self.locate(examples)[0]]

    def row_weights(self, examples: np.ndarray) -> np.ndarray | None:
        """What examples count, float32 `[B]`, 0 of fillers; None where every one counts 1."""
        if all(part.row_weights is None for part in self.parts):
            return None
        parts, rows = self.locate(examples)
        found = (parts >= 0).astype(np.float32)
        for index, part in enumerate(self.parts):
            if part.row_weights is not None:
                chosen = parts == index
                found[chosen] = part.row_weights[rows[chosen]]
        return found

    def lengths(self, field: Field, tokenizer: str) -> np.ndarray:
        """Bare tokens of every example, int64 `[N]`; 0 where the field is missing."""
        out = np.zeros(len(self), np.int64)
        for start, part in zip(self.starts, self.parts, strict=False):
            ids = part.find(field, tokenizer)
            if ids is not None:
                out[start : start + part.rows] = ids.lengths
        return out

    def take(self, field: Field, tokenizer: str, examples: np.ndarray) -> Ragged:
        """Bare ids of the given examples, in their order; empty rows for fillers and where the
        field is missing."""
        parts, rows = self.locate(examples)
        values, lengths = [], []
        # Rows are read part by part; `order` says where each asked example then lies, 0 is empty.
        order, read = np.zeros(len(rows), np.int64), 1
        for index in np.unique(parts[parts >= 0]):
            ids = self.parts[index].find(field, tokenizer)
            if ids is None:
                continue
            chosen = np.flatnonzero(parts == index)
            taken = ids.take(rows[chosen])
            if len(chosen) == len(rows):
                return taken
            values.append(taken.values)
            lengths.append(taken.lengths)
            order[chosen] = read + np.arange(len(chosen))
            read += len(chosen)
        offsets = np.concatenate([[0, 0], *lengths]).cumsum().astype(np.int64)
        return Ragged(np.concatenate([np.zeros(0, np.int32), *values]), offsets).take(order)
