"""The files that a corpus names: found, opened, counted, hashed."""

import contextlib
import difflib
import functools
import glob
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from tfkd.data.files import sha256_of
from tfkd.data.text.packed_files import damages, opened
from tfkd.data.text.remote_files import called, fetched
from tfkd.data.text.urls import is_url
from tfkd.outside.regular_files import FOLDER, NOTHING, other_than_file, readable
from tfkd.spec.errors import UserError


def find_files(patterns: str | Sequence[str], data_dir: Path) -> list[Path]:
    """The files that the patterns name, in the patterns' order, each pattern's in name order.

    Folders that a glob matches are left out.

    Args:
        patterns: Paths or globs (`*`, `?`, `[ab]`, `**`), relative to `data_dir` or absolute; or
            URLs, see `remote_files`.
        data_dir: The data folder.

    Raises:
        UserError: A pattern matches no file, or something that is neither file nor folder: a link
            that leads nowhere, a pipe, ...
    """
    found = []
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        if is_url(pattern):
            found += fetched(pattern)
            continue
        # A file whose name holds glob characters is meant literally, and so is the data folder.
        if os.path.lexists(Path(data_dir, pattern)):
            names = [str(pattern)]
        else:
            names = glob.glob(str(pattern), root_dir=data_dir, recursive=True)
        lying = {path: other_than_file(path) for path in (Path(data_dir, n) for n in names)}
        for path, what in lying.items():
            if what not in (None, FOLDER):
                raise UserError(_no_file(str(pattern), path, what, Path(data_dir)))
        files = sorted(path for path, what in lying.items() if what is None)
        if not files:
            folder = next(iter(lying), None)
            raise UserError(
                _nothing_found(str(pattern), Path(data_dir))
                if folder is None
                else _no_file(str(pattern), folder, FOLDER, Path(data_dir))
            )
        found += files
    return found


def _no_file(pattern: str, path: Path, what: str, data_dir: Path) -> str:
    """What is said of something else in a file's place."""
    name = shown(path, data_dir)
    where = "" if Path(pattern).is_absolute() else f" in the data folder {data_dir}"
    matched = "" if name == pattern else f", which `{pattern}` matches,"
    if what == FOLDER:
        advice = f"name the files in it, like `{name}/*`."
    elif what.startswith("a link"):
        advice = "mend the link."
    elif what.startswith("out of reach"):
        advice = "mend that, or name another file."
    else:
        advice = "what is in it can be read once, and must be read again: save it as a file."
    return f"`{name}`{where}{matched} is {what}; {advice}"


def _nothing_found(pattern: str, data_dir: Path) -> str:
    what = other_than_file(data_dir)
    if what != FOLDER:
        lying = "does not exist" if what == NOTHING else f"is {what or 'a file'}"
        return (
            f"The data folder {data_dir} {lying}, so `{pattern}` cannot be read; "
            "say where the data lies with --data-dir."
        )
    path = Path(data_dir, pattern)
    what = other_than_file(path) or NOTHING
    if what != NOTHING:
        return _no_file(pattern, path, what, data_dir)
    there = os.path.isdir(path.parent)
    folder = path.parent if there else data_dir
    try:
        siblings = os.listdir(folder)
    except OSError as error:
        return (
            f"No file matches `{pattern}`: the folder {folder} cannot be read ({error.strerror})."
        )
    wanted = path.name if there else Path(pattern).parts[0]
    near = difflib.get_close_matches(wanted, siblings, n=1)
    advice = f"did you mean `{near[0]}`?" if near else "say where the data lies with --data-dir."
    return f"No file matches `{pattern}` in the data folder {data_dir}; {advice}"


def shown(path: Path, data_dir: Path) -> str:
    """A file's name for reports: relative to the data folder where it lies in it; its URL."""
    if (url := called(path)) is not None:
        return url
    try:
        return Path(path).relative_to(data_dir).as_posix()
    except ValueError:
        return Path(path).as_posix()


@contextlib.contextmanager
def reading(path: Path, place: Callable[[], str] | None = None) -> Iterator[BinaryIO]:
    """A file, unpacked if it is compressed, for as long as it is read.

    Args:
        path: The file.
        place: Says how far it has been read, for a message about what is damaged; None: its name.

    Raises:
        UserError: It cannot be opened or read, or the compressed file is damaged.
    """
    try:
        with opened(path) as file:
            yield file
    except damages() as error:
        where = place() if place is not None else path
        raise UserError(
            f"{where}: the compressed file is damaged ({error}); fetch it again."
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}).") from error


def count_lines(path: Path) -> int:
    """The number of lines; a last line without `\\n` counts.

    Raises:
        UserError: The file cannot be read.
    """
    return _count_lines(path, *_state(path))


def count_pairs(patterns: tuple[str, str], data_dir: Path, option: str = "--pairs") -> int:
    """The number of rows of two files, line n of one the translation of line n of the other.

    Args:
        patterns: Both files, as for `find_files`.
        data_dir: The data folder.
        option: The option that named them, for messages.

    Raises:
        UserError: They are one file, have different numbers of lines, or cannot be read.
    """
    files = [find_files(name, data_dir) for name in patterns]
    if any(os.path.samefile(*both) for both in zip(*files, strict=False)):
        raise UserError(
            f"{option}: {patterns[0]} and {patterns[1]} are the same file; line n of one must "
            "translate line n of the other"
        )
    first, second = (sum(map(count_lines, found)) for found in files)
    if first != second:
        raise UserError(
            f"{option}: {patterns[0]} has {first:,} lines and {patterns[1]} {second:,}; line n of "
            "one must translate line n of the other"
        )
    return first


def file_hash(path: Path) -> str:
    """SHA-256 of the file's bytes, as 64 hexadecimal digits.

    Raises:
        UserError: The file cannot be read.
    """
    return _file_hash(path, *_state(path))


def _state(path: Path) -> tuple[int, int]:
    with readable(path):
        state = os.stat(path)
    return state.st_size, state.st_mtime_ns


# The size and the time of change are part of the key, so that a changed file is read again.
@functools.lru_cache(maxsize=4096)
def _count_lines(path: Path, size: int, changed: int) -> int:
    lines, last = 0, b"\n"
    with reading(path) as file:
        while block := file.read(1 << 20):
            lines += block.count(b"\n")
            last = block[-1:]
    return lines + (last != b"\n")


@functools.lru_cache(maxsize=4096)
def _file_hash(path: Path, size: int, changed: int) -> str:
    with readable(path):
        return sha256_of(path)
