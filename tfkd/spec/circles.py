"""Stages that wait for themselves: within a spec, and by way of its variants."""

from collections.abc import Callable, Mapping
from typing import Any

from tfkd.spec.references import parse


def needs(stage: Any) -> list[str]:
    """The stages that a stage reads, as references."""
    if stage.kind == "score":
        return [stage.score] if stage.score else []
    origins = stage.from_ or {}
    found = [origins] if isinstance(origins, str) else list(origins.values())
    terms = stage.objective.values()
    return found + [term.teacher for term in terms if getattr(term, "teacher", None)]


def circle(stages: Mapping[str, Any], variant: str | None) -> list[str]:
    """The way from a stage back to itself, in one variant of a spec; [] where there is none."""
    return _way_back(
        [(variant, name) for name in stages],
        lambda place: stages if place[0] == variant else {},
    )


def circle_through_variants(
    stages: Mapping[str, Any], variant: str | None, other: Callable[[str], Mapping[str, Any]]
) -> list[str]:
    """The same over `STAGE#VARIANT`; `other` gives a variant's stages."""
    known: dict[str | None, Mapping[str, Any]] = {variant: stages}

    def of(place: tuple[str | None, str]) -> Mapping[str, Any]:
        if place[0] not in known:
            known[place[0]] = other(place[0] or "")
        return known[place[0]]

    return _way_back([(variant, name) for name in stages], of)


def _way_back(starts: list[tuple[str | None, str]], stages_of: Callable) -> list[str]:
    """A depth-first walk from each start; a stage met again on its own way is a circle."""
    done: set[tuple[str | None, str]] = set()
    for start in starts:
        way: list[tuple[str | None, str]] = []
        stack = [(start, False)]
        while stack:
            place, left = stack.pop()
            if left:
                way.pop()
                done.add(place)
            elif place in way:
                return [_shown(one, start) for one in [*way[way.index(place) :], place]]
            elif place not in done:
                way.append(place)
                stack.append((place, True))
                stack += [(one, False) for one in _inputs(stages_of(place), place)]
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


def _shown(place: tuple[str | None, str], start: tuple[str | None, str]) -> str:
    return place[1] if place[0] == start[0] or place[0] is None else f"{place[1]}#{place[0]}"
