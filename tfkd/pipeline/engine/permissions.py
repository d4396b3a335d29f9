"""Folders that the user has not opened to us: said with the folder's name and what to do."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from tfkd.spec.errors import UserError

_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextlib.contextmanager
def permitted(runs: Path) -> Iterator[None]:
    """Inside, what may not be read or written in a folder of runs is the user's to mend.

    Raises:
        UserError: The operating system refused something in it.
    """
    try:
        yield
    except OSError as error:
        name = error.filename
        if error.errno not in _REFUSED or not isinstance(name, str):
            raise
        path = Path(name).absolute()
        if runs.absolute() not in path.parents:
            raise
        raise UserError(
            f"{path.parent} is not open for writing ({error.strerror}: {path.name}). Give this "
            "user the right to read and write there, or name another folder with --runs-dir; what "
            "is done is kept"
        ) from error
