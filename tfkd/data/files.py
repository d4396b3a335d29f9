"""Files that are written whole or not at all."""

import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

Content = bytes | str | Callable[[BinaryIO], None]


def write_atomically(path: str | os.PathLike, content: Content) -> None:
    """Writes a file whole or not at all.

    The content goes to a temporary file in the same folder, is flushed to the disk and renamed
    over `path`; the folder entry is flushed too. A reader sees the old file or the new one, never
    a part.

    Args:
        path: The file to write. Its folder must exist.
        content: Bytes, text (written as UTF-8), or a callable that writes to a binary file.
    """
    path = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files private; results are meant to be read by others too.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def flush_folder(folder: str | os.PathLike) -> None:
    """Flushes a folder's entries to the disk, so that a rename in it survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def written_by_tensorflow(what: str | os.PathLike) -> Iterator[None]:
    """TensorFlow's errors of writing as Python's.

    A full disk is to TensorFlow the same error as a full memory.

    Args:
        what: What is written, for the message.

    Raises:
        OSError: TensorFlow raised an error of its own.
    """
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        reason = str(error).partition("\n")[0]
        raise OSError(errno.EIO, f"{what} cannot be written: {reason}") from error


def sha256_of(path: str | os.PathLike) -> str:
    """Returns the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
