"""What a person sees, in a terminal and elsewhere."""

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
