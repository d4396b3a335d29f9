"""A text whose words have a tag each, predicted at the first piece of the word."""

from collections.abc import Mapping

import numpy as np

from tfkd.data.classes import LABELS
from tfkd.data.examples import ExampleSet
from tfkd.data.layouts import SpecialTokens
from tfkd.data.views.base import Record, SequenceView, Visits
from tfkd.data.words import WORDS


class TagView(SequenceView):
    """`[CLS] a [SEP]`, read at the first piece of each word.

    `selected` are these positions, `labels` has the tag's id there, and `gold` says whether that is
    known: False in rows without tags, and for tags that are no class. A text that is too long loses
    its end, and the words whose first piece goes with it have no position.

    Args:
        tokenizer, specials, name, max_length: As in `SequenceView`.
        classes: The number of tags, C.

    References:
        Devlin et al. 2019, BERT, section 5.3 and figure 4 (d).
    """

    kind = "tags"

    def __init__(
        self,
        tokenizer: str,
        specials: SpecialTokens,
        *,
        classes: int,
        name: str = "plain",
        max_length: int | None = None,
    ):
        super().__init__(tokenizer, specials, name=name, max_length=max_length)
        self.classes = classes

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
        """See `View.__call__`; nothing is drawn."""
        examples = np.asarray(examples, np.int64)
        sequence = self.laid_out(example_set, examples, pad_to=pad_to, widths=widths)
        pieces = example_set.take(WORDS, self.tokenizer, examples)
        tags = example_set.take(*LABELS, examples)
        # Where each word begins in its row, behind [CLS]: pieces of the words before it.
        row = np.repeat(np.arange(len(examples)), pieces.lengths)
        before = np.cumsum(pieces.values) - pieces.values
        ends = np.concatenate([[0], np.cumsum(pieces.values)])
        place = 1 + before - ends[pieces.offsets[:-1]][row]
        word = np.arange(len(row)) - pieces.offsets[:-1][row]
        kept = place < sequence["first_length"][row] + sequence["first_start"][row] - 1
        row, place, word = row[kept], place[kept], word[kept]
        known = word < tags.lengths[row]
        found = np.full(len(row), self.classes, np.int64)
        found[known] = tags.values[(tags.offsets[:-1][row] + word)[known]]
        gold = found < self.classes
        shape = sequence["ids"].shape
        selected, is_gold = np.zeros(shape, bool), np.zeros(shape, bool)
        labels = np.zeros(shape, np.int32)
        selected[row, place], is_gold[row, place] = True, gold
        labels[row, place] = np.where(gold, found, 0)
        kept = {name: sequence[name] for name in ("ids", "types", "valid")}
        return {**kept, "labels": labels, "selected": selected, "gold": is_gold}
