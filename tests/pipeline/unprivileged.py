"""Root's right to write anywhere, put down for a while: a read-only folder is one for root too."""

import contextlib
import ctypes
import os
from collections.abc import Iterator

# Of linux/capability.h: version 3 of the calls, with two words of 32 capabilities each.
_VERSION = 0x20080522
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Inside, this thread and those that it starts obey the permissions of files.

    A user who is not root does so anyway; root does without two of its capabilities, which Linux
    keeps for each thread.
    """
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    words = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice

    def call(function: object) -> None:
        if function(header, words):
            raise OSError(ctypes.get_errno(), "capabilities cannot be changed here")

    call(libc.capget)
    before = words[0]
    words[0] &= ~(1 << _DAC_OVERRIDE | 1 << _DAC_READ_SEARCH)
    call(libc.capset)
    try:
        yield
    finally:
        words[0] = before
        call(libc.capset)
