"""Whether a training is to stop early: one decision of all of its hosts."""

from collections import deque
from typing import Any

from tfkd.training.hosts import Hosts
from tfkd.training.interruption import Interrupted, StopSignal, TimeLimit
from tfkd.training.step_function import ASKED, StepFunction

# Calls after which a host's wish to stop is read: far enough back not to wait for the device.
_LAG = 3


class Stopping:
    """Asks before each call of the graph whether there is time for it.

    Several hosts make the same steps: they stop where all have seen, in the statistics of a step,
    that one of them wants to.

    Args:
        function: Makes the steps, and tells the other hosts.
        hosts: The hosts that train.
        time_limit: None: there is none.
        steps: The most steps of one call.

    Attributes:
        signal: Notes the signals that ask this process to stop.
        time_limit: As given.
    """

    def __init__(
        self, function: StepFunction, hosts: Hosts, time_limit: TimeLimit | None, steps: int
    ):
        self._function, self._hosts, self._steps = function, hosts, steps
        self._wishes: deque[Any] = deque(maxlen=_LAG)
        self.signal, self.time_limit = StopSignal(), time_limit

    def take(self, statistics: Any) -> None:
        """Takes the last statistics of a call, without reading them."""
        self._wishes.append(statistics)

    def check(self, step: int, step_seconds: float, save_seconds: float) -> None:
        """Goes on, or not.

        Args:
            step: Steps made so far.
            step_seconds: What one takes.
            save_seconds: What a checkpoint takes.

        Raises:
            Interrupted: This host is to stop, and so are all.
        """
        reason = self._reason(step_seconds, save_seconds)
        if self._hosts.number > 1:
            self._function.asks_to_stop = reason is not None
            if not self._asked():
                return
            reason = reason or "another host was asked to stop, and so do all"
        if reason:
            raise Interrupted(f"{reason} after step {step}")

    def _reason(self, step_seconds: float, save_seconds: float) -> str | None:
        if self.signal.received:
            return f"stopped by {self.signal.received}"
        if self.time_limit is not None:
            # What a step and a checkpoint take must still fit.
            calls = 1 if self._hosts.number == 1 else _LAG + 1
            margin = 2 * (save_seconds + calls * self._steps * step_seconds)
            if self.time_limit.remaining <= margin:
                return "the time limit is reached"
        return None

    def _asked(self) -> bool:
        if len(self._wishes) < _LAG:
            return False
        wish = self._wishes[0].numpy()[self._function.names.index(ASKED)]
        return wish > 0
