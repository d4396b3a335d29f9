"""Batches made ahead by a thread."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol


class Batches(Protocol):
    """What makes batch n; a `Batcher`."""

    def batch(self, number: int) -> Any: ...


class Prefetcher:
    """Yields batches start, start + 1, ... in order, up to `depth` of them made ahead.

    The thread stops when the last batch is made, at `close`, or at the end of a `with` block. What
    it raises is raised by the `next` that asks for the batch which failed, after those before it,
    and by every `next` from then on.

    Args:
        batcher: What makes batch n.
        start: The first number.
        depth: How many are made ahead.
        stop: The number after the last; None: without end.
        prepare: Applied to each batch in the thread, for instance the copy to a device.

    Attributes:
        waited: Seconds that the consumer has waited so far.
    """

    def __init__(
        self,
        batcher: Batches,
        start: int = 0,
        depth: int = 4,
        *,
        stop: int | None = None,
        prepare: Callable[[Any], Any] | None = None,
    ):
        if depth < 1:
            raise ValueError(
                f"Invalid value for argument `depth`. Expected at least 1. Received: depth={depth}"
            )
        self._batcher, self._prepare = batcher, prepare
        self._next, self._stop, self._depth = start, stop, depth
        self._ready: deque[Any] = deque()
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._finished = False
        self._closed = False
        self.waited = 0.0
        # A daemon, so that a consumer which died without closing does not hold up the exit.
        self._thread = threading.Thread(target=self._work, name="tfkd-prefetcher", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        number = self._next
        try:
            while self._stop is None or number < self._stop:
                with self._changed:
                    self._changed.wait_for(lambda: self._closed or len(self._ready) < self._depth)
                    if self._closed:
                        return
                batch = self._batcher.batch(number)
                if self._prepare is not None:
                    batch = self._prepare(batch)
                number += 1
                with self._changed:
                    self._ready.append(batch)
                    self._changed.notify_all()
        except BaseException as error:
            self._error = error
        finally:
            with self._changed:
                self._finished = True
                self._changed.notify_all()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        begun = time.perf_counter()
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._finished or self._closed)
            self.waited += time.perf_counter() - begun
            if self._closed:
                raise RuntimeError("the prefetcher is closed")
            if self._ready:
                self._changed.notify_all()
                self._next += 1
                return self._ready.popleft()
            if self._error is not None:
                raise self._error
            raise StopIteration

    @property
    def position(self) -> int:
        """The number of the batch that `next` returns."""
        return self._next

    def close(self) -> None:
        """Stops the thread, waits for it, and drops what was made ahead. May be called again."""
        with self._changed:
            self._closed = True
            self._ready.clear()
            self._changed.notify_all()
        self._thread.join()

    def __enter__(self) -> "Prefetcher":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
