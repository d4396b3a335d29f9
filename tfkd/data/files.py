"""Files that are written whole or not at all."""

import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from tfkd.data.hashes import note_hash, told_hash
from tfkd.outside.regular_files import DEVICE, PIPE, named, open_regular, other_than_file
from tfkd.spec.errors import UserError

# Errors that say that there is no room: of a disk, of a user on it, of a file.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

# What TensorFlow names in the operating system's words alone.
_SAID = (*FULL, errno.EACCES, errno.EPERM, errno.EROFS)
# What is written to a file that NumPy could not write, until the reason is said: it is thrown away.
_BLOCK, _ATTEMPTS = 1 << 16, 16

Content = bytes | str | Callable[[BinaryIO], None]


def write_atomically(path: str | os.PathLike, content: Content) -> None:
    """Writes a file whole or not at all.

    The content goes to a temporary file in the same folder, is flushed to the disk and renamed
    over `path`; the folder entry is flushed too. A reader sees the old file or the new one, never
    a part. A device or a pipe in the file's place stays, and is written to.

    Args:
        path: The file to write. Its folder must exist.
        content: Bytes, text (written as UTF-8), or a callable that writes to a binary file.

    Raises:
        OSError: It cannot be written: `errno` says why, and `filename` is `path`.
    """
    path = Path(path)
    if other_than_file(path) in (PIPE, DEVICE):
        with named(path), open(path, "wb") as file:
            _fill(file, content)
        return
    with _of(path):
        handle, temporary = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=".part", dir=path.parent
        )
    try:
        with named(path), os.fdopen(handle, "wb") as file:
            _fill(file, content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files private; results are meant to be read by others too.
        umask = os.umask(0)
        os.umask(umask)
        with _of(path):
            os.chmod(temporary, 0o666 & ~umask)
            os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def _fill(file: BinaryIO, content: Content) -> None:
    """Writes a content; where NumPy writes and tells how much of it was not written, the error
    becomes the operating system's, which tells why."""
    if not callable(content):
        file.write(content.encode("utf-8") if isinstance(content, str) else content)
        return
    try:
        content(file)
    except OSError as error:
        if error.errno is not None or not str(error).endswith("written"):
            raise
        for _ in range(_ATTEMPTS):
            os.write(file.fileno(), bytes(_BLOCK))
        raise OSError(errno.EIO, str(error)) from error


@contextlib.contextmanager
def _of(path: Path) -> Iterator[None]:
    """Inside, an error names this file, not the temporary one."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextlib.contextmanager
def writable(path: str | os.PathLike) -> Iterator[None]:
    """Inside, a path that the user gave for writing, and that cannot be written, is the user's to
    mend. A full disk is not: the same command goes on when there is room.

    Raises:
        UserError: The operating system refused something.
        OSError: The disk is full; `filename` is the file.
    """
    try:
        with named(path):
            yield
    except OSError as error:
        if error.errno in FULL:
            raise
        raise UserError(f"{path} cannot be written ({error.strerror or error})") from error


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
        what: The file or folder that is written.

    Raises:
        OSError: TensorFlow raised an error of its own: `filename` is what is written, `errno` what
            the message says, as far as it does.
    """
    import tensorflow as tf

    try:
        with named(what):
            yield
    except tf.errors.OpError as error:
        reason = str(error).partition("\n")[0]
        number = next((one for one in _SAID if os.strerror(one) in reason), errno.EIO)
        raise OSError(number, reason, str(what)) from error


def sha256_of(path: str | os.PathLike) -> str:
    """Returns the SHA-256 of a file's bytes as 64 hexadecimal digits; see `told_hashes`, too.

    Raises:
        OSError: It cannot be read, or is no file; the error has its name.
    """
    with named(path), open_regular(path) as file:
        state = os.fstat(file.fileno())
        if (told := told_hash(path, state)) is not None:
            return told
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    note_hash(path, state, digest)
    return digest
