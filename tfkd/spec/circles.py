"""Stages that wait for themselves: within a spec, and by way of its variants."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from tfkd.spec.references import parse


def needs(stage: Any) -> list[str]:
    """The stages that a stage reads, as references."""
    if stage.kind == "score":
        return [stage.score] if stage.score else []
    if stage.kind == "load":
        return []
    origins = stage.from_ or {}
    found = [origins] if isinstance(origins, str) else list(origins.values())
    terms = stage.objective.values()
    return found + [term.teacher for term in terms if getattr(term, "teacher", None)]


def circle(stages: Mapping[str, Any], variant: str | None) -> list[str]:
    """The way from a stage back to itself, in one variant of a spec; [] where there is none."""
    return circle_through_variants(stages, variant, lambda name: {})


def circle_through_variants(
    stages: Mapping[str, Any], variant: str | None, other: Callable[[str], Mapping[str, Any]]
) -> list[str]:
    """The same over `STAGE#VARIANT`; `other` gives a variant's stages."""
    known: dict[str | None, Mapping[str, Any]] = {variant: stages}

    def inputs(place: tuple[str | None, str]) -> list[Any]:
        if place[0] not in known:
            known[place[0]] = other(place[0] or "")
        return _inputs(known[place[0]], place)

    way = way_back([(variant, name) for name in stages], inputs)
    return [stage if of == variant else f"{stage}#{of}" for of, stage in way]


def way_back(starts: Iterable[Hashable], after: Callable[[Any], Iterable[Hashable]]) -> list[Any]:
    """The first way that a depth-first walk finds from a place to itself; [] where there is none.

    Args:
        starts: Where to begin, one after the other.
        after: The places that come after a place.
    """
    done: set[Hashable] = set()
    for start in starts:
        way: dict[Hashable, None] = {}  # the way from the start, in its order
        stack = [(start, False)]
        while stack:
            place, left = stack.pop()
            if left:
                del way[place]
                done.add(place)
            elif place in way:
                trail = list(way)
                return [*trail[trail.index(place) :], place]
            elif place not in done:
                way[place] = None
                stack.append((place, True))
                stack += [(one, False) for one in after(place)]
    return []


def _inputs(stages: Mapping[str, Any], place: tuple[str | None, str]) -> list[Any]:
    stage = stages.get(place[1])
    found = []
    for reference in needs(stage) if stage is not None else ():
        try:
            parsed = parse(reference)
        except ValueError:  # a fault of its own
            continue
        if parsed.spec is None:
            found.append((parsed.variant or place[0], parsed.stage))
    return found
