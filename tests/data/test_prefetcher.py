import threading

import pytest

from tfkd.data.batches.prefetcher import Prefetcher


class Numbers:
    """Batch n is n; some fail."""

    def __init__(self, failing=None):
        self.failing = failing
        self.made = []
        self.changed = threading.Condition()

    def batch(self, number):
        if number == self.failing:
            raise OSError(f"batch {number} is gone")
        with self.changed:
            self.made.append(number)
            self.changed.notify_all()
        return number


def workers():
    return [thread for thread in threading.enumerate() if thread.name == "tfkd-prefetcher"]


def test_batches_come_in_order_from_the_start_to_the_stop():
    with Prefetcher(Numbers(), 5, 3, stop=25, prepare=lambda batch: batch * 10) as batches:
        assert batches.position == 5
        assert next(batches) == 50
        assert batches.position == 6
        assert list(batches) == [10 * number for number in range(6, 25)]
        with pytest.raises(StopIteration):
            next(batches)
        assert batches.waited >= 0
    assert not workers()


def test_no_more_than_depth_are_made_ahead():
    numbers = Numbers()
    with Prefetcher(numbers, 0, 3) as batches:
        for _ in range(4):
            next(batches)
        with numbers.changed:
            assert numbers.changed.wait_for(lambda: len(numbers.made) == 7, timeout=30)
            # One more would come at once if it came at all.
            assert not numbers.changed.wait_for(lambda: len(numbers.made) > 7, timeout=0.1)


def test_what_fails_in_the_thread_is_raised_where_its_batch_is_asked_for():
    with Prefetcher(Numbers(failing=4), 0, 8) as batches:
        assert [next(batches) for _ in range(4)] == [0, 1, 2, 3]
        for _ in range(2):
            with pytest.raises(OSError, match="batch 4 is gone"):
                next(batches)
    assert not workers()


def test_what_prepare_raises_surfaces_too():
    def prepare(batch):
        raise MemoryError("full")

    with Prefetcher(Numbers(), 0, prepare=prepare) as batches, pytest.raises(MemoryError):
        next(batches)


@pytest.mark.parametrize("read", [0, 3])
def test_closing_stops_the_thread(read):
    batches = Prefetcher(Numbers(), 0, 2)
    for _ in range(read):
        next(batches)
    batches.close()
    batches.close()
    assert not workers()
    with pytest.raises(RuntimeError, match="closed"):
        next(batches)


def test_closing_wakes_a_waiting_consumer():
    release = threading.Event()

    class Stuck:
        def batch(self, number):
            release.wait(30)

    batches = Prefetcher(Stuck(), 0)
    raised = []

    def consume():
        try:
            next(batches)
        except RuntimeError as error:
            raised.append(str(error))

    consumer = threading.Thread(target=consume)
    consumer.start()
    closer = threading.Thread(target=batches.close)
    closer.start()
    consumer.join(30)
    assert raised == ["the prefetcher is closed"]
    release.set()
    closer.join(30)
    assert not workers()


def test_an_error_in_the_consumer_leaves_no_thread():
    def consume():
        with Prefetcher(Numbers(), 0) as batches:
            raise KeyError(next(batches))

    with pytest.raises(KeyError):
        consume()
    assert not workers()
