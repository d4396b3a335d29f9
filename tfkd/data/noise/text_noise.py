"""Noise on the texts of rows: which rows are hit by what, and what becomes of them."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from tfkd.data import stateless
from tfkd.data.noise import changes
from tfkd.data.transforms import text_fields
from tfkd.spec.options.text_noise import TextNoiseOptions

_OF_WORDS = {"joined": changes.joined, "split": changes.split, "typos": changes.typos}


def sides_of(fields: Sequence[str], swap: bool = False) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields of a corpus that are its source and its target: of rows without two sides, all
    texts and none."""
    if {"source", "target"} <= {*fields}:
        return (("target",), ("source",)) if swap else (("source",), ("target",))
    return tuple(fields[index] for index in text_fields(fields)), ()


class TextNoise:
    """Noise that is a function of (seed, variant, row) and the row's texts alone.

    Each kind hits each row with the probability that is its share, whatever else hits it; upper and
    title case exclude each other. Kinds are applied in the order punctuation, joined, split, typos,
    case, tags: a tag stays as it is written.

    Args:
        options: The kinds with their shares.
        fields: The corpus's fields.
        variant: Other variants draw other numbers.
        swap: Source and target change places.

    Attributes:
        changed: The fields that may be changed.
    """

    def __init__(
        self,
        options: TextNoiseOptions,
        fields: Sequence[str],
        *,
        variant: int = 0,
        swap: bool = False,
    ):
        self._options, self._variant = options, variant
        self._source, self._target = sides_of(fields, swap)
        self.changed = self._source + (self._target if options.changes_target else ())

    def __call__(
        self, rows: np.ndarray, texts: Mapping[str, Sequence[str]]
    ) -> dict[str, list[str]]:
        """The texts of some rows with noise.

        Args:
            rows: int64 `[B]`, the rows' numbers in their corpus.
            texts: The rows' texts by field, those of `changed` at least.

        Returns:
            `[B]` texts by field, of the fields in `changed`.
        """
        found = {field: list(texts[field]) for field in self.changed}
        options = self._options
        if (one := options.punctuation) is not None:
            drop = partial(changes.without_punctuation, everywhere=one.at == "all")
            self._apply(found, self._fields(one.sides), self._hit("punctuation", rows, one), drop)
        for kind, change in _OF_WORDS.items():
            if (one := getattr(options, kind)) is not None:
                self._words(found, rows, self._hit(kind, rows, one), kind, change, one.rate)
        self._case(found, rows)
        if options.tags is not None:
            self._tags(found, rows)
        return found

    def _fields(self, sides: str) -> tuple[str, ...]:
        return self._source + (self._target if sides == "both" else ())

    def _keys(self, purpose: str, rows: np.ndarray) -> np.ndarray:
        return stateless.keys(self._options.seed, self._variant, rows, f"noise/{purpose}")

    def _numbers(self, purpose: str, rows: np.ndarray, count: int = 1) -> np.ndarray:
        """Uniform numbers `[B, count]`."""
        return stateless.uniform(self._keys(purpose, rows), count)

    def _hit(self, kind: str, rows: np.ndarray, options) -> np.ndarray:
        return np.flatnonzero(self._numbers(kind, rows)[:, 0] < options.share)

    def _apply(self, found, fields: Sequence[str], hit: np.ndarray, change) -> None:
        for field in fields:
            for at in hit:
                found[field][at] = change(found[field][at])

    def _words(self, found, rows: np.ndarray, hit: np.ndarray, kind: str, change, rate) -> None:
        for field in self._source:
            keys = self._keys(f"{kind}/{field}", rows[hit])
            for place, at in enumerate(hit):
                draws = partial(_drawn, keys[place : place + 1])
                found[field][at] = change(found[field][at], rate, draws)

    def _case(self, found, rows: np.ndarray) -> None:
        number, before = self._numbers("case", rows)[:, 0], 0.0
        for one, change in (
            (self._options.upper, changes.upper),
            (self._options.title, changes.title),
        ):
            if one is None:
                continue
            hit = np.flatnonzero((number >= before) & (number < before + one.share))
            self._apply(found, self._fields(one.sides), hit, change)
            before += one.share

    def _tags(self, found, rows: np.ndarray) -> None:
        options = self._options.tags
        hit = self._hit("tags", rows, options)
        which, where = self._numbers("tag", rows[hit], 2).T
        for at, tag, behind in zip(hit, which * len(options.of), where >= 0.5, strict=True):
            tag = options.of[int(tag)]
            for field in self._fields(options.sides):
                text = found[field][at]
                found[field][at] = (
                    f"{tag} {text}"
                    if options.at == "start"
                    else changes.tagged(text, tag, behind=bool(behind))
                )


def _drawn(key: np.ndarray, count: int) -> np.ndarray:
    """The first uniform numbers of one key, `[count]`."""
    return stateless.uniform(key, count)[0]
