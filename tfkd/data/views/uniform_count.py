"""Mask-Predict's masks: any number of a sentence's tokens, each number as likely."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfkd.data.layouts import SpecialTokens
from tfkd.data.views.base import Draws, Record, SequenceView, record
from tfkd.data.views.corruption import check_shares, ordinary_ids, replace_by_shares

NUMBERS = ("all", "all_but_one")


class UniformCountView(SequenceView):
    """n of a text's L tokens are chosen, n uniform on 1 ... L, and which ones uniform too.

    The [SEP] at a text's end is one of the L: what ends an output is predicted like a word.

    Args:
        replace: Shares of [MASK], random words and kept words. P3's text always uses [MASK], its
            official code 80, 10, 10. Random words are never special tokens.
        most: "all": n up to L; "all_but_one": up to L - 1, as Mask-Predict draws it (1 where L is
            1).
        tokenizer, specials, name, max_length: As in `SequenceView`.

    Reference: Ghazvininejad et al. 2019, Mask-Predict, section 3.2; P3, section 3.3.
    """

    kind = "uniform_count"

    def __init__(
        self,
        tokenizer: str,
        specials: SpecialTokens,
        *,
        replace: Sequence[float] = (100, 0, 0),
        most: str = "all",
        name: str = "uniform_count",
        max_length: int | None = 256,
    ):
        super().__init__(tokenizer, specials, name=name, max_length=max_length)
        if most not in NUMBERS:
            raise ValueError(
                f"Invalid value for argument `most`. Expected one of {', '.join(NUMBERS)}. "
                f"Received: most={most!r}"
            )
        self.replace = check_shares(replace)
        self.most = most
        self._ordinary = ordinary_ids(specials)

    def salt(self) -> str:
        return f"{self.kind}/{self.replace}/{self.most}"

    def corrupt(self, sequence: dict[str, np.ndarray], draws: Draws) -> Record:
        ids, width = sequence["ids"], sequence["ids"].shape[1]
        allowed = texts(sequence)
        selected = choose_count(
            allowed,
            draws.one("count"),
            draws.each("order", width),
            spared=1 if self.most == "all_but_one" else 0,
        )
        replaced = replace_by_shares(
            ids,
            selected,
            self.replace,
            draws.each("action", width),
            draws.each("word", width),
            self.specials.mask_id,
            self._ordinary,
        )
        return record(sequence, replaced, selected)


def texts(sequence: dict[str, Any]) -> np.ndarray:
    """Every position of a sequence but [CLS], the [SEP]s included, bool `[B, T]`."""
    column = np.arange(sequence["ids"].shape[1])
    return sequence["valid"] & (column >= sequence["first_start"][:, None])


def choose_count(
    allowed: np.ndarray, count: np.ndarray, order: np.ndarray, *, spared: int = 0
) -> np.ndarray:
    """Chooses n of the allowed positions, n uniform on 1 ... max(1, L - spared).

    Args:
        allowed: bool `[B, T]`; L of a row are True. Rows without any get no choice.
        count: float64 `[B]`, uniform: how many.
        order: float64 `[B, T]`, uniform: the n smallest are chosen.
        spared: How many are never chosen, where there are more than that.

    Returns:
        bool `[B, T]`.
    """
    total = allowed.sum(1)
    highest = np.maximum(total - spared, np.minimum(total, 1))
    number = np.minimum((count * highest).astype(np.int64) + 1, highest)
    rank = np.argsort(np.argsort(np.where(allowed, order, 2.0), 1, kind="stable"), 1)
    return allowed & (rank < number[:, None])
