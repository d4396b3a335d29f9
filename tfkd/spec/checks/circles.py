"""Stages that wait for themselves: within a spec, by way of its variants and of other specs."""

import os
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tfkd.spec.checks.other_specs import OtherSpecs, real_path
from tfkd.spec.checks.stage_inputs import inputs_of
from tfkd.spec.errors import SpecErrors
from tfkd.spec.references import parse
from tfkd.spec.wording import cut

# The file of another spec (None: the spec itself, with its `--set`), a variant, and a stage or,
# on the way to one, `data.NAME` or `tokenizers.NAME`.
_Place = tuple[str | None, str | None, str]


def circle(stages: Iterable[str], spec: Mapping[str, Any], variant: str | None) -> list[str]:
    """The way from a stage back to itself, in one variant of a spec; [] where there is none.

    Args:
        stages: Where to begin.
        spec: The spec in plain values, as it is in the variant.
        variant: The variant.
    """

    def inputs(name: str) -> list[str]:
        found = _inputs(inputs_of(spec, name), (None, variant, name))
        return [part for spec, of, part in found if spec is None and of == variant]

    trail = round_trip(way_back(stages, inputs))
    first = next((index for index, part in enumerate(trail) if "." not in part), None)
    # A circle of nothing but corpora is none of stages.
    return [] if first is None else [*trail[first:-1], *trail[:first], trail[first]]


def circle_through_all(
    stages: Iterable[str],
    spec: Mapping[str, Any],
    variant: str | None,
    other: Callable[[str], Mapping[str, Any]],
    specs: OtherSpecs,
    home: Path,
) -> tuple[str, list[str]]:
    """The same over `STAGE#VARIANT` and `SPEC:STAGE#VARIANT`.

    What other specs say is taken as it was written: their faults are their own.

    Args:
        stages: Where to begin.
        spec: The spec in plain values, as it is in the variant.
        variant: The variant.
        other: Gives the same of another variant.
        specs: Gives other specs.
        home: The spec's file.

    Returns:
        The stage of this spec that the circle is reached from, and the circle; ("", []) where
        there is none.
    """
    known: dict[tuple[str | None, str | None], Mapping[str, Any]] = {(None, variant): spec}

    def inputs(place: _Place) -> list[_Place]:
        file, of, part = place
        if (file, of) not in known:
            known[file, of] = _written(specs, file, of) if file else other(of or "")
        return _inputs(inputs_of(known[file, of], part), place, None if file else home)

    way = way_back([(None, variant, name) for name in stages], inputs)
    if not way:
        return "", []
    return way[0][2], [_shown(place, variant, home) for place in round_trip(way)]


def way_back(starts: Iterable[Hashable], after: Callable[[Any], Iterable[Hashable]]) -> list[Any]:
    """The first way that a depth-first walk finds from a start to a place that is on it already.

    Args:
        starts: Where to begin, one after the other.
        after: The places that come after a place.

    Returns:
        The way from its start; its last place stands twice on it. [] where there is none.
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
                return [*way, place]
            elif place not in done:
                way[place] = None
                stack.append((place, True))
                stack += [(one, False) for one in after(place)]
    return []


def round_trip(way: list[Any]) -> list[Any]:
    """The circle at the end of a way that `way_back` found."""
    return way[way.index(way[-1]) :] if way else []


def _inputs(references: list[str], place: _Place, home: Path | None = None) -> list[_Place]:
    """The places that references of a place lead to; without `home`, those of its own file."""
    spec, variant, _ = place
    found: list[_Place] = []
    for reference in references:
        with suppress(ValueError):  # a fault of its own
            parsed = parse(reference)
            if parsed.spec is None:
                found.append((spec, parsed.variant or variant, parsed.stage))
            elif spec is not None or home is not None:
                file = real_path(Path(spec or home), parsed.spec)
                found.append((str(file), parsed.variant, parsed.stage))
    return found


def _written(specs: OtherSpecs, file: str, variant: str | None) -> Mapping[str, Any]:
    try:
        found = specs.tree(Path(file), variant).plain()
    except SpecErrors:
        return {}
    return found if isinstance(found, dict) else {}


def _shown(place: _Place, variant: str | None, home: Path) -> str:
    spec, of, stage = place
    own = variant if spec is None else None
    text = stage if of == own else f"{stage}#{of}"
    if spec is None:
        return text
    return f"{cut(os.path.relpath(spec, os.path.realpath(home.parent)))}:{text}"
