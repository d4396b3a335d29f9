import threading
import time

import pytest

from tfkd.data.side_by_side import side_by_side


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_items_order(workers):
    def slow_at_first(item):
        time.sleep(0.02 / (item + 1))
        return item * item

    found = list(side_by_side(slow_at_first, range(9), workers))
    assert found == [(item, item * item) for item in range(9)]


def test_as_many_as_there_are_workers_run_at_once():
    meeting = threading.Barrier(3, timeout=10)  # breaks where fewer come
    assert len(list(side_by_side(lambda item: meeting.wait(), range(6), 3))) == 6


def test_items_are_not_drawn_far_ahead():
    drawn = []

    def items():
        for item in range(100):
            drawn.append(item)
            yield item

    results = side_by_side(lambda item: item, items(), 2)
    next(results)
    assert len(drawn) <= 4
    results.close()


def test_an_error_comes_to_the_caller():
    def fail(item):
        raise KeyError(item)

    with pytest.raises(KeyError):
        list(side_by_side(fail, range(3), 2))
