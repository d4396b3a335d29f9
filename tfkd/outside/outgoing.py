"""What a command prints, on its way out: made printable, and no end of the work where it fails."""

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from tfkd.outside.printable import printable


class Outgoing:
    """A text stream that writes to another one.

    What cannot be written is held against nobody twice: it goes nowhere from the first error on,
    for what is left in the stream would be tried again when Python ends, whose error then takes the
    place of the exit code. The error itself is raised, but for two that nobody is there to hear: a
    terminal that was closed, and standard error.

    Args:
        stream: The other one; whatever is not defined here is its.
        name: Its name in an error.
        escapes: Whether the text is made printable.
    """

    def __init__(self, stream: Any, name: str, escapes: bool = True):
        self._stream, self._name, self._escapes = stream, name, escapes
        self._terminal = stream.isatty()

    def write(self, text: str) -> int:
        """Writes a text; returns its characters."""
        self._tried(self._stream.write, printable(text) if self._escapes else text)
        return len(text)

    def flush(self) -> None:
        """Brings out what is written."""
        self._tried(self._stream.flush)

    def unescaped(self) -> "Outgoing":
        """The same stream for what is no message: a live line's codes, or outputs for a file."""
        return Outgoing(self._stream, self._name, escapes=False)

    def _tried(self, function: Callable[..., Any], *arguments: Any) -> None:
        try:
            function(*arguments)
        except OSError as error:
            with contextlib.suppress(OSError, ValueError):  # a stream without a descriptor
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)
            gone = self._terminal and error.errno == errno.EIO
            if gone or self._name == _ERRORS:
                return
            if error.filename is None:
                error.filename = self._name
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


_OUTPUT, _ERRORS = "standard output", "standard error"


@contextlib.contextmanager
def outgoing() -> Iterator[None]:
    """Inside, all that is printed goes through `Outgoing`."""
    before = sys.stdout, sys.stderr
    # A stream that was closed before Python began is None.
    sys.stdout, sys.stderr = (
        stream and Outgoing(stream, name)
        for stream, name in zip(before, (_OUTPUT, _ERRORS), strict=True)
    )
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def unescaped(stream: Any) -> Any:
    """A stream for what is no message; see `Outgoing.unescaped`."""
    return stream.unescaped() if isinstance(stream, Outgoing) else stream
