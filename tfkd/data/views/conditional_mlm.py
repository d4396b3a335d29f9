"""P1's conditional masked language model: the target hidden in part, the source whole."""

from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.layouts import SpecialTokens
from tfkd.data.views.base import SECOND, Draws, Record, SequenceView, record, second_side
from tfkd.data.views.corruption import Probability, choose_at_least_one, replace_by_mask
from tfkd.spec.errors import UserError


class ConditionalMLMView(SequenceView):
    """Each target token, the final [SEP] too, becomes [MASK] with probability p.

    If nothing was drawn in a sentence, it is drawn again: what is hidden follows the independent
    draws given that there is at least one. The hidden [SEP] teaches where a sentence ends.

    Args:
        p: A probability, or `{"uniform": [low, high]}`: drawn for each sentence.
        tokenizer, specials, name, max_length: As in `SequenceView`.

    Reference:
        Chen et al. 2020, Distilling Knowledge Learned in BERT for Text Generation, section 3.2.
    """

    kind = "conditional_mlm"

    def __init__(
        self,
        tokenizer: str,
        specials: SpecialTokens,
        *,
        p: Any = 0.15,
        name: str = "conditional_mlm",
        max_length: int | None = 256,
    ):
        super().__init__(tokenizer, specials, name=name, max_length=max_length)
        self.p = Probability.of(p)

    def salt(self) -> str:
        return f"{self.kind}/{self.p.low}/{self.p.high}"

    def lengths(self, example_set: ExampleSet) -> dict[str, np.ndarray]:
        """See `View.lengths`."""
        lengths = super().lengths(example_set)
        if "target" not in lengths:
            missing = [
                part.name for part in example_set.parts if part.find(SECOND, self.tokenizer) is None
            ]
            raise UserError(
                f"view {self.name}: conditional_mlm hides tokens of the target, and "
                f"{', '.join(missing)} has none; use a parallel corpus, or the view kind mlm"
            )
        return lengths

    def corrupt(self, sequence: dict[str, np.ndarray], draws: Draws) -> Record:
        uniform = draws.each("chosen", sequence["ids"].shape[1])
        p = self.p.draw(draws.one("p"))
        selected = choose_at_least_one(second_side(sequence), p, uniform, draws.one("first"))
        return record(sequence, replace_by_mask(sequence["ids"], selected, self.specials), selected)
