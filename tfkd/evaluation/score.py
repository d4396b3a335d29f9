"""A figure with its 95 % interval and the signature that makes it repeatable."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Score:
    """A corpus figure.

    Attributes:
        name: The metric's, as in specs: `bleu`, `rouge_l`, `loss`, ...
        value: The figure: 0 to 100 for BLEU, chrF and ROUGE, nats a token for the loss, 0 to 1 for
            accuracy.
        low: The lower end of the 95 % bootstrap interval; None where rows were not given.
        high: Its upper end.
        signature: What was counted and how, in sacreBLEU's form `key:value|...`.
    """

    name: str
    value: float
    low: float | None
    high: float | None
    signature: str

    def as_dict(self) -> dict[str, Any]:
        """The form of results.json: `{"value", "low", "high", "signature"}`."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "signature": self.signature,
        }


def shown_difference(
    value: float, against: float, decimals: int, against_decimals: int | None = None
) -> float:
    """The difference of two scores as they are shown: each is rounded, then they are subtracted, so
    that whoever subtracts what stands there finds the same.

    >>> shown_difference(31.446, 31.154, 2), round(31.446 - 31.154, 2)
    (0.3, 0.29)

    Args:
        value, against: The scores.
        decimals: Those that the first is shown with.
        against_decimals: Those of the second; None: the same.
    """
    others = decimals if against_decimals is None else against_decimals
    difference = round(value, decimals) - round(against, others)
    return round(difference, max(decimals, others)) + 0.0  # no minus before a 0
