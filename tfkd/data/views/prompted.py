"""A target behind a prompt, read from left to right: what a causal teacher is asked of pairs."""

from collections.abc import Mapping

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.layouts import SpecialTokens, rounded_width
from tfkd.data.text.marked_text import joined
from tfkd.data.views.base import Record, Visits


class PromptedView:
    """`[START] p y` is read and, of it, `y [END]` predicted: each word of the target y given the
    prompt p, which has the source in it, and the target's words before.

    The pieces of p and y are cut apart, and stand end to end with nothing between them: a target's
    pieces are those of a student that reads the target alone.

    Args:
        tokenizer: Name of the tokenizer that both are cut by.
        specials: Its special tokens.
        name: The view's key in a batch.
    """

    kind = "prompted"
    layout = "sequence"
    max_length = None

    def __init__(self, tokenizer: str, specials: SpecialTokens, *, name: str = "prompted"):
        self.tokenizer, self.specials, self.name = tokenizer, specials, name

    def lengths(self, example_set: ExampleSet) -> dict[str, np.ndarray]:
        """`joint`, the positions that are read, and `target`, those that are predicted."""
        target = example_set.lengths("target", self.tokenizer) + 1
        return {"joint": example_set.lengths("source", self.tokenizer) + target, "target": target}

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
        there = np.asarray(examples) >= 0
        prompt = example_set.take("source", self.tokenizer, examples)
        target = example_set.take("target", self.tokenizer, examples)
        both = joined(prompt, target)
        counts = np.where(there, both.lengths + 1, 0)
        longest = int(counts.max(initial=1))
        width = widths["joint"] if widths else rounded_width(longest, pad_to, None)
        pad = self.specials.pad_id
        ids = np.full((len(counts), width), pad, np.int32)
        ids[:, 0] = np.where(there, self.specials.start_id, pad)
        labels = np.full((len(counts), width), pad, np.int32)
        pieces = both.dense(max(width - 1, 1), pad)
        ids[:, 1:], labels[:, : width - 1] = pieces[:, : width - 1], pieces[:, : width - 1]
        places = np.arange(width)
        labels[places == counts[:, None] - 1] = self.specials.end_id
        valid = places < counts[:, None]
        return {
            "ids": np.where(valid, ids, pad).astype(np.int32),
            "types": ((places >= prompt.lengths[:, None]) & valid).astype(np.int32),
            "valid": valid,
            "labels": np.where(valid, labels, pad).astype(np.int32),
            "selected": (places >= prompt.lengths[:, None]) & valid,
        }
