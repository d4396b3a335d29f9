"""MASS: an encoder-decoder that writes the hidden half of a sentence."""

from collections.abc import Mapping, Sequence

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.layouts import SpecialTokens, alone, rounded_width
from tfkd.data.views.base import Draws, Record, Visits
from tfkd.data.views.corruption import check_shares, ordinary_ids, replace_by_shares
from tfkd.spec.errors import UserError

SIDES = ("source", "target")


class MassView:
    """One segment of a text is hidden from the encoder, and is what the decoder predicts.

    The encoder reads `x' [SEP]`. Of the text's n tokens x_1 ... x_n, [SEP] the last of them, the
    segment takes m = max(1, round(share n)), but never all, so that a text without words predicts
    nothing. Each token of the segment becomes [MASK], a random word or stays, by itself; all else
    stays. The decoder is fed x_(u-1) at position u - 1 and predicts x_u, for the segment's tokens
    alone; x_0 is [CLS]. So a token has the position that it has in a whole target, and the segment
    goes on from the last token before it. The decoder does not attend to encoder states whose input
    is [MASK].

    A record is `{"source": {"ids", "valid", "memory_valid"}, "target": {"ids", "valid",
    "positions", "labels", "selected"}}`: int32 and bool, `[B, n]` and `[B, m]`.

    Args:
        tokenizer: The name of both sides' tokenizer, as the example set's parts know it.
        specials: Its special tokens.
        share: The segment's share of the tokens.
        start: Shares of segments at the front, at the end and anywhere, each place as likely.
        replace: Shares of [MASK], random words and kept words.
        end: Whether [SEP] is one of the tokens; else it is never hidden and never predicted.
        side: What is read of pairs, "source" or "target"; of a text, the text.
        hide_masked: Whether encoder states whose input is [MASK] are out of the decoder's sight.
        name: The view's key in a batch.

    References:
        Song et al. 2019, MASS, sections 3.2 and 4.1; LightPAFF, section 5. Places, rounding and the
        end that counts as a token are those of MASS's code for unsupervised translation; that for
        supervised translation hides the tokens after those that it predicts, so that the first
        predicted one stays visible, and replaces tokens that the decoder is fed.
    """

    kind = "mass"
    layout = "pair"
    max_length = None

    def __init__(
        self,
        tokenizer: str,
        specials: SpecialTokens,
        *,
        share: float = 0.5,
        start: Sequence[float] = (20, 20, 60),
        replace: Sequence[float] = (80, 10, 10),
        end: bool = True,
        side: str = "source",
        hide_masked: bool = True,
        name: str = "mass",
    ):
        if not 0 < share <= 1:
            raise ValueError(
                f"Invalid value for argument `share`. Expected 0 < share <= 1. Received: {share}"
            )
        if side not in SIDES:
            raise ValueError(
                f"Invalid value for argument `side`. Expected one of {', '.join(SIDES)}. Received: "
                f"side={side!r}"
            )
        self.name = name
        self.source = self.target = tokenizer
        self.specials = specials
        self.share = float(share)
        self.start = check_shares(start, "start", "front, end, anywhere")
        self.replace = check_shares(replace)
        self.end = bool(end)
        self.side = side
        self.hide_masked = bool(hide_masked)
        self._field = ("text", side)
        self._ordinary = ordinary_ids(specials)

    def salt(self) -> str:
        """What tells this view's draws from others': its kind and options, not its name."""
        return f"{self.kind}/{self.share}/{self.start}/{self.replace}/{self.end}/{self.side}"

    def lengths(self, example_set: ExampleSet) -> dict[str, np.ndarray]:
        """See `View.lengths`: the whole text, and the segment (at least 1, which a row takes)."""
        if not example_set.has(self._field, self.source).all():
            raise UserError(
                f"view {self.name}: a corpus has neither a field `text` nor `{self.side}` in "
                f"tokenizer {self.source}; give it one of them, or the view another `side`"
            )
        words = example_set.lengths(self._field, self.source)
        segment = segment_lengths(words + self.end, self.share, whole=not self.end)
        return {"source": words + 1, "target": np.maximum(segment, 1)}

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
        sequence = alone(
            example_set.take(self._field, self.source, examples),
            self.specials,
            present=examples >= 0,
            pad_to=pad_to,
            width=widths["source"] if widths else None,
        )
        draws = Draws(seed, epoch, examples, self.salt())
        tokens = np.maximum(sequence["first_length"] - (not self.end), 0)
        length = segment_lengths(tokens, self.share, whole=not self.end)
        first = segment_starts(tokens, length, self.start, draws.one("where"), draws.one("start"))
        width = widths["target"] if widths else rounded_width(int(length.max(initial=0)), pad_to)
        source = self._hide(sequence, first, length, draws)
        return {"source": source, "target": self._segment(sequence["ids"], first, length, width)}

    def _hide(
        self,
        sequence: Mapping[str, np.ndarray],
        first: np.ndarray,
        length: np.ndarray,
        draws: Draws,
    ) -> Record:
        """The source with its segment replaced, and the states that the decoder sees."""
        column = np.arange(sequence["ids"].shape[1])
        ids = replace_by_shares(
            sequence["ids"],
            (column >= first[:, None]) & (column < (first + length)[:, None]),
            self.replace,
            draws.each("action", len(column)),
            draws.each("word", len(column)),
            self.specials.mask_id,
            self._ordinary,
        )
        source = {"ids": ids, "valid": sequence["valid"]}
        if self.hide_masked:
            source["memory_valid"] = sequence["valid"] & (ids != self.specials.mask_id)
        return source

    def _segment(
        self, clean: np.ndarray, first: np.ndarray, length: np.ndarray, width: int
    ) -> Record:
        """What the decoder reads and predicts, `[B, width]`."""
        column = np.arange(width)
        valid = column < length[:, None]
        place = np.where(valid, first[:, None] + column, 0)
        before = np.take_along_axis(clean, np.maximum(place - 1, 0), 1)
        before = np.where(place == 0, np.int32(self.specials.start_id), before)
        padding = np.int32(self.specials.pad_id)
        return {
            "ids": np.where(valid, before, padding),
            "valid": valid,
            "positions": place.astype(np.int32),
            "labels": np.where(valid, np.take_along_axis(clean, place, 1), padding),
            "selected": valid.copy(),
        }


def segment_lengths(tokens: np.ndarray, share: float, *, whole: bool = False) -> np.ndarray:
    """max(1, round(share n)) of each text's n tokens, but at most n - 1; int64 `[B]`.

    Args:
        tokens: int `[B]`, n.
        share: The share, rounded to even at halves.
        whole: Whether a segment may be all of the n tokens.
    """
    tokens = np.asarray(tokens, np.int64)
    wanted = np.maximum(np.round(tokens * share).astype(np.int64), 1)
    return np.minimum(wanted, np.maximum(tokens if whole else tokens - 1, 0))


def segment_starts(
    tokens: np.ndarray,
    lengths: np.ndarray,
    shares: Sequence[float],
    where: np.ndarray,
    start: np.ndarray,
) -> np.ndarray:
    """The first place of a segment in each text, from 0.

    Args:
        tokens: int `[B]`, n.
        lengths: int `[B]`, the segments' m.
        shares: Of segments at the front, at the end, and anywhere: uniform on 0 ... n - m.
        where: float64 `[B]`, uniform: which of the three.
        start: float64 `[B]`, uniform: the place anywhere.

    Returns:
        int64 `[B]`.
    """
    total = float(sum(shares))
    front, end = shares[0] / total, (shares[0] + shares[1]) / total
    last = np.asarray(tokens, np.int64) - lengths
    anywhere = (start * (last + 1)).astype(np.int64)
    return np.where(where < front, 0, np.where(where < end, last, anywhere))
