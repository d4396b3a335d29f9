"""A terminal that is closed while a training is under way: saved, exit code 3, and it goes on."""

import contextlib
import os
import pty
import select
import sys
import time

import pytest
from small_line import arguments, write_line

from tfkd import cli


@pytest.mark.long
def test_a_closed_terminal_leaves_a_checkpoint_of_the_step_it_was_closed_at(tmp_path):
    spec, runs = write_line(tmp_path), tmp_path / "runs"
    more = ("--set", "stages.teach.steps=100000", "--set", "stages.teach.save_every=1000")
    words = arguments(spec, runs, "--until", "teach", *more)
    process, terminal = pty.fork()
    if not process:
        os.execv(sys.executable, [sys.executable, "-m", "tfkd.cli", *words])
    said, ends = b"", time.monotonic() + 200
    with contextlib.suppress(OSError):  # it ended
        while b"tokens/s" not in said and time.monotonic() < ends:
            if select.select([terminal], [], [], 1)[0]:
                said += os.read(terminal, 65536)
    assert b"tokens/s" in said, said[-2000:]
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == cli.RESUMABLE
    assert len(list(runs.glob("stages/train-*/work/checkpoints/step-*.json"))) == 1
