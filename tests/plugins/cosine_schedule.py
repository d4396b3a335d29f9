"""A schedule of one's own: half a cosine from the rate to nothing.

Joined by `--plugin cosine_schedule`; then `schedule: {kind: cosine, rate: 1e-3, warmup: 100}`.
"""

import math
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from tfkd.spec.options.base import Options
from tfkd.spec.registry import register as add


class CosineOptions(Options):
    """Up to the rate, then down by half a cosine."""

    kind: Literal["cosine"] = Field("cosine", description="Its form.")
    rate: float = Field(1e-3, gt=0, description="The highest rate.")
    warmup: int = Field(0, ge=0, description="Steps of linear warm-up.")


@dataclass(frozen=True, kw_only=True)
class Cosine:
    """rate * s / W up to step W, then rate * (1 + cos(pi (s - W) / (S + 1 - W))) / 2.

    Args:
        steps: All steps of the training, S.
        rate: The highest rate.
        warmup: W.

    Reference: Loshchilov and Hutter, 2017, SGDR, equation 5.
    """

    steps: int
    rate: float
    warmup: int = 0

    def __call__(self, step: int) -> float:
        if step <= self.warmup:
            return self.rate * step / self.warmup
        way = (step - self.warmup) / (self.steps + 1 - self.warmup)
        return self.rate * (1 + math.cos(math.pi * way)) / 2


def register() -> None:
    """Called when the plugin joins."""
    summary = "Up to the rate, then down by half a cosine"
    target = "cosine_schedule:Cosine"
    add("schedule", "cosine", options=CosineOptions, target=target, summary=summary)
