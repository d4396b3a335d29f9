"""One set of links of two directions' ones, and how it is written."""

from collections.abc import Iterable

import numpy as np

from tfkd.data.alignment.ibm_model import IbmModel
from tfkd.data.ragged import Ragged

Links = set[tuple[int, int]]
_AROUND = [(-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)]


def links_of(model: IbmModel, sources: Ragged, targets: Ragged, how: str) -> list[Links]:
    """The links (i, j) of each row, places of its source and target pieces.

    Each target piece links to the source piece that it most likely stands for, or to none; so does
    each source piece. What comes of the two sets `how` says; see `symmetrized`.
    """
    forward, backward = model.posteriors(sources, targets)
    found, start = [], 0
    for row, (m, n) in enumerate(zip(sources.lengths, targets.lengths, strict=True)):
        stop = start + m * n
        if stop == start:
            found.append(set())
            continue
        likely = forward.links[start:stop].reshape(m, n)
        best = likely.argmax(0)
        none = forward.none[targets.offsets[row] : targets.offsets[row + 1]]
        linked = np.flatnonzero(likely[best, np.arange(n)] > none)
        one = {(int(best[j]), int(j)) for j in linked}
        likely = backward.links[start:stop].reshape(m, n)
        best = likely.argmax(1)
        none = backward.none[sources.offsets[row] : sources.offsets[row + 1]]
        linked = np.flatnonzero(likely[np.arange(m), best] > none)
        found.append(symmetrized(one, {(int(i), int(best[i])) for i in linked}, how))
        start = stop
    return found


def symmetrized(forward: Links, backward: Links, how: str) -> Links:
    """One set of two directions' links.

    Args:
        forward: A link a target piece, at most.
        backward: A link a source piece, at most.
        how: `intersection`; `union`; or `grow_diag`: from the intersection, links of the union are
            added that are next to one that is there (straight or diagonally), where one of their
            two pieces has no link yet, until none is left. They are gone through in their order.

    Reference: Och and Ney, 2003; Koehn et al., 2003.
    """
    if how == "union":
        return forward | backward
    found = forward & backward
    if how == "intersection":
        return found
    sources, targets = {i for i, _ in found}, {j for _, j in found}
    waiting, grown = sorted((forward | backward) - found), True
    while grown:
        left, grown = [], False
        for i, j in waiting:
            if i in sources and j in targets:
                continue  # and so they stay
            if any((i + down, j + right) in found for down, right in _AROUND):
                found.add((i, j))
                sources.add(i)
                targets.add(j)
                grown = True
            else:
                left.append((i, j))
        waiting = left
    return found


def pharaoh(links: Iterable[tuple[int, int]]) -> str:
    """Links as Pharaoh and all after it write them: `0-0 1-2`, source and target counted from 0."""
    return " ".join(f"{i}-{j}" for i, j in sorted(links))
