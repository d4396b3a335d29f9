"""Files and folders copied: an error names the file that could not be written, or read."""

import contextlib
import errno
import os
import shutil
from pathlib import Path

_OF_WRITING = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


def copy_file(source: Path, target: Path, *, link: bool = False) -> None:
    """Copies a file with its times and rights.

    Args:
        source: The file.
        target: Where it goes.
        link: Make a hard link instead, where the file system has them.

    Raises:
        OSError: `filename` is the one that the operating system refused: mostly `target`.
    """
    if link:
        with contextlib.suppress(OSError):
            os.link(source, target)
            return
    try:
        shutil.copy2(source, target)
    except OSError as error:
        # Of a full disk shutil names what it reads, of some other errors nothing.
        place = target if error.errno in _OF_WRITING else error.filename or target
        raise OSError(error.errno, error.strerror, str(place)) from error


def copy_folder(source: Path, target: Path, *, link: bool = False) -> None:
    """Copies all of a folder's files into another one, which may be there already.

    Args:
        source: The folder.
        target: The other one.
        link: As in `copy_file`.

    Raises:
        OSError: Of the first file that could not be copied.
    """
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        if path.is_dir():
            copy_folder(path, target / path.name, link=link)
        else:
            copy_file(path, target / path.name, link=link)
