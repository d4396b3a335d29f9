"""Stages that wait for themselves: within a spec, by way of its variants and of other specs."""

import os
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tfkd.spec.errors import SpecErrors
from tfkd.spec.other_specs import OtherSpecs, real_place
from tfkd.spec.references import parse
from tfkd.spec.tree import Node
from tfkd.spec.wording import cut

# The file of another spec (None: the spec itself, with its `--set`), a variant, a stage.
_Place = tuple[str | None, str | None, str]


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


def written_needs(stage: Node) -> list[str]:
    """The same of a stage as it was written, right or wrong."""
    plain = stage.plain()
    if not isinstance(plain, dict) or "load" in plain:
        return []
    if "score" in plain:
        found = [plain["score"]]
    else:
        origins, terms = plain.get("from"), plain.get("objective")
        found = list(origins.values()) if isinstance(origins, dict) else [origins]
        for term in terms.values() if isinstance(terms, dict) else ():
            if isinstance(term, dict) and term.get("weight") != 0:
                found.append(term.get("teacher"))
    return [reference for reference in found if isinstance(reference, str)]


def circle(stages: Mapping[str, Any], variant: str | None) -> list[str]:
    """The way from a stage back to itself, in one variant of a spec; [] where there is none."""

    def inputs(name: str) -> list[str]:
        found = _inputs(needs(stages[name]), (None, variant, name)) if name in stages else []
        return [stage for spec, of, stage in found if spec is None and of == variant]

    return round_trip(way_back(stages, inputs))


def circle_through_all(
    stages: Mapping[str, Any],
    variant: str | None,
    other: Callable[[str], Mapping[str, Any]],
    specs: OtherSpecs,
    home: Path,
) -> tuple[str, list[str]]:
    """The same over `STAGE#VARIANT` and `SPEC:STAGE#VARIANT`.

    What other specs say is taken as it was written: their faults are their own.

    Args:
        stages: The spec's stages, in the variant.
        variant: The variant.
        other: Gives another variant's stages.
        specs: Gives other specs.
        home: The spec's file.

    Returns:
        The stage of this spec that the circle is reached from, and the circle; ("", []) where
        there is none.
    """
    known: dict[str | None, Mapping[str, Any]] = {variant: stages}

    def inputs(place: _Place) -> list[_Place]:
        spec, of, name = place
        if spec is not None:
            return _inputs(_written(specs, place), place)
        if of not in known:
            known[of] = other(of or "")
        return _inputs(needs(known[of][name]) if name in known[of] else [], place, home)

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
                file = real_place(Path(spec or home), parsed.spec)
                found.append((str(file), parsed.variant, parsed.stage))
    return found


def _written(specs: OtherSpecs, place: _Place) -> list[str]:
    spec, variant, name = place
    try:
        stages = specs.tree(Path(spec or ""), variant).child("stages")
    except SpecErrors:
        return []
    stage = stages.child(name) if stages is not None else None
    return written_needs(stage) if stage is not None else []


def _shown(place: _Place, variant: str | None, home: Path) -> str:
    spec, of, stage = place
    own = variant if spec is None else None
    text = stage if of == own else f"{stage}#{of}"
    if spec is None:
        return text
    return f"{cut(os.path.relpath(spec, os.path.realpath(home.parent)))}:{text}"
