"""Compressed files, known by their first bytes, whatever they are called."""

import contextlib
import gzip
import io
import lzma
import re
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from tfkd.outside.regular_files import open_regular
from tfkd.spec.errors import UserError

GZIP, XZ, ZSTD = "gzip", "xz", "zstd"
_FIRST_BYTES = {b"\x1f\x8b": GZIP, b"\xfd7zXZ\x00": XZ, b"\x28\xb5\x2f\xfd": ZSTD}
# Frames that zstd skips; parallel compressors begin with one.
_SKIPPED = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
# Other forms that text never begins as.
_NOT_READ = {"bzip2": re.compile(rb"BZh[1-9]1A"), "zip": re.compile(rb"PK\x03\x04")}
# The largest window, 2 GiB as a logarithm: zstd --long=31 writes it.
_WINDOW = 31
# What such a file's name ends in.
ENDINGS = {".gz": GZIP, ".xz": XZ, ".zst": ZSTD}


def packed_by(first: bytes) -> str | None:
    """What compressed a file that begins with these bytes, 6 or more; None: nothing known here."""
    if _SKIPPED.match(first):
        return ZSTD
    return next((name for start, name in _FIRST_BYTES.items() if first.startswith(start)), None)


def opened(path: Path) -> BinaryIO:
    """Opens a file for reading, unpacked if it is gzip, xz or zstd.

    Raises:
        OSError: It cannot be opened.
        UserError: It is zstd, and what unpacks that is not installed; it is packed otherwise; or
            it is empty, and called as if it were packed.
    """
    file = open_regular(path)  # closed by the caller
    try:
        first = file.read(6)
        file.seek(0)
        return _unpacked(path, file, first)
    except BaseException:
        file.close()
        raise


def _unpacked(path: Path, file: BinaryIO, first: bytes) -> BinaryIO:
    packed = packed_by(first)
    if packed == GZIP:
        return gzip.GzipFile(fileobj=file)
    if packed == XZ:
        return io.BufferedReader(_XzStreams(file))
    if packed == ZSTD:
        zstd = _zstd(path)
        largest = {zstd.DecompressionParameter.window_log_max: _WINDOW}
        return zstd.ZstdFile(file, options=largest)
    for name, begins in _NOT_READ.items():
        if begins.match(first):
            raise UserError(
                f"{path} is packed by {name}, which is not read; unpack it, or pack it by gzip, xz "
                "or zstd"
            )
    if not first and unpacked_name(path.name) != path.name.lower():
        raise UserError(f"{path} is empty, as no packed file is; fetch it again")
    return file


class _XzStreams(io.RawIOBase):
    """Streams of xz one after the other, and zeros between.

    `lzma.LZMAFile` ends in silence where something else follows a stream, or a damaged one does.
    """

    def __init__(self, file: BinaryIO):
        self._file, self._packed = file, b""
        self._stream: lzma.LZMADecompressor | None = None

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()

    def readinto(self, buffer: memoryview) -> int:
        while True:
            if self._stream is None or self._stream.needs_input:
                self._packed = self._packed or self._file.read(io.DEFAULT_BUFFER_SIZE)
                if not self._packed and self._stream is None:
                    return 0
                if not self._packed:
                    raise EOFError("it ends within a stream")
            if self._stream is None:
                self._packed = self._packed.lstrip(b"\0")
                if not self._packed:
                    continue
                self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ)
            found = self._stream.decompress(self._packed, len(buffer))
            self._packed = b""
            if self._stream.eof:
                self._packed, self._stream = self._stream.unused_data, None
            if found:
                buffer[: len(found)] = found
                return len(found)


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
