"""Searches among the pieces that are likely of a source, in place of the whole vocabulary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import tensorflow as tf
from safetensors.numpy import load_file, save

from tfkd.data.files import write_atomically
from tfkd.decoding.hypotheses import IMPOSSIBLE, Hypotheses
from tfkd.decoding.search import Search, Specials


@dataclass(frozen=True)
class Shortlist:
    """Which target pieces may stand in a translation: those that are always listed, and of each
    piece of the source those listed for it; and the end.

    The soft-max goes over a source's own list: log p(y | x) - log p(list | x), higher than over the
    vocabulary by what the list leaves out. So outputs are those of the whole vocabulary wherever
    the search meets listed pieces alone and the parts that are left out do not turn its order; a
    source's output does not depend on the others in its batch, but for rounding: the product has
    the columns of all of a batch's lists.

    Attributes:
        best: int32 `[source pieces, n]`: what is listed for each; -1 for nothing.
        always: int32 `[m]`: what is always listed.

    Reference: Jean et al., 2015, section 3.3; L'Hostis et al., 2016. Marian's `--shortlist` is one
    list for all sources of a batch.
    """

    best: np.ndarray
    always: np.ndarray

    @classmethod
    def load(cls, path: str | Path) -> "Shortlist":
        """What `save` wrote."""
        return cls(**load_file(path))

    def save(self, path: str | Path) -> None:
        """Writes a safetensors file with the attributes as tensors, whole or not at all."""
        write_atomically(path, save(dict(vars(self))))

    def pieces(self, source: Sequence[int], specials: Specials) -> np.ndarray:
        """int64, rising: the list of one source, the end on it, other special pieces not.

        Args:
            source: Its ids, the end counted.
            specials: The target's.
        """
        listed = {*self.always.tolist(), *self.best[np.asarray(source)].ravel().tolist()}
        never = {-1, *(int(one) for one in specials.special_ids)}
        return np.array(sorted((listed - never) | {int(specials.end_id)}), np.int64)

    def allowed(self, source: Mapping[str, tf.Tensor], specials: Specials) -> tf.Tensor:
        """bool `[rows, vocabulary]`: whether a piece is on a row's list.

        Args:
            source: `ids` int32 and `valid` bool `[rows, length]`.
            specials: The target's.
        """
        size, end = int(specials.size), int(specials.end_id)
        fixed = np.zeros(size, bool)
        fixed[self.always] = True
        fixed[[int(one) for one in specials.special_ids]] = False
        fixed[end] = True
        # What is nothing, or special, counts as the end, which is on the list anyway.
        best = np.where(np.isin(self.best, [-1, *specials.special_ids]), end, self.best)
        ids = tf.where(source["valid"], source["ids"], 0)
        found = tf.gather(tf.constant(best, tf.int32), ids)
        found = tf.where(source["valid"][..., None], found, end)
        rows = tf.shape(ids)[0]
        found = tf.reshape(found, [rows, -1])
        places = tf.reshape(found + tf.range(rows)[:, None] * size, [-1, 1])
        marks = tf.scatter_nd(places, tf.ones_like(places[:, 0]), [rows * size])
        return (tf.reshape(marks, [rows, size]) > 0) | tf.constant(fixed)


def search_listed(
    search: Search,
    model: Any,
    source: Mapping[str, tf.Tensor],
    max_lengths: tf.Tensor,
    specials: Specials,
) -> Hypotheses:
    """What a search finds with a model's `shortlist`; arguments as those of `Search`.

    The output layer is computed for what is on any list of the batch. A search that is `over_lists`
    goes through these alone, by their places; another sees all pieces, those that are on no list as
    impossible.
    """
    listed = _Listed(model, source, specials, by_place=search.over_lists)
    found = search(listed, source, max_lengths, listed.specials)
    if not search.over_lists:
        return found
    return found._replace(ids=tf.gather(listed.pieces, found.ids))


class _Listed:
    """A model over the pieces that are on any list of a batch; of each row its own are possible.

    Attributes:
        pieces: int32 `[listed]`: the special pieces, then all others that are listed, rising.
        specials: Those of the target; by place, where the search goes by places.
    """

    def __init__(
        self, model: Any, source: Mapping[str, tf.Tensor], specials: Specials, by_place: bool
    ):
        self._model, self._by_place, size = model, by_place, int(specials.size)
        self._of = specials
        marked = ("pad_id", "start_id", "end_id")
        first = {int(getattr(specials, name)) for name in marked}
        first = sorted(first | {int(one) for one in specials.special_ids})
        allowed = model.shortlist.allowed(source, specials)
        others = np.ones(size, bool)
        others[first] = False
        rest = tf.where(tf.reduce_any(allowed, 0) & tf.constant(others))[:, 0]
        self.pieces = tf.concat([tf.constant(first, tf.int32), tf.cast(rest, tf.int32)], 0)
        self._read = source["ids"], allowed
        self._columns = model.head.columns(self.pieces)
        self.specials: Any = specials
        self.vocabulary_size: Any = size
        if by_place:
            places = {name: first.index(int(getattr(specials, name))) for name in marked}
            self.vocabulary_size = tf.size(self.pieces)
            self.specials = SimpleNamespace(
                size=self.vocabulary_size, special_ids=(places["end_id"],), **places
            )

    def start(self, source: Mapping[str, tf.Tensor]) -> dict[str, Any]:
        """See `tfkd.models.EncoderDecoder`; each row's list is a part of its state."""
        ids, allowed = self._read
        if source["ids"] is not ids:  # a search may repeat rows
            allowed = self._model.shortlist.allowed(source, self._of)
        penalty = tf.where(tf.gather(allowed, self.pieces, axis=1), 0.0, IMPOSSIBLE)
        return {"model": self._model.start(source), "penalty": penalty}

    def step(
        self, ids: tf.Tensor, state: dict[str, Any], index: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, Any]]:
        """See `tfkd.models.EncoderDecoder`: float32 `[rows, listed]`, or `[rows, vocabulary]`."""
        if self._by_place:
            ids = tf.gather(self.pieces, ids)
        logits, after = self._model.step(ids, state["model"], index, columns=self._columns)
        logits += state["penalty"]
        if not self._by_place:
            nothing = tf.fill([self.vocabulary_size, tf.shape(logits)[0]], IMPOSSIBLE)
            places = self.pieces[:, None]
            whole = tf.tensor_scatter_nd_update(nothing, places, tf.transpose(logits))
            logits = tf.ensure_shape(tf.transpose(whole), [None, self.vocabulary_size])
        return logits, {"model": after, "penalty": state["penalty"]}
