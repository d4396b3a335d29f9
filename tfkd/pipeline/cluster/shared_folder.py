"""Whether a folder is the one that another machine means, and what is wrong with writing there."""

import os
import secrets
import socket
from pathlib import Path

from tfkd.data.files import FULL, write_atomically


def seen(mark: str) -> bool:
    """Whether a file that another machine has written is there."""
    try:
        return Path(mark).is_file()
    except OSError:
        return False


def unwritable(folder: Path) -> str:
    """What is wrong with writing into a folder; "" if nothing is.

    Raises:
        OSError: The disk is full.
    """
    # Containers may have one name, and processes one number.
    path = folder / f".probe-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    text = secrets.token_hex(16)
    try:
        write_atomically(path, text)
        read = path.read_text("utf-8")
        path.unlink()
    except OSError as error:
        if error.errno in FULL:
            raise
        return error.strerror or str(error)
    return "" if read == text else "what is written there is not what is read there"


def unreadable(folder: Path) -> str:
    """What is wrong with reading a folder; "" if nothing is."""
    try:
        os.listdir(folder)
    except OSError as error:
        return error.strerror or str(error)
    return ""
