"""Sequences whose items are made when they are asked for."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


class Lazily(Sequence[T]):
    """Items by their numbers, each made once, when it is first asked for.

    Args:
        make: Makes the item of a number.
        count: How many there are.
    """

    def __init__(self, make: Callable[[int], T], count: int):
        self._make, self._count = make, count
        self._made: dict[int, T] = {}
        # A prefetcher's thread and the main one may both ask.
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> Any:
        if not 0 <= number < self._count:
            raise IndexError(f"Item {number} of {self._count}.")
        with self._lock:
            if number not in self._made:
                self._made[number] = self._make(number)
            return self._made[number]
