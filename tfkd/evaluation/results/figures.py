"""The form of results.json: a metric's figures, and what is known of it."""

from typing import NotRequired

# Before Python 3.12 pydantic checks only this TypedDict, which comes with it.
from typing_extensions import TypedDict


class Figure(TypedDict):
    """One metric's value with its 95 % interval and signature."""

    value: float
    low: float | None
    high: float | None
    signature: str


class Comparison(TypedDict):
    """One metric of the baseline with its own interval, `value_low` to `value_high`, and the
    system's difference to it (paired bootstrap); `p` is by `p_by`, and without this one-sided (see
    `verdict.p_of`)."""

    value: float
    value_low: NotRequired[float]
    value_high: NotRequired[float]
    delta: float
    low: float
    high: float
    p: float
    p_by: NotRequired[str]
    wins: NotRequired[float]


class NoisePoint(TypedDict):
    """A metric under noise of one sigma: its values by draw, their mean and standard deviation;
    None where the outputs are no numbers any more."""

    sigma: float
    mean: float | None
    std: float | None
    values: list[float | None]


class Noise(TypedDict):
    """Metrics under noise on the parameters, sigma 0 first; see `parameter_noise`."""

    seed: int
    draws: int
    metrics: dict[str, list[NoisePoint]]


class Trivial(TypedDict):
    """A system that has learnt nothing, see `trivial_systems`: its scores, and the evaluated
    system's less these. `frequencies` of training or of the test set; `guess`: the class, or the
    line that a model writes again and again."""

    kind: str
    metrics: dict[str, Comparison]
    frequencies: NotRequired[str]
    guess: NotRequired[str]


class Told(TypedDict):
    """What is known of a metric that a plugin has; see `metrics.Metric`."""

    title: str
    higher_is_better: bool
    decimals: int
    percent: bool
    logarithmic: bool
    proper: bool
