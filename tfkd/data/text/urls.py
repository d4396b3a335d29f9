"""What a URL says: which kind of store, whether it is a glob, how it is shown without secrets."""

import hashlib
import re

from tfkd.spec.errors import UserError

# Names of a query's values that open what others may not read, in lower case without `-` and `_`.
_SECRET = re.compile(
    r"(.*(signature|credential|token|secret|password|passwd|apikey|accesskeyid)|sig|key|auth|pwd)"
)
# Addresses within a text: the store, who asks, the place, the query.
_IN_TEXT = re.compile(r"([A-Za-z][\w+.-]*://)([^\s/?#'\"]*@)?([^\s?'\"<>]*)(\?[^\s'\"<>)]*)?")
WEB = ("https", "http")


def is_url(pattern: str) -> bool:
    """Whether this names a file by URL, as no path in a data folder is called."""
    return "://" in str(pattern)


def kind_of(url: str) -> str:
    """What stands before `://`."""
    return url.partition("://")[0]


def is_glob(url: str) -> bool:
    """Whether a URL names all files that it matches; `?` begins a query, and brackets of a host
    hold an address."""
    kind, _, rest = url.partition("://")
    place = rest.partition("/")[2] if kind in WEB else rest
    return "*" in place or "[" in place


def canonical(url: str) -> str:
    """The URL as stores write it, of several that name one file."""
    kind, _, rest = url.partition("://")
    return f"{kind}:///{rest.lstrip('/')}" if kind in ("memory", "file") else url


def shown_url(url: str) -> str:
    """A URL without its query, where signatures stand, and without a password."""
    kind, mark, rest = url.partition("?")[0].partition("://")
    host, slash, place = rest.partition("/")
    return f"{kind}{mark}{'...@' if _password(kind, host) else ''}{_bare(kind, host)}{slash}{place}"


def called_in_reports(url: str) -> str:
    """What a file is called: `shown_url`, and where there is a query, a digest of it, for another
    query is another file."""
    query = url.partition("?")[2]
    digest = hashlib.sha256(query.encode()).hexdigest()[:8]
    return f"{shown_url(url)}?~{digest}" if query else shown_url(url)


def without_secrets(text: str) -> str:
    """A text whose URLs have no queries and no passwords."""
    return _IN_TEXT.sub(lambda found: f"{found[1]}{found[3]}", text)


def refuse_secrets(url: str) -> None:
    """Refuses a URL that would bring a secret into the spec, and with it into results.

    Raises:
        UserError: It has a password, or a query that is signed.
    """
    kind, _, rest = url.partition("://")
    place, _, query = rest.partition("?")
    if _password(kind, place.partition("/")[0]):
        raise UserError(
            f"{shown_url(url)}: it has a password in it, which would stand in the spec and in "
            "results; expected a URL without"
        )
    names = [one.partition("=")[0] for one in query.split("&")] if kind in WEB else []
    for name in names:
        if _SECRET.fullmatch(re.sub(r"[-_]", "", name.lower())):
            raise UserError(
                f"{shown_url(url)}: its query has `{name}`, which would stand in the spec and in "
                "results; expected a URL without, or fetch the file first"
            )


def _password(kind: str, host: str) -> bool:
    """Whether a secret stands before the host; of some stores, the container's name does."""
    who = host.rpartition("@")[0]
    return bool(who) and (kind in WEB or ":" in who)


def _bare(kind: str, host: str) -> str:
    return host.rpartition("@")[2] if _password(kind, host) else host
