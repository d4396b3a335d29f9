"""Files that URLs name, in object stores and on the web, as fsspec reads them."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from tfkd.data.files import FULL
from tfkd.spec.errors import UserError

# What reads each kind of store, by the names that pip knows, beside fsspec.
PACKAGES = {
    "s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs",
    "hf": "huggingface_hub", "https": "aiohttp requests", "http": "aiohttp requests", "file": "",
    "memory": "",
}  # fmt: skip
# What stores tell of a file that another content, or another writing of it, has otherwise.
_TOLD = (
    "size", "ETag", "etag", "md5Hash", "md5", "content_md5", "blob_id", "generation", "mtime",
    "LastModified", "last_modified", "updated", "created",
)  # fmt: skip


def is_url(pattern: str) -> bool:
    """Whether this names a file by URL, as no path in a data folder is called."""
    return "://" in str(pattern)


def is_glob(url: str) -> bool:
    """Whether a URL names all files that it matches; `?` begins a query."""
    return "*" in url or "[" in url


def shown_url(url: str) -> str:
    """A URL without its query, where signatures stand."""
    return url.partition("?")[0]


def system_of(url: str) -> Any:
    """What reads a URL's store, an `fsspec.AbstractFileSystem`.

    Raises:
        UserError: No store is reached so, or a package is missing.
    """
    kind, _, rest = url.partition("://")
    if kind not in PACKAGES or "::" in url:
        raise UserError(
            f"{shown_url(url)}: expected a URL that begins with one of "
            f"{', '.join(f'{one}://' for one in PACKAGES)}"
        )
    if kind in ("https", "http") and "@" in rest.partition("/")[0]:
        raise UserError(
            f"{kind}://...@{rest.partition('@')[2]}: it has a password in it, which would stand in "
            "the spec and in results; expected a URL without"
        )
    try:
        import fsspec

        return fsspec.filesystem(kind)
    except ImportError as error:
        needed = f"'tfkd[stores]' {PACKAGES[kind]}".rstrip()
        raise UserError(
            f"{shown_url(url)} needs packages that cannot be imported ({error}): pip install "
            f"{needed}"
        ) from None


def matching(pattern: str) -> list[str]:
    """The URLs of the files that a URL or glob names, by their names.

    Raises:
        UserError: There is none, or a folder.
        Exception: Whatever the store's package raises.
    """
    system = system_of(pattern)
    if not is_glob(pattern):
        if system.info(pattern).get("type") == "directory":
            folder = shown_url(pattern).rstrip("/")
            raise UserError(f"{folder} is a folder; name the files in it, like {folder}/*")
        return [pattern]
    found = system.glob(pattern, detail=True)
    names = sorted(name for name, info in found.items() if info.get("type") != "directory")
    if not names:
        raise UserError(f"{shown_url(pattern)} matches no file; see whether the names are right")
    return [system.unstrip_protocol(name) for name in names]


def told_of(info: Mapping[str, Any]) -> dict[str, str]:
    """What a store tells of a file's content: its size, its date, a hash of it."""
    return {name: str(info[name]) for name in _TOLD if info.get(name) is not None}


def described(pattern: str) -> str:
    """What is said of a URL before a run fetches what it names; nothing is fetched.

    Raises:
        UserError: It cannot be read, or matches nothing.
    """
    with reaching(pattern):
        found = matching(pattern)
        sizes = [system_of(pattern).info(url).get("size") or 0 for url in found]
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
        if isinstance(error, FileNotFoundError):
            raise UserError(f"{shown_url(pattern)}: there is no such file") from error
        raise UserError(
            f"{shown_url(pattern)} cannot be read ({reason(error)}); see whether it can be reached "
            "from here, and whether you may read it"
        ) from error


def reason(error: Exception) -> str:
    """The first line of what an error says, or its kind."""
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__


def amount(size: int) -> str:
    """Bytes in words."""
    return f"{size / 2**20:,.1f} MiB"
