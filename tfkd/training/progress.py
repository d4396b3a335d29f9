"""What a person sees of a training under way."""

import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any

from tfkd.outside.outgoing import unescaped
from tfkd.outside.printable import logged, one_line, printable
from tfkd.outside.printable import say as print_line

_LOGGER = logging.getLogger("tfkd.training")


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s` or `2 h 05 min`."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    return (
        f"{minutes} min {rest:02d} s"
        if minutes < 60
        else f"{minutes // 60} h {minutes % 60:02d} min"
    )


def short(line: Mapping[str, Any], steps: int, left: float) -> str:
    """A line of the history in words: step, loss, every term, skipped steps, speed, the share of
    the time that went on waiting for batches, time left."""
    parts = [f"step {line['step']}/{steps}"]
    parts += [f"loss {line['loss']:.4f}"] if "loss" in line else []
    terms = line.get("terms", {})
    if len(terms) > 1:
        parts += [f"{name} {value:.4f}" for name, value in terms.items()]
    parts += [f"{name} {value:.4f}" for name, value in line.get("metrics", {}).items()]
    if line.get("skipped_steps"):
        parts += [f"skipped {line['skipped_steps']}", f"scale {line['loss_scale']:g}"]
    parts += [f"rate {line['learning_rate']:.2e}", f"{line['tokens_per_second']:,.0f} tokens/s"]
    if "waiting_share" in line:
        parts += [f"{line['waiting_share']:.0%} waiting for data".replace("%", " %")]
    return "  ".join([*parts, f"{duration(left)} left"])


def in_notebook() -> bool:
    """Whether this is a notebook's kernel: its output is no terminal, and a line of it can be
    rewritten all the same."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


class Progress:
    """Shows a training: one live line in a terminal or a notebook, plain lines elsewhere.

    Lines of the history and messages are records of the logger `tfkd.training`, too.

    Args:
        steps: All steps.
        terminal: Whether the output can be rewritten; None: whether standard output is a terminal,
            or that of a notebook where nobody else takes the lines.
        say: Takes each plain line.
    """

    def __init__(
        self, steps: int, terminal: bool | None = None, say: Callable[[str], None] | None = None
    ):
        self._steps = steps
        self._say = logged(say or print_line, "tfkd.training")
        self._bar: Any = None
        self._line: RewrittenLine | None = None
        self._task: Any = None
        self._terminal = sys.stdout.isatty() if terminal is None else terminal
        self._notebook = terminal is None and say is None and not self._terminal and in_notebook()

    def start(self, step: int) -> None:
        """Begins at a step."""
        if self._notebook:
            self._line = RewrittenLine()
            self._line.show(f"step {step}/{self._steps}")
            return
        if not self._terminal:
            return
        self._bar, self._task = live_bar("starting", self._steps, step)

    def advance(self, step: int) -> None:
        """Shows that a step was made; costs next to nothing."""
        if self._bar is not None:
            self._bar.update(self._task, completed=step)

    def show(self, line: Mapping[str, Any], left: float) -> None:
        """Shows a line of the history.

        Args:
            line: A training line.
            left: Seconds until the last step, as far as one can tell.
        """
        text = short(line, self._steps, left)
        if self._bar is None and self._line is None:
            self._say(text)
            return
        _LOGGER.info("%s", printable(text))
        if self._line is not None:
            self._line.show(text)
        else:
            self._bar.update(self._task, description=printable(text.partition("  ")[2]))

    def say(self, text: str) -> None:
        """Shows a message of its own: a validation, a checkpoint that was refused."""
        if self._bar is None and self._line is None:
            self._say(text)
            return
        _LOGGER.info("%s", printable(text))
        if self._line is not None:
            self._line.above(text)
        else:
            self._bar.console.print(printable(text), markup=False, highlight=False)

    def stop(self) -> None:
        """Ends the live line."""
        if self._line is not None:
            self._line.end()
            self._line = None
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class RewrittenLine:
    """A line of standard output that is written over again and again: carriage returns are all that
    a notebook obeys."""

    def __init__(self) -> None:
        self._shown = ""

    def show(self, text: str) -> None:
        """Puts a text in the line's place."""
        text = one_line(text)
        self._write("\r" + text.ljust(len(self._shown)))
        self._shown = text

    def above(self, text: str) -> None:
        """Says something that stays, above the line."""
        line, self._shown = self._shown, ""
        self._write("\r" + printable(text).ljust(len(line)) + "\n")
        self.show(line)

    def end(self) -> None:
        """Leaves the line as it is."""
        self._write("\n")

    @staticmethod
    def _write(text: str) -> None:
        stream = unescaped(sys.stdout)
        stream.write(text)
        stream.flush()


def live_bar(text: str, total: int, completed: int = 0) -> tuple[Any, Any]:
    """A bar in the terminal that has begun, and its one task.

    Args:
        text: What stands beside it at first.
        total: When it is full.
        completed: How full it begins.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.table import Column

    # Only the text gives way in a narrow terminal, by taking more lines.
    bar = Progress(
        BarColumn(bar_width=12, table_column=Column(no_wrap=True, min_width=12)),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.description}", markup=False, table_column=Column(ratio=1)),
        console=Console(file=unescaped(sys.stdout)),
        refresh_per_second=4,
        expand=True,
    )
    task = bar.add_task(text, total=total, completed=completed)
    bar.start()
    return bar, task
