"""Which piece stands for which, learnt from how often they stand together: an IBM model 2."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tfkd.data.alignment.pairs import pairs_of
from tfkd.data.ragged import Ragged

# Of each piece, what stands for nothing on the other side; and how sharply links follow the
# diagonal. Both are fast_align's.
NOTHING, TENSION = 0.08, 4.0
_TINY = 1e-300

Rows = tuple[Ragged, Ragged]


@dataclass(frozen=True)
class IbmModel:
    """p(t | s) of a target piece t given a source piece s, and p(s | t), of pairs that were seen.

    A target piece at place j of n stands for the source piece at place i of m with

        P(i | j) = (1 - p0) exp(-tension |i/m - j/n|) / Z_j * p(t_j | s_i)   or   p0 * p(t_j | none)

    over its sum; and the same with the sides exchanged. Tables are found by expectation
    maximization from equal ones.

    Attributes:
        sizes: The pieces of the source's and of the target's vocabulary.
        keys: int64 `[pairs]`, rising: s * (the target's pieces) + t of each pair that was seen.
        forward: float64 `[pairs]`: p(t | s), and before the first pass 1.
        backward: float64 `[pairs]`: p(s | t).
        none_forward: float64 `[target's pieces]`: p(t | none).
        none_backward: float64 `[source's pieces]`: p(s | none).
        links: float64 `[pairs]`: how often the two stand for each other in the rows of the last
            pass, expected, the mean of both directions.

    Reference: Brown et al., 1993; Dyer et al., 2013 (fast_align), for the prior.
    """

    sizes: tuple[int, int]
    keys: np.ndarray
    forward: np.ndarray
    backward: np.ndarray
    none_forward: np.ndarray
    none_backward: np.ndarray
    links: np.ndarray

    @classmethod
    def of_pairs(cls, rows: Iterable[Rows], sizes: tuple[int, int]) -> "IbmModel":
        """The model before its first pass: all that stands together is as likely."""
        keys, waiting, held = np.zeros(0, np.int64), [], 0
        for sources, targets in rows:
            waiting.append(_keys(sources, targets, sizes[1]))
            held += len(waiting[-1])
            if held > len(keys):  # so that what is sorted again doubles
                keys, waiting, held = np.unique(np.concatenate([keys, *waiting])), [], 0
        keys = np.unique(np.concatenate([keys, *waiting]))
        same = np.ones(len(keys))
        return cls(sizes, keys, same, same, np.ones(sizes[1]), np.ones(sizes[0]), 0 * same)

    def improved(self, rows: Iterable[Rows]) -> "IbmModel":
        """After one more pass over the rows that it was made of."""
        forward, backward = np.zeros(len(self.keys)), np.zeros(len(self.keys))
        none_forward, none_backward = np.zeros(self.sizes[1]), np.zeros(self.sizes[0])
        for sources, targets in rows:
            seen, place = _seen(sources, targets, self.sizes[1])
            known = np.searchsorted(self.keys, seen)
            one, other = self._posteriors(sources, targets, known[place])
            forward[known] += np.bincount(place, one.links, len(seen))
            backward[known] += np.bincount(place, other.links, len(seen))
            none_forward += np.bincount(targets.values, one.none, self.sizes[1])
            none_backward += np.bincount(sources.values, other.none, self.sizes[0])
        source, target = self.keys // self.sizes[1], self.keys % self.sizes[1]
        return IbmModel(
            self.sizes,
            self.keys,
            forward / _at_least(np.bincount(source, forward, self.sizes[0]))[source],
            backward / _at_least(np.bincount(target, backward, self.sizes[1]))[target],
            none_forward / _at_least(none_forward.sum()),
            none_backward / _at_least(none_backward.sum()),
            (forward + backward) / 2,
        )

    def posteriors(self, sources: Ragged, targets: Ragged) -> tuple["Posterior", "Posterior"]:
        """What each target piece of some rows stands for, and each source piece. Pairs that were
        never seen have none."""
        seen, place = _seen(sources, targets, self.sizes[1])
        known = np.searchsorted(self.keys, seen)
        known = np.where(self.keys[np.minimum(known, len(self.keys) - 1)] == seen, known, -1)
        return self._posteriors(sources, targets, known[place])

    def _posteriors(
        self, sources: Ragged, targets: Ragged, entry: np.ndarray
    ) -> tuple["Posterior", "Posterior"]:
        pairs = pairs_of(sources, targets)
        near, new = np.exp(-TENSION * pairs.distance), entry < 0
        found = []
        for table, none, place, pieces in (
            (self.forward, self.none_forward, pairs.target, targets.values),
            (self.backward, self.none_backward, pairs.source, sources.values),
        ):
            mass = np.bincount(place, near, len(pieces))
            likely = (1 - NOTHING) * near / mass[place] * np.where(new, 0.0, table[entry])
            nothing = NOTHING * none[pieces]
            total = _at_least(np.bincount(place, likely, len(pieces)) + nothing)
            found.append(Posterior(likely / total[place], nothing / total))
        return found[0], found[1]


@dataclass(frozen=True)
class Posterior:
    """What pieces of one side stand for.

    Attributes:
        links: float64 `[pairs]`: the probability of each pair, in the order of `pairs_of`.
        none: float64 `[pieces]`: that a piece stands for nothing.
    """

    links: np.ndarray
    none: np.ndarray


def _keys(sources: Ragged, targets: Ragged, size: int) -> np.ndarray:
    return _seen(sources, targets, size)[0]


def _seen(sources: Ragged, targets: Ragged, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The keys of rows' pairs, each once, rising; and the place among them of each pair."""
    pairs = pairs_of(sources, targets)
    keys = sources.values[pairs.source].astype(np.int64) * size + targets.values[pairs.target]
    return np.unique(keys, return_inverse=True)


def _at_least(sums: np.ndarray) -> np.ndarray:
    """So that 0 / 0 is 0."""
    return np.maximum(sums, _TINY)
