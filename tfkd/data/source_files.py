"""The files that a corpus names: found, opened, counted, hashed."""

import difflib
import functools
import glob
import gzip
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from tfkd.data.files import sha256_of
from tfkd.spec.errors import UserError


def find_files(patterns: str | Sequence[str], data_dir: Path) -> list[Path]:
    """The files that the patterns name, in the patterns' order, each pattern's in name order.

    Args:
        patterns: Paths or globs (`*`, `?`, `[ab]`, `**`), relative to `data_dir` or absolute.
        data_dir: The data folder.

    Raises:
        UserError: A pattern matches no file.
    """
    found = []
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        path = Path(data_dir, pattern)
        # A file whose name holds glob characters is meant literally, and so is the data folder.
        names = [pattern] if path.is_file() else glob.glob(
            str(pattern), root_dir=data_dir, recursive=True
        )  # fmt: skip
        paths = [Path(data_dir, name) for name in names]
        files = sorted(path for path in paths if path.is_file())
        if not files:
            raise UserError(_nothing_found(str(pattern), Path(data_dir)))
        found += files
    return found


def _nothing_found(pattern: str, data_dir: Path) -> str:
    if not data_dir.is_dir():
        return (
            f"The data folder {data_dir} does not exist, so `{pattern}` cannot be read; "
            "say where the data lies with --data-dir."
        )
    folder = Path(data_dir, pattern).parent
    siblings = os.listdir(folder) if folder.is_dir() else os.listdir(data_dir)
    wanted = Path(pattern).name if folder.is_dir() else Path(pattern).parts[0]
    near = difflib.get_close_matches(wanted, siblings, n=1)
    advice = f"did you mean `{near[0]}`?" if near else "say where the data lies with --data-dir."
    return f"No file matches `{pattern}` in the data folder {data_dir}; {advice}"


def shown(path: Path, data_dir: Path) -> str:
    """A file's name for reports: relative to the data folder where it lies in it."""
    try:
        return Path(path).relative_to(data_dir).as_posix()
    except ValueError:
        return Path(path).as_posix()


def opened(path: Path) -> BinaryIO:
    """Opens a file for reading, unpacked if it is gzip (known by its first bytes, not its name)."""
    file = open(path, "rb")  # noqa: SIM115 (closed by the caller)
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if packed else file


def count_lines(path: Path) -> int:
    """The number of lines; a last line without `\\n` counts."""
    return _count_lines(path, *_state(path))


def file_hash(path: Path) -> str:
    """SHA-256 of the file's bytes, as 64 hexadecimal digits."""
    return _file_hash(path, *_state(path))


def _state(path: Path) -> tuple[int, int]:
    state = os.stat(path)
    return state.st_size, state.st_mtime_ns


# The size and the time of change are part of the key, so that a changed file is read again.
@functools.lru_cache(maxsize=4096)
def _count_lines(path: Path, size: int, changed: int) -> int:
    lines, last = 0, b"\n"
    try:
        with opened(path) as file:
            while block := file.read(1 << 20):
                lines += block.count(b"\n")
                last = block[-1:]
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(
            f"{path}: the compressed file is damaged ({error}); fetch it again."
        ) from None
    return lines + (last != b"\n")


@functools.lru_cache(maxsize=4096)
def _file_hash(path: Path, size: int, changed: int) -> str:
    return sha256_of(path)
