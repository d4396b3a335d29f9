"""Batches that nothing orders, several at once."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item, Result = TypeVar("Item"), TypeVar("Result")


# What of a machine is this process's, of one that shares it: see `use_cores`.
_cores: int | None = None
_threads: int | None = None


def use_cores(number: int, threads: int | None = None) -> None:
    """Leaves processors to other processes: `cores` is at most `number` from now on.

    Args:
        number: How many are this process's.
        threads: How many of them an operation of TensorFlow has; None: TensorFlow says it.
    """
    global _cores, _threads
    _cores, _threads = number, threads


def cores() -> int:
    """Processors that this process may use."""
    found = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return found if _cores is None else min(found, _cores)


def side_by_side(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int | None = None
) -> Iterator[tuple[Item, Result]]:
    """Yields each item with its result, in the items' order.

    Where TensorFlow has fewer threads for one operation than there are cores
    (see `tfkd.training.cores`), the rest takes other batches in the meantime.

    Args:
        function: Called in threads, on several items at once; TensorFlow leaves Python's lock while
            it computes.
        items: Drawn no further ahead than there are workers.
        workers: How many; None: as many as leave no core without work.
    """
    workers = workers or _free_workers()
    if workers == 1:
        yield from ((item, function(item)) for item in items)
        return
    with ThreadPoolExecutor(workers) as threads:
        under_way: deque = deque()
        try:
            for item in items:
                under_way.append((item, threads.submit(function, item)))
                if len(under_way) > workers:
                    first, future = under_way.popleft()
                    yield first, future.result()
            while under_way:
                first, future = under_way.popleft()
                yield first, future.result()
        finally:
            for _, future in under_way:
                future.cancel()


def _free_workers() -> int:
    if _threads is not None:
        return max(1, cores() // _threads)
    import tensorflow as tf

    threads = tf.config.threading.get_intra_op_parallelism_threads()
    return max(1, cores() // threads) if threads else 1
