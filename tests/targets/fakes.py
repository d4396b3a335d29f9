"""Corpora in memory, and a teacher that is a plain function of what it sees."""

import numpy as np

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials
from tfkd.data.ragged import Ragged

SPECIALS = Specials(0, 1, 2, 3, 4, (0, 1, 2, 3, 4), 40)
PAIR = (("source", "joint"), ("target", "joint"))


def pairs(lengths, seed=0):
    """An example set of random pairs with the given bare (source, target) lengths."""
    rng = np.random.default_rng(seed)
    sides = [
        Ragged.from_rows([rng.integers(5, SPECIALS.size, pair[side]) for pair in lengths])
        for side in (0, 1)
    ]
    return ExampleSet([Part("corpus", dict(zip(PAIR, sides, strict=True)), len(lengths))])


class Teacher:
    """log softmax of a function of the row's visible ids and the position, in float64.

    With `prefix` in the record it sees only ids up to the position.
    """

    def __init__(self, top_k=4, seed=1):
        rng = np.random.default_rng(seed)
        self.top_k = top_k
        self.words = rng.normal(size=(SPECIALS.size, SPECIALS.size))
        self.places = rng.normal(size=(200, SPECIALS.size))
        self.batches = []

    def log_probabilities(self, ids, position, causal):
        seen = ids[: position + 1] if causal else ids
        distance = np.abs(np.arange(len(seen)) - position)
        z = (self.words[seen] / (1 + distance)[:, None]).sum(0) + self.places[position]
        z = z - z.max()
        return z - np.log(np.exp(z).sum())

    def __call__(self, record):
        self.batches.append(record["ids"].shape)
        out = {name: [] for name in ("ids", "log_probabilities", "gold_rank", "entropy")}
        out["gold_log_probability"] = []
        for row, position in np.argwhere(record["selected"]):
            ids = record["ids"][row][record["valid"][row]]
            log_p = self.log_probabilities(ids, position, "prefix" in record)
            gold = record["labels"][row, position]
            order = np.argsort(-log_p, kind="stable")
            out["ids"].append(order[: self.top_k])
            out["log_probabilities"].append(log_p[order[: self.top_k]])
            out["gold_rank"].append(int(np.flatnonzero(order == gold)[0]))
            out["entropy"].append(-(np.exp(log_p) * log_p).sum())
            out["gold_log_probability"].append(log_p[gold])
        return {name: np.array(value) for name, value in out.items()}
