"""What is shown of shards on their way."""

import io
import time
from collections import Counter

from tfkd.pipeline.cluster import shown
from tfkd.pipeline.cluster.dispatch import Tally
from tfkd.pipeline.cluster.shown import Shown


def tally(done, lost=0, seconds=30.0):
    return Tally(done, 40, time.monotonic() - seconds, Counter(), Counter(), lost)


def test_a_line_now_and_then_tells_how_far_they_are(monkeypatch):
    lines = []
    with Shown("targets", 40, lines.append, terminal=False) as page:
        page.show(tally(10), 2)
        assert lines == []  # not yet
        monkeypatch.setattr(shown, "_SAY_EVERY", 0.0)
        page.show(tally(0), 0)
        assert lines == []  # nothing to tell
        page.show(tally(10), 2)
        page.show(tally(20, lost=1), 3)
    assert lines == [
        "targets: 10 of 40 shards, 2 workers, 20 a minute, 1 min 30 s left",
        "targets: 20 of 40 shards, 3 workers, 1 lost, 40 a minute, 30 s left",
    ]


def test_a_terminal_has_one_live_line(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    with Shown("targets", 40, print, terminal=True) as page:
        page.show(tally(10), 2)
    assert "10/40" in stream.getvalue()
    assert "2 workers" in stream.getvalue()
