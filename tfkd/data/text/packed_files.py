"""Compressed files, known by their first bytes, whatever they are called."""

import contextlib
import gzip
import lzma
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from tfkd.outside.regular_files import open_regular
from tfkd.spec.errors import UserError

GZIP, XZ, ZSTD = "gzip", "xz", "zstd"
_FIRST_BYTES = {b"\x1f\x8b": GZIP, b"\xfd7zXZ\x00": XZ, b"\x28\xb5\x2f\xfd": ZSTD}
# What such a file's name ends in.
ENDINGS = {".gz": GZIP, ".xz": XZ, ".zst": ZSTD}


def packed_by(first: bytes) -> str | None:
    """What compressed a file that begins with these bytes, 6 or more; None: nothing known here."""
    return next((name for start, name in _FIRST_BYTES.items() if first.startswith(start)), None)


def opened(path: Path) -> BinaryIO:
    """Opens a file for reading, unpacked if it is gzip, xz or zstd.

    Raises:
        OSError: It cannot be opened.
        UserError: It is zstd, and what unpacks that is not installed.
    """
    file = open_regular(path)  # closed by the caller
    packed = packed_by(file.read(6))
    file.seek(0)
    if packed == GZIP:
        return gzip.GzipFile(fileobj=file)
    if packed == XZ:
        return lzma.LZMAFile(file)
    return _zstd(path).ZstdFile(file) if packed == ZSTD else file


def damages() -> tuple[type[Exception], ...]:
    """The errors that reading a compressed file raises where it is cut off or damaged."""
    zstd = ()
    with contextlib.suppress(ImportError):
        zstd = (_zstd_module().ZstdError,)
    return EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, *zstd


def unpacked_name(name: str) -> str:
    """A file's name in lower case, without the ending that says how it is compressed."""
    lower = name.lower()
    return next((lower.removesuffix(one) for one in ENDINGS if lower.endswith(one)), lower)


def _zstd(path: Path) -> Any:
    try:
        return _zstd_module()
    except ImportError as error:
        raise UserError(
            f"{path} is packed by zstd, which this Python cannot unpack ({error}): pip install "
            "'tfkd[zstd]', or unpack it: unzstd FILE"
        ) from None


def _zstd_module() -> Any:
    try:
        from compression import zstd  # from Python 3.14 on
    except ImportError:
        from backports import zstd
    return zstd
