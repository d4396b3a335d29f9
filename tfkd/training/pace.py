"""How fast a training goes, without what it does beside its steps."""

import time
from typing import Any

from tfkd.data.batches.prefetcher import Prefetcher
from tfkd.training.optimization.updates import Updates


class Pace:
    """The speed since the last line of the history.

    Attributes:
        step_seconds: What a step took, by the last line, without the call that made the graph; 0
            before.
    """

    def __init__(self) -> None:
        self.step_seconds = 0.0
        self._aside = (0.0, 0)

    def begin(self, updates: Updates, batches: Prefetcher) -> None:
        """Starts anew: validations and checkpoints are no part of it."""
        self._start = time.monotonic()
        self._step, self._tokens = updates.step, updates.tokens
        self._waited = batches.waited

    def set_aside(self, seconds: float, steps: int) -> None:
        """Notes the call that made the graph, which no later step does: of the steps until the next
        line these are not counted for `step_seconds`, where there are others."""
        self._aside = (seconds, steps)

    def leave_out(self, seconds: float) -> None:
        """Takes time that went into something else off."""
        self._start += seconds

    def measure(self, updates: Updates, batches: Prefetcher) -> dict[str, Any]:
        """`{"tokens_per_second", "waiting_share"}` since `begin`; waiting is for batches."""
        elapsed = max(time.monotonic() - self._start, 1e-9)
        (seconds, steps), self._aside = self._aside, (0.0, 0)
        made = updates.step - self._step
        if made <= steps:
            seconds = steps = 0
        self.step_seconds = max(elapsed - seconds, 0.0) / max(1, made - steps)
        return {
            "tokens_per_second": round((updates.tokens - self._tokens) / elapsed, 1),
            "waiting_share": round((batches.waited - self._waited) / elapsed, 4),
        }
