"""One teacher or several, as a spec writes them: `A`, `[A, B]` or `{A: 0.7, B: 0.3}`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import WithJsonSchema

from tfkd.spec.faults import Faults
from tfkd.spec.wording import shown as in_short

_ONE = {"type": "string", "minLength": 1}
_WEIGHT = {"type": "number", "exclusiveMinimum": 0}
_LEAST, _MOST = 1e-100, 1e100
# What may be written; see `spread`.
TEACHERS = WithJsonSchema(
    {
        "anyOf": [
            _ONE,
            {"type": "array", "items": _ONE, "minItems": 1},
            {"type": "object", "additionalProperties": _WEIGHT, "minProperties": 1},
        ]
    }
)


def spread(options: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Options in plain values whose teachers are not written as a list, or as a mapping with their
    weights, but as the first and those `beside` it.

    Args:
        options: Those of a stage or a term.
        key: What names the first.
    """
    given, own = options.get(key), {}
    if isinstance(given, Mapping) and given:
        own["weights"], given = list(given.values()), list(given)
    if isinstance(given, list) and given:
        own |= {key: given[0], "beside": given[1:]}
    if isinstance(given, list | Mapping) and not given:
        own[key] = None  # no teacher: as if it were not there
    return {**options, **own}


def checked(faults: Faults, path: tuple, options: Mapping[str, Any], key: str) -> dict[str, Any]:
    """`spread`, with a fault for each thing that is said twice, or is no weight."""
    if isinstance(given := options.get(key), list):
        for index, one in enumerate(given):
            if not isinstance(one, str):
                faults.add((*path, key, index), f"found {in_short(one)}", "the name of a stage")
        options = {**options, key: [one for one in given if isinstance(one, str)]}
    given, found = options.get(key), spread(options, key)
    for other in ("beside", "weights"):
        if options.get(other) and found[other] is not options[other]:
            faults.add((*path, other), f"{key}: says it, too", f"one of {key}: and {other}:")
    ill = {} if not isinstance(given, dict) else {
        name: weight for name, weight in given.items() if not _weighs(weight)
    }  # fmt: skip
    for name, weight in ill.items():
        faults.add((*path, key, name), f"found {in_short(weight)}", _expected(weight))
    if ill:
        found["weights"] = None
    teachers, weights = [found.get(key), *(found.get("beside") or [])], found.get("weights")
    if isinstance(weights, list) and not isinstance(given, dict):
        for index, weight in enumerate(weights):
            if type(weight) in (int, float) and weight > 0 and not _weighs(weight):
                faults.add(
                    (*path, "weights", index), f"found {in_short(weight)}", _expected(weight)
                )
    if isinstance(weights, list) and len(weights) != len(teachers):
        faults.add(
            (*path, "weights"), f"{len(weights)} weights of {len(teachers)} teachers",
            "one for each",
        )  # fmt: skip
    for name in {str(one) for one in teachers if teachers.count(one) > 1}:
        faults.add((*path, key), f"{name} twice", "each teacher once")
    return found


def shares_of(weights: Sequence[float] | None) -> list[float] | None:
    """Weights that add up to 1; None where each has as much."""
    if weights is None or len({*weights}) == 1:
        return None
    return [one / sum(weights) for one in weights]


def name_of_mean(teachers: Sequence[str], shares: Sequence[float] | None) -> str:
    """What several teachers together are called: `A and B`, or `0.7 A and 0.3 B`."""
    if shares is None:
        return " and ".join(teachers)
    return " and ".join(f"{share:g} {one}" for one, share in zip(teachers, shares, strict=True))


def _weighs(weight: Any) -> bool:
    return type(weight) in (int, float) and _LEAST <= weight <= _MOST


def _expected(weight: Any) -> str:
    """Beyond these bounds a sum of weights, or a share of it, is no number above 0 any more."""
    beyond = type(weight) in (int, float) and 0 < weight < math.inf
    return f"a weight of {_LEAST:g} to {_MOST:g}" if beyond else "a weight above 0"


def teachers_of(options: Any) -> list[str]:
    """The references of a term's teachers, [] where it has none: a plugin's may have one alone."""
    first = getattr(options, "teacher", None)
    return [] if first is None else [first, *getattr(options, "beside", ())]


def each_alone(options: Any) -> list[Any]:
    """A term's options as they would be with each of its teachers alone."""
    if not getattr(options, "beside", ()):
        return [options]
    return [
        options.model_copy(update={"teacher": one, "beside": [], "weights": None})
        for one in teachers_of(options)
    ]
