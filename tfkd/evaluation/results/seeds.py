"""The form of results.json: what several seeds give together."""

from typing import Any, NotRequired

# Before Python 3.12 pydantic checks only this TypedDict, which comes with it.
from typing_extensions import TypedDict


class OverSeeds(TypedDict):
    """See `seed_intervals.over_seeds`."""

    n: int
    mean: float
    std: float | None
    low: float | None
    high: float | None


class SeedsAgainst(TypedDict):
    """A baseline's own scores over the seeds, and the system's differences to it by seed."""

    of: str
    variant: str | None
    metrics: dict[str, OverSeeds]
    differences: dict[str, OverSeeds]


class SeedSummary(TypedDict):
    """One model on one test set over the seeds."""

    of: str
    export: NotRequired[str]
    variant: str | None
    on: str
    decode: dict[str, Any] | None
    context: NotRequired[int]
    seeds: list[int]
    metrics: dict[str, OverSeeds]
    against: SeedsAgainst | None
