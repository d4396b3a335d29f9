"""The share of a training's time that waits for data, by a clock of the test's own."""

import threading
import time
from types import SimpleNamespace

import pytest
from rings import few
from training_fakes import Batcher, distiller

from tfkd.data.batches import prefetcher
from tfkd.training import Adam, TrainSettings, read_history, train, waiting_share


class Clock:
    """Seconds that pass only where the test says so.

    The trainer asks for the time before it waits for a batch and after: each first time allows the
    thread that makes batches one more, so that nothing is made before it is asked for.
    """

    def __init__(self):
        self.now, self._asked = 0.0, 0
        self.allowed = threading.Semaphore(0)

    def monotonic(self):
        return self.now

    def perf_counter(self):
        self._asked += 1
        now = self.now
        if self._asked % 2:
            self.allowed.release()
        return now


class SlowBatcher(Batcher):
    """Batches that take `seconds(n)` each."""

    def __init__(self, clock, seconds):
        super().__init__()
        self.clock, self.seconds = clock, seconds

    def batch(self, number):
        assert self.clock.allowed.acquire(timeout=60)
        self.clock.now += self.seconds(number)
        return super().batch(number)


class OneSecond:
    """A schedule whose rate takes a second to find: that much of a step is no waiting."""

    def __init__(self, clock):
        self.clock = clock

    def __call__(self, update):
        self.clock.now += 1.0
        return 0.01


def trained(monkeypatch, folder, seconds, clock=None, **options):
    clock = clock or Clock()
    monkeypatch.setattr(prefetcher, "time", SimpleNamespace(perf_counter=clock.perf_counter))
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    said = []
    result = train(
        distiller(),
        SlowBatcher(clock, seconds),
        TrainSettings(
            steps=8,
            optimizer=Adam(),
            schedule=OneSecond(clock),
            folder=folder,
            progress=False,
            say=said.append,
            tensorboard=False,
            **options,
        ),
    )
    return [line for line in read_history(result.history) if "loss" in line], said


@pytest.mark.parametrize(("seconds", "share"), few([(0.0, 0.0), (1.0, 0.5), (9.0, 0.9)], 1))
def test_slow_data_is_waited_for(tmp_path, monkeypatch, seconds, share):
    lines, said = trained(monkeypatch, tmp_path, lambda number: seconds, log_every=4)
    assert [line["waiting_share"] for line in lines] == [share, share]
    assert [f"{share:.0%} waiting".replace("%", " %") in line for line in said] == [True, True]
    assert waiting_share(lines) == pytest.approx(share)


def test_lines_count_by_their_seconds_and_validations_by_none(tmp_path, monkeypatch):
    """Four steps wait 3 seconds each, four not at all; a validation's 100 seconds are no step's."""
    clock = Clock()

    def validate(student):
        clock.now += 100.0
        return {"loss": 1.0}

    lines, _ = trained(
        monkeypatch, tmp_path, lambda number: 3.0 * (number < 4), clock, log_every=4,
        validate=validate, validate_every=2, save_every_seconds=1e9,
    )  # fmt: skip
    assert [line["waiting_share"] for line in lines] == [0.75, 0.0]
    assert waiting_share(lines) == pytest.approx(12 / 20, abs=0.01)  # of rounded speeds


def test_without_lines_nothing_is_known():
    assert waiting_share([]) is None
    assert waiting_share([{"step": 2, "validation": {"loss": 1.0}}]) is None


def test_the_time_that_is_left_has_no_compilation_in_it(monkeypatch, tmp_path):
    """The first call makes the graph, which no step after it does."""

    class Compiling(OneSecond):
        def __call__(self, update):
            self.clock.now += 100.0 * (update == 1)
            return super().__call__(update)

    clock = Clock()
    monkeypatch.setitem(globals(), "OneSecond", Compiling)
    lines, said = trained(monkeypatch, tmp_path, lambda number: 0.0, clock, log_every=4)
    (first, last) = (text for text in said if text.startswith("step "))
    assert "4 s left" in first
    assert "0 s left" in last
    # The history's speed is that of all steps.
    assert lines[0]["tokens_per_second"] < lines[1]["tokens_per_second"] / 5
