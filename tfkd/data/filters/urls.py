"""Pairs whose sides have other URLs or mail addresses."""

import re
from collections import Counter

from tfkd.data.filters.texts import Row
from tfkd.spec.options.filters import UrlsRuleOptions

_URL = re.compile(r"(?:\bhttps?://|\bwww\.)[^\s<>\"“”»]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# What ends a sentence is no part of an address that it ends with.
_AFTER = ".,;:!?)]}'’"


class Urls:
    """Drops a row where the addresses of its sides, with how often each stands there, differ."""

    def __init__(self, options: UrlsRuleOptions):
        del options

    def drops(self, row: Row) -> bool:
        return _urls(row["source"]) != _urls(row["target"])


def _urls(text: str) -> Counter:
    if "@" not in text and "www." not in text and "://" not in text:  # nearly all
        return Counter()
    return Counter(found.rstrip(_AFTER) for found in _URL.findall(text))
