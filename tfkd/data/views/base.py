"""What every view is, and the layout that sequence views share."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from tfkd.data import stateless
from tfkd.data.examples import ExampleSet
from tfkd.data.layouts import SpecialTokens, joint, joint_lengths
from tfkd.spec.errors import UserError

Record = dict[str, Any]
Visits = int | np.ndarray

FIRST = ("text", "source")
SECOND = ("text_b", "target")


class View(Protocol):
    """One way to read an example: its layout, what is hidden in it, and what is to be predicted.

    Attributes:
        name: The view's key in a batch.
        layout: "sequence" or "pair": what its class is built with (see `build_view`).
        max_length: The widest that a record may become; None: any width.
    """

    name: str
    layout: str
    max_length: int | None

    def lengths(self, example_set: ExampleSet) -> dict[str, np.ndarray]:
        """Tokens of every example as this view lays it out, special tokens included.

        Returns:
            `source` and `target`, or `joint` (and `source`, `target` where all examples are
            pairs), int64 `[N]` each.

        Raises:
            UserError: The view cannot read these examples.
        """
        ...

    def __call__(
        self,
        example_set: ExampleSet,
        examples: np.ndarray,
        epoch: Visits,
        seed: int,
        *,
        pad_to: int = 1,
        widths: Mapping[str, int] | None = None,
    ) -> Record:
        """The record of some examples.

        Args:
            example_set: Where the examples come from.
            examples: int `[B]`; -1 leaves a row empty.
            epoch: Which time this is that an example is read, one number or int `[B]`: what is
                drawn is drawn anew for each.
            seed: The run's seed.
            pad_to: Widths are multiples of it.
            widths: Fixed widths by the names of `lengths`; None: those of the longest rows.
        """
        ...


class SequenceView:
    """Both sides, or one text, as one sequence: `[CLS] a [SEP]` or `[CLS] a [SEP] b [SEP]`.

    Called, it gives the record with nothing hidden: `ids`, `types`, `labels` int32 `[B, T]`,
    `valid`, `selected` bool `[B, T]`; labels are the ids, selected is every token but [CLS] and
    [SEP]. Subclasses hide and select.

    Args:
        tokenizer: The tokenizer's name, as the example set's parts know it.
        specials: Its special tokens.
        name: The view's key in a batch.
        max_length: The most tokens of a sequence; longer pairs lose tokens of the longer side
            first. None: any number.
    """

    kind = "none"
    layout = "sequence"
    # Whether an encoder-decoder's encoder alone can read it.
    of_source = False

    def __init__(
        self,
        tokenizer: str,
        specials: SpecialTokens,
        *,
        name: str = "plain",
        max_length: int | None = None,
    ):
        self.tokenizer = tokenizer
        self.specials = specials
        self.name = name
        self.max_length = max_length

    def lengths(self, example_set: ExampleSet) -> dict[str, np.ndarray]:
        """See `View.lengths`."""
        if not example_set.has(FIRST, self.tokenizer).all():
            raise UserError(
                f"view {self.name}: a corpus has neither a field `text` nor `source` in tokenizer "
                f"{self.tokenizer}; give it one of them"
            )
        pair = example_set.has(SECOND, self.tokenizer)
        first, second = joint_lengths(
            example_set.lengths(FIRST, self.tokenizer),
            example_set.lengths(SECOND, self.tokenizer),
            pair,
            self.max_length,
            getattr(self.specials, "separators", 1),
        )
        sides = {"source": first, "target": second} if pair.all() else {}
        return {"joint": first + second, **sides}

    def laid_out(
        self,
        example_set: ExampleSet,
        examples: np.ndarray,
        *,
        pad_to: int = 1,
        widths: Mapping[str, int] | None = None,
    ) -> dict[str, np.ndarray]:
        """The examples' layout with nothing hidden: what `layouts.joint` returns."""
        laid_out = joint(
            example_set.take(FIRST, self.tokenizer, examples),
            example_set.take(SECOND, self.tokenizer, examples),
            self.specials,
            self.max_length,
            has_second=example_set.has(SECOND, self.tokenizer, examples),
            present=np.asarray(examples) >= 0,
            pad_to=pad_to,
            width=widths["joint"] if widths else None,
        )
        if example_set.packed(examples).any():
            laid_out["separators"] = laid_out["ids"] == self.specials.end_id
        return laid_out

    def __call__(
        self,
        example_set: ExampleSet,
        examples: np.ndarray,
        epoch: Visits,
        seed: int,
        *,
        pad_to: int = 1,
        widths: Mapping[str, int] | None = None,
    ) -> Record:
        """See `View.__call__`."""
        examples = np.asarray(examples, np.int64)
        sequence = self.laid_out(example_set, examples, pad_to=pad_to, widths=widths)
        return self.corrupt(sequence, Draws(seed, epoch, examples, self.salt()))

    def corrupt(self, sequence: dict[str, np.ndarray], draws: "Draws") -> Record:
        """The record of a laid-out batch; `draws` gives it its random numbers."""
        return record(sequence, sequence["ids"], words(sequence))

    def salt(self) -> str:
        """What tells this view's draws from others': its kind and options, not its name, so that
        renaming a view changes no result."""
        return self.kind


class Draws:
    """The random numbers of one (view, batch), by purpose.

    Args:
        seed: The run's seed.
        epoch: One number or int `[B]`.
        examples: int `[B]`.
        salt: The view's.
    """

    def __init__(self, seed: int, epoch: Visits, examples: np.ndarray, salt: str):
        self._identity = (seed, epoch, examples)
        self._salt = salt

    def _keys(self, purpose: str) -> np.ndarray:
        return stateless.keys(*self._identity, f"{self._salt}/{purpose}")

    def one(self, purpose: str) -> np.ndarray:
        """Uniform on [0, 1), float64 `[B]`."""
        return stateless.uniform_one(self._keys(purpose))

    def each(self, purpose: str, count: int) -> np.ndarray:
        """Uniform on [0, 1), float64 `[B, count]`."""
        return stateless.uniform(self._keys(purpose), count)


def words(sequence: Mapping[str, np.ndarray]) -> np.ndarray:
    """Every position of a sequence but [CLS] and [SEP], bool `[B, T]`: no separator is a word, be
    it between the documents of a packed row."""
    column = np.arange(sequence["ids"].shape[1])
    start, length = sequence["first_start"][:, None], sequence["first_length"][:, None]
    first = (column >= start) & (column < start + length - 1)
    start, length = sequence["second_start"][:, None], sequence["second_length"][:, None]
    found = first | ((column >= start) & (column < start + length - 1))
    return found & ~sequence["separators"] if "separators" in sequence else found


def second_side(sequence: Mapping[str, np.ndarray]) -> np.ndarray:
    """Every position of a sequence's second side, its [SEP] included, bool `[B, T]`."""
    column = np.arange(sequence["ids"].shape[1])
    start, length = sequence["second_start"][:, None], sequence["second_length"][:, None]
    return (column >= start) & (column < start + length)


def record(sequence: Mapping[str, np.ndarray], ids: np.ndarray, selected: np.ndarray) -> Record:
    """A sequence record whose labels are the clean ids."""
    return {
        "ids": ids,
        "types": sequence["types"],
        "valid": sequence["valid"],
        "labels": sequence["ids"],
        "selected": selected,
    }
