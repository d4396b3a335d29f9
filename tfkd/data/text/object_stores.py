"""Files that URLs name, in object stores and on the web, as fsspec reads them."""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tfkd.data.files import FULL
from tfkd.data.text.urls import WEB, is_glob, refuse_secrets, shown_url, without_secrets
from tfkd.spec.errors import UserError

# What reads each kind of store, by the names that pip knows, beside fsspec.
PACKAGES = {
    "s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs",
    "hf": "huggingface_hub", "https": "aiohttp requests", "http": "aiohttp requests", "file": "",
    "memory": "",
}  # fmt: skip
# What stores tell of a file that another content, or another writing of it, has otherwise.
_DATES = ("mtime", "LastModified", "last_modified", "Last-Modified", "updated", "created")
_TOLD = (
    "size", "ETag", "etag", "md5Hash", "md5", "content_md5", "Content-MD5", "Digest", "blob_id",
    "generation", *_DATES,
)  # fmt: skip
# Seconds that a store has to answer, to list what a glob matches, to take up a connection, and
# between two pieces of a file.
_ANSWERS, _LISTS, _CONNECTS, _SENDS = 60, 600, 20, 60


def system_of(url: str) -> Any:
    """What reads a URL's store, an `fsspec.AbstractFileSystem`.

    Raises:
        UserError: No store is reached so, or a package is missing.
    """
    kind, _, rest = url.partition("://")
    if kind not in PACKAGES or ("::" in rest.partition("?")[0] and kind not in WEB):
        raise UserError(
            f"{shown_url(url)}: expected a URL that begins with one of "
            f"{', '.join(f'{one}://' for one in PACKAGES)}"
        )
    refuse_secrets(url)
    if kind == "file" and not re.match(r"/|[A-Za-z]:[/\\]", rest):
        raise UserError(
            f"{url}: expected file:/// and a path from the root on; a file in the data folder is "
            "named without file://"
        )
    try:
        import fsspec

        return fsspec.filesystem(kind, **_patience(kind))
    except ImportError as error:
        needed = f"'tfkd[stores]' {PACKAGES[kind]}".rstrip()
        raise UserError(
            f"{shown_url(url)} needs packages that cannot be imported ({error}): pip install "
            f"{needed}"
        ) from None


def _patience(kind: str) -> dict[str, Any]:
    """A download from the web may take any time, as long as something comes."""
    if kind not in WEB:
        return {}
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECTS, sock_read=_SENDS)
    return {"client_kwargs": {"timeout": timeout}}


def forget_listings(url: str) -> None:
    """Has a store asked anew, whatever this process has heard of it before."""
    system_of(url).invalidate_cache()


def matching(pattern: str) -> list[str]:
    """The URLs of the files that a URL or glob names, by their names.

    Raises:
        UserError: There is none, or a folder.
        Exception: Whatever the store's package raises.
    """
    if not is_glob(pattern):
        told(pattern)
        return [pattern]
    system = system_of(pattern)
    found = _within(_LISTS, lambda: system.glob(pattern, detail=True))
    names = sorted(name for name, info in found.items() if info.get("type") != "directory")
    if not names:
        raise UserError(
            f"{shown_url(pattern)} matches no file; see whether the names are right (`*` and `[` "
            "are those of a glob)"
        )
    return [system.unstrip_protocol(name) for name in names]


def told(url: str) -> dict[str, Any]:
    """What a store tells of a file.

    Raises:
        UserError: It is a folder, or something else that is no file.
        Exception: Whatever the store's package raises.
    """
    system = system_of(url)
    info = _within(_ANSWERS, lambda: system.info(url))
    if info.get("type") == "directory":
        folder = shown_url(url).rstrip("/")
        raise UserError(f"{folder} is a folder; name the files in it, like {folder}/*")
    if info.get("type") == "other":
        raise UserError(f"{shown_url(url)} is a pipe, a device or the like; save it as a file")
    return info


def _within(seconds: float, ask: Callable[[], Any]) -> Any:
    """What a store answers.

    Raises:
        TimeoutError: It does not, in this time; what waits for it does no harm.
        Exception: Whatever the store's package raises.
    """
    answers: list[Any] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            answers.append(ask())
        except Exception as error:
            errors.append(error)

    asking = threading.Thread(target=run, daemon=True)
    asking.start()
    asking.join(seconds)
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return answers[0]


def told_of(info: Mapping[str, Any]) -> dict[str, str]:
    """What a store tells of a file's content: its size, its dates, hashes of it."""
    return {name: str(info[name]).strip('"') for name in _TOLD if info.get(name) is not None}


def tells_of_changes(info: Mapping[str, Any]) -> bool:
    """Whether a store tells more of a file than its size."""
    return bool(told_of(info).keys() - {"size"})


def differences(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """What was told otherwise of a file the second time, by `told_of`.

    Where hashes were told both times they decide, beside the size: of dates a store may tell more
    where it lists its files.
    """
    both = [name for name in _TOLD if name in first and name in second]
    hashes = [name for name in both if name not in _DATES and name != "size"]
    asked = [name for name in both if name == "size" or name in (hashes or both)]
    return {name: (first[name], second[name]) for name in asked if first[name] != second[name]}


def described(pattern: str) -> str:
    """What is said of a URL before a run fetches what it names; nothing is fetched.

    Raises:
        UserError: It cannot be read, or matches nothing.
    """
    with reaching(pattern):
        found = matching(pattern)
        sizes = [told(url).get("size") or 0 for url in found]
    files = f"{len(found):,} files, " if len(found) > 1 else ""
    return f"{shown_url(pattern)}: a run fetches it ({files}{amount(sum(sizes))})"


@contextlib.contextmanager
def reaching(pattern: str, folder: str = "") -> Iterator[None]:
    """Inside, whatever a store's package raises is the user's to mend.

    Args:
        pattern: The URL.
        folder: Where copies are written, whose errors stay what they are.

    Raises:
        UserError: It cannot be read.
        OSError: The disk is full, or the folder cannot be written.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if isinstance(error, OSError):
            name = str(error.filename or "")
            if error.errno in FULL or (folder and name.startswith(folder)):
                raise
        if is_missing(error):
            raise UserError(f"{shown_url(pattern)}: there is no such file") from error
        raise UserError(
            f"{shown_url(pattern)} cannot be read ({reason(error)}); see whether it can be reached "
            "from here, and whether you may read it"
        ) from error


def is_missing(error: Exception) -> bool:
    """Whether a store says that there is no such file; of the web, fsspec says so whatever was the
    matter."""
    if not isinstance(error, FileNotFoundError):
        return False
    cause = error.__cause__
    if (status := getattr(cause, "status", None)) is not None:
        return status in (404, 410)
    return not isinstance(cause, OSError | TimeoutError) or isinstance(cause, FileNotFoundError)


def is_refused(error: Exception) -> bool:
    """Whether a store says that a file is not there or may not be read, and not that it is out of
    reach."""
    status = getattr(error.__cause__, "status", None)
    return (
        isinstance(error, PermissionError | UserError) or is_missing(error) or status in (401, 403)
    )


def reason(error: Exception) -> str:
    """The first line of what an error says, or its kind, without the queries of URLs."""
    if isinstance(error, FileNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    said = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    return without_secrets(said)


def amount(size: int) -> str:
    """Bytes in words."""
    return f"{size / 2**20:,.1f} MiB"
