"""The target pieces that a source piece is likely translated by."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

from tfkd.data.alignment.ibm_model import IbmModel
from tfkd.data.files import write_atomically

# The most target pieces that are kept of a source piece.
KEPT = 256


@dataclass(frozen=True)
class Lexicon:
    """p(t | s) = links(s, t) / sum over t' of links(s, t'), of each source piece's likeliest t.

    Attributes:
        offsets: int64 `[source pieces + 1]`: where each source piece's entries begin.
        ids: int32 `[entries]`: their target pieces, the likeliest first.
        probabilities: float32 `[entries]`.
        counts: int64 `[target pieces]`: how often each stands in the corpus.
    """

    offsets: np.ndarray
    ids: np.ndarray
    probabilities: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, model: IbmModel, counts: np.ndarray, kept: int = KEPT) -> "Lexicon":
        """That of expected links; of equally likely pieces the lower number comes first."""
        size = model.sizes[1]
        used = model.links > 0
        source, target = model.keys[used] // size, model.keys[used] % size
        links = model.links[used]
        order = np.lexsort((target, -links, source))
        source, target, links = source[order], target[order], links[order]
        sums = np.bincount(source, links, model.sizes[0])
        starts = np.searchsorted(source, np.arange(model.sizes[0] + 1))
        stays = np.arange(len(source)) - starts[source] < kept
        offsets = np.zeros(model.sizes[0] + 1, np.int64)
        np.cumsum(np.bincount(source[stays], minlength=model.sizes[0]), out=offsets[1:])
        shares = (links / sums[source])[stays].astype(np.float32)
        return cls(offsets, target[stays].astype(np.int32), shares, counts.astype(np.int64))

    @classmethod
    def load(cls, path: Path) -> "Lexicon":
        """What `save` wrote."""
        return cls(**load_file(path))

    def save(self, path: Path) -> None:
        """Writes a safetensors file with the attributes as tensors, whole or not at all."""
        write_atomically(path, save(dict(vars(self))))

    def best(self, count: int) -> np.ndarray:
        """int32 `[source pieces, count]`: each one's likeliest; -1 where it has fewer."""
        lengths = np.minimum(np.diff(self.offsets), count)
        inside = np.arange(count) < lengths[:, None]
        found = np.full((len(lengths), count), -1, np.int32)
        found[inside] = self.ids[(self.offsets[:-1, None] + np.arange(count))[inside]]
        return found

    def frequent(self, count: int) -> np.ndarray:
        """int32 `[count]`: the target pieces that stand most often, the most frequent first; fewer
        where fewer stand anywhere."""
        order = np.lexsort((np.arange(len(self.counts)), -self.counts))[:count]
        return order[self.counts[order] > 0].astype(np.int32)
