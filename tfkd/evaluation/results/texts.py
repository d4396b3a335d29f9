"""The form of results.json: what outputs have beside their scores."""

from typing import NotRequired

# Before Python 3.12 pydantic checks only this TypedDict, which comes with it.
from typing_extensions import TypedDict

# `from` is a word of Python's own, hence the other way to write a TypedDict.
Bucket = TypedDict(
    "Bucket",
    {
        "from": int,
        "to": int | None,
        "rows": int,
        "value": float | None,
        "against": float | None,
        "against_rows": NotRequired[int],
    },
)


class DifferingRow(TypedDict):
    """A row on which system and baseline differ, with the score of each on it alone."""

    row: int
    source: str
    reference: str
    hypothesis: str
    against: str
    value: float
    against_value: float


class Differing(TypedDict):
    """The rows with the largest gains and losses in a metric; see `differing_rows`."""

    metric: str
    rows: list[DifferingRow]


class RougeWords(TypedDict):
    """How ROUGE counted words; `lost`: the share of the references' that lost letters by it."""

    words: str
    stem: bool
    lost: float


class RougeByLength(TypedDict):
    """A ROUGE metric by length."""

    metric: str
    buckets: list[Bucket]
