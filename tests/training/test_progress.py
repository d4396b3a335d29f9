"""What a person sees, in a terminal and elsewhere."""

import itertools
import logging
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tfkd.training.progress import Progress, duration

LINE = {
    "step": 40,
    "loss": 2.5,
    "terms": {"words": 1.5, "soft": 3.5},
    "metrics": {"words.accuracy": 0.25},
    "learning_rate": 1e-3,
    "tokens_per_second": 12345.6,
    "waiting_share": 0.0349,
}


@pytest.mark.parametrize("terminal", [False, True])
def test_says_steps_speed_every_term_and_time_left(capsys, terminal):
    progress = Progress(100, terminal)
    progress.start(30)
    progress.advance(40)
    progress.show(LINE, left=200.0)
    progress.say("step 40 validation: [loss] 2.0")
    progress.stop()
    progress.stop()
    shown = " ".join(capsys.readouterr().out.split())
    assert "40/100" in shown
    assert "[loss] 2.0" in shown
    for part in ("loss 2.5000", "words 1.5000", "soft 3.5000", "words.accuracy 0.2500"):
        assert part in shown
    assert "12,346 tokens/s 3 % waiting for data" in shown
    assert "3 min 20 s left" in shown


def test_durations():
    assert [duration(s) for s in (0.2, 59.7, 3599, 7500)] == [
        "0 s",
        "1 min 00 s",
        "59 min 59 s",
        "2 h 05 min",
    ]


class Kernel:
    kernel = "a notebook's"


@pytest.mark.parametrize("said", [None, [].append])
def test_a_notebook_has_one_line_that_is_rewritten(capsys, monkeypatch, said):
    """Unless somebody takes the lines, who then has each."""
    shell = SimpleNamespace(get_ipython=Kernel)
    monkeypatch.setitem(sys.modules, "IPython", shell)
    progress = Progress(100, say=said)
    progress.start(30)
    progress.show(LINE, left=200.0)
    progress.say("step 40 validation: loss 2.0")
    progress.show({**LINE, "step": 50, "terms": {}}, left=2.0)
    progress.stop()
    shown = capsys.readouterr().out
    if said is not None:
        assert shown == ""
        return
    assert shown.count("\n") == 2  # what stays, and the end
    seen = [line.rpartition("\r")[2].rstrip() for line in shown.split("\n")]
    assert "validation" in seen[0]
    assert seen[1].startswith("step 50/100")
    texts = [part.rstrip("\n") for part in shown.split("\r")]
    for before, after in itertools.pairwise(texts):  # nothing of what was there stays
        assert len(after) >= len(before.rstrip())


def test_lines_are_records_too(capsys, caplog):
    with caplog.at_level(logging.INFO, "tfkd"):
        for terminal in (False, True):
            progress = Progress(100, terminal)
            progress.start(30)
            progress.show(LINE, left=200.0)
            progress.say("step 40 \x1b[2Jvalidation")
            progress.stop()
    assert {record.name for record in caplog.records} == {"tfkd.training"}
    shown = [record.getMessage() for record in caplog.records]
    assert [text.partition("  ")[0] for text in shown] == [
        "step 40/100", "step 40 \\x1b[2Jvalidation",
    ] * 2  # fmt: skip


def test_a_library_says_nothing_by_itself():
    code = "import tfkd, logging; logging.getLogger('tfkd').warning('loud')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stderr == b""
