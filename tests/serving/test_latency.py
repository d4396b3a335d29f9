"""How long a line takes, by a clock that is set by hand."""

import pytest

from tfkd.serving import check
from tfkd.serving.check_result import CheckResult
from tfkd.serving.export import checked_figures


@pytest.fixture
def clock(monkeypatch):
    """Each call of a line takes what stands here, in milliseconds."""
    now = [0.0]
    monkeypatch.setattr(check.time, "perf_counter", lambda: now[0])

    def calls(times):
        left = {place: list(each) for place, each in enumerate(times)}

        def ask(place):
            now[0] += left[place].pop(0) / 1000

        return ask

    return calls


def test_it_is_of_each_lines_median_after_a_first_call_that_is_left_out(clock):
    found = check.latency(clock([[500, 10, 99, 12], [500, 30, 20, 25], [500, 5, 5, 5]]), 3)
    assert found == {"milliseconds": 12, "low": 5, "high": 25, "lines": 3}


def test_no_more_than_twelve_lines_are_timed_and_none_after_two_seconds(clock):
    assert check.latency(clock([[1, 1, 1, 1]] * 20), 20)["lines"] == 12
    assert check.latency(clock([[300, 300, 300, 300]] * 5), 5)["lines"] == 1
    slow = check.latency(clock([[9000, 9000, 9000, 9000]] * 5), 5)
    assert slow == {"milliseconds": 9000, "low": 9000, "high": 9000, "lines": 1}


def test_a_check_tells_it_only_where_it_was_taken():
    timed = {"milliseconds": 1.0, "low": 1.0, "high": 1.0, "lines": 1}
    assert (
        checked_figures("1", CheckResult(2, 0, 0.0, latency=timed), "sentence")["latency"] == timed
    )
    assert "latency" not in checked_figures("1", CheckResult(2, 0, 0.0), "sentence")
