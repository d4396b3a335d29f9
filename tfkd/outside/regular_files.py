"""Files that somebody names: read where they are files, and else said what they are."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from os import PathLike
from typing import BinaryIO

from tfkd.outside.user_error import UserError

FOLDER, PIPE, DEVICE, NOTHING = "a folder", "a pipe", "a device", "not there"
_KINDS = (
    (stat.S_ISDIR, FOLDER),
    (stat.S_ISFIFO, PIPE),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, DEVICE),
    (stat.S_ISBLK, DEVICE),
)


def other_than_file(path: str | PathLike) -> str | None:
    """What lies in a file's place, as it follows "is": `FOLDER`, `NOTHING`, "a pipe", ...; None
    where a file does.

    Nothing is opened: whoever opens a pipe waits for its other end.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        return _out_of_reach(path, error)
    return next((words for holds, words in _KINDS if holds(mode)), None)


def _out_of_reach(path: str | PathLike, error: OSError | ValueError) -> str:
    number = getattr(error, "errno", None)
    if number == errno.ELOOP:
        return "a link that leads back to itself"
    if number in (errno.ENOENT, errno.ENOTDIR):
        with contextlib.suppress(OSError):
            return f"a link to {os.readlink(path)}, which is not there"
        return NOTHING
    return f"out of reach ({getattr(error, 'strerror', None) or error})"


def open_regular(path: str | PathLike) -> BinaryIO:
    """Opens a file for reading, and nothing else: no read of what is opened here can wait forever
    or go on without end.

    Raises:
        OSError: It cannot be opened; `strerror` says why, also where it is a folder, a pipe, ...
    """
    what = other_than_file(path)
    try:
        if what in (word for _, word in _KINDS):
            raise OSError(errno.EINVAL, f"it is {what}, no file")
        return open(path, "rb", opener=_at_once)
    except OSError as error:
        error.filename = str(path)
        if what is not None and what.startswith("a link"):
            error.strerror = f"it is {what}"
        raise


def open_once(path: str | PathLike) -> BinaryIO:
    """Opens what is read once, from its start to its end: a file, a pipe or a terminal.

    Raises:
        OSError: As `open_regular`, also of a device that has no end.
    """
    what = other_than_file(path)
    if what == PIPE or (what == DEVICE and _ends(path)):
        return open(path, "rb")
    return open_regular(path)


def _ends(path: str | PathLike) -> bool:
    """Whether a device is a terminal, or the one in which nothing is."""
    if os.path.samefile(path, os.devnull):
        return True
    with open(path, "rb", buffering=0, opener=_at_once) as file:
        return file.isatty()


def _at_once(path: str, flags: int) -> int:
    # A pipe that has come in the file's place since would be waited for.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def read_regular(path: str | PathLike) -> bytes:
    """All bytes of a file.

    Raises:
        OSError: As `open_regular`; whatever reading says has the file's name.
    """
    with named(path), open_regular(path) as file:
        return file.read()


@contextlib.contextmanager
def named(path: str | PathLike) -> Iterator[None]:
    """Inside, an error of the operating system that names no file gets this one's name: those of
    reading and writing name none."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise


@contextlib.contextmanager
def readable(path: str | PathLike, place: str = "") -> Iterator[None]:
    """Inside, a file that cannot be read is the user's to mend.

    Args:
        path: The file, or the folder that it lies in.
        place: The key of a spec that names it; empty: none.

    Raises:
        UserError: The operating system refused something.
    """
    try:
        yield
    except OSError as error:
        where = f"{place}: " if place else ""
        name = error.filename if isinstance(error.filename, str) else path
        reason = error.strerror or str(error)
        raise UserError(f"{where}{name} cannot be read ({reason})") from error
