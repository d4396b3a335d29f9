"""What another host has written, as soon as it is seen here."""

import time
from collections.abc import Callable
from typing import Any

from tfkd.outside.user_error import UserError

# A network file system may show a file that another host wrote some seconds late.
PATIENCE_SECONDS = 60.0


def awaited(
    read: Callable[[], Any],
    place: object,
    errors: tuple[type[Exception], ...] = (OSError,),
    patience: float = PATIENCE_SECONDS,
) -> Any:
    """What `read` returns as soon as it does not raise.

    Args:
        read: Raises while what another host wrote is not to be seen.
        place: Where it is, for the message.
        errors: What it raises then.
        patience: Seconds to try.

    Raises:
        UserError: It is still not to be seen.
    """
    end = time.monotonic() + patience
    while True:
        try:
            return read()
        except errors as error:
            if time.monotonic() > end:
                raise UserError(
                    f"{place} is not here as host 0 wrote it ({error}). All hosts need one folder "
                    "of runs: name it with --runs-dir, on a file system that they share"
                ) from error
            time.sleep(0.5)
