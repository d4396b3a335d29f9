"""What ended the work from outside: who stopped it, a disk or a memory that is full."""

import errno
import sys
from collections.abc import Iterator

from tfkd.training.interruption import Interrupted

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.ENOMEM}
# Characters of an error's text.
_LONGEST = 500


def of_surroundings(error: BaseException) -> str | None:
    """What is said where the surroundings ended the work, so that the same command continues: they
    stopped it, refused to read or write, or have no memory left. None: it is an error of the
    program's own.

    Keras and TensorFlow make errors of their own of some that come by them.
    """
    if isinstance(error, Interrupted | OSError):
        return str(error)
    for one in chain_of(error):
        if isinstance(one, MemoryError) or _of_device_memory(one):
            return f"out of memory ({said})" if (said := first_line(one)) else "out of memory"
        if isinstance(one, OSError) and one.errno in _FULL:
            return str(one)
    return None


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it was made of."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _of_device_memory(error: BaseException) -> bool:
    tensorflow = sys.modules.get("tensorflow")  # it raised nothing where nobody imported it
    return tensorflow is not None and (
        isinstance(error, tensorflow.errors.ResourceExhaustedError)
        or (isinstance(error, tensorflow.errors.OpError) and "out of memory" in str(error).lower())
    )


def first_line(error: BaseException) -> str:
    """The first line of an error's text."""
    return str(error).strip().partition("\n")[0][:_LONGEST]
