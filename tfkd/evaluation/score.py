"""A figure with its 95 % interval and the signature that makes it repeatable."""

from dataclasses import dataclass
from typing import Any

# Metrics of which less is better; of all others more is.
LOWER_IS_BETTER = frozenset(
    {"loss", "perplexity", "entropy", "word_perplexity", "word_perplexity_with_line_ends"}
)


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


def higher_is_better(metric: str) -> bool:
    """Whether more of this metric is better."""
    return metric not in LOWER_IS_BETTER
