"""How a signal or the end of the time comes through to where it is acted upon."""

import os
import signal
import sys
import time

import pytest

from tfkd.training.deadline import Deadline, stopping
from tfkd.training.interruption import Interrupted, StopSignal


class Falling:
    """Is asked to stop while it is destroyed, where no exception can be raised."""

    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)


def test_a_signal_in_a_destructor_stops_a_moment_later_and_prints_nothing(capsys):
    hook = sys.unraisablehook

    @stopping(Deadline())
    def work():
        Falling()
        time.sleep(30)

    with pytest.raises(Interrupted, match="stopped by SIGTERM"):
        work()
    assert sys.unraisablehook is hook
    assert capsys.readouterr().err == ""


@pytest.fixture
def hangup():
    """What the test sets for SIGHUP is as before, when it ends."""
    before = signal.getsignal(signal.SIGHUP)
    yield lambda handler: signal.signal(signal.SIGHUP, handler)
    signal.signal(signal.SIGHUP, before)


def test_a_terminal_that_is_closed_stops_as_sigterm_does(hangup):
    hangup(signal.SIG_DFL)
    signals = StopSignal()

    @stopping(Deadline())
    def work():
        with signals.listening():  # as a training does, which saves first
            os.kill(os.getpid(), signal.SIGHUP)
        assert signals.received == "SIGHUP"
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(30)

    with pytest.raises(Interrupted, match=r"^stopped by SIGHUP$"):
        work()
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL


def test_under_nohup_a_terminal_that_is_closed_stops_nothing(hangup):
    hangup(signal.SIG_IGN)
    signals = StopSignal()
    with stopping(Deadline()), signals.listening():
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(0.05)
    assert signals.received is None
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_what_became_of_the_interruption_is_one():
    @stopping(Deadline())
    def work():
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(30)
        except Exception as error:
            raise RuntimeError("in user code") from error

    with pytest.raises(Interrupted, match=r"^stopped by SIGINT$"):
        work()


def test_errors_of_a_run_that_nobody_stopped_stay_what_they_are():
    with pytest.raises(RuntimeError, match=r"^mine$"), stopping(Deadline(60)):
        raise RuntimeError("mine")


def test_the_time_limit_needs_no_look_at_the_clock_and_can_be_held():
    deadline, begun = Deadline(0.2), time.monotonic()

    @stopping(deadline)
    def work():
        with deadline.holding():
            time.sleep(0.4)
        deadline.check()

    with pytest.raises(Interrupted, match=r"the time limit of 0\.2 s"):
        work()
    assert time.monotonic() - begun >= 0.4
    with pytest.raises(Interrupted, match=r"the time limit of 0\.1 s"), stopping(Deadline(0.1)):
        time.sleep(30)


def test_a_stop_that_was_caught_is_not_held_back():
    """Training holds the limit, and would go on for hours."""
    deadline = Deadline()
    deadline.stop("stopped by SIGTERM")
    with pytest.raises(Interrupted, match="SIGTERM"), deadline.holding():
        pytest.fail("the work began")


def test_handlers_and_timer_are_as_before():
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)
    before = [signal.getsignal(number) for number in numbers]
    with stopping(Deadline(60)), stopping(Deadline(50)):
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 50
    assert [signal.getsignal(number) for number in numbers] == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
