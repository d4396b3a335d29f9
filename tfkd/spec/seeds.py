"""`seeds:`: what has them is trained once with each, and what comes after it is made of each.

Of a spec, they are those of all its training stages; of a stage, its own, and the stages that it
rests on are trained once.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tfkd.spec.faults import Faults
from tfkd.spec.source.tree import Node
from tfkd.spec.stage_kinds import type_of
from tfkd.spec.wording import shown

MOST = 100
_FORM = f"1 to {MOST} different seeds, like [1, 2, 3]"


def seeds(faults: Faults, tree: Node) -> tuple[int, ...]:
    """The seeds of a spec or of its stages; () where there are none, or with a fault."""
    found: dict[tuple[str, ...], tuple[int, ...]] = {}
    for path, node in written_seeds(tree):
        given = node.plain()
        if are_seeds(given):
            found[path] = tuple(given)
        elif path == ("seeds",):  # of a stage, its options say it
            faults.add(path, f"found {shown(given)}", _FORM)
    if not found:
        return ()
    (first, chosen), *others = found.items()
    for path, given in others:
        if first == ("seeds",):
            faults.add(path, "all that trains has the spec's seeds", "seeds at one of both places")
        elif given != chosen:
            message = f"found {[*given]}, and {'.'.join(first)} are {[*chosen]}"
            faults.add(path, message, "the same: stages with seeds are trained with each together")
    return chosen


def written_seeds(tree: Node) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Where seeds stand: first the spec's, then each stage's."""
    whole = tree.value.get("seeds")
    if whole is not None and whole.value is not None:
        yield ("seeds",), whole
    for name, stage in _stages(tree):
        node = stage.value.get("seeds")
        if _trains(stage) and node is not None and node.value is not None:
            yield ("stages", name, "seeds"), node


def are_seeds(given: Any) -> bool:
    """Whether these are different seeds, and not too many."""
    return (
        isinstance(given, list)
        and 0 < len(given) <= MOST
        and all(type(one) is int and 0 <= one < 2**31 for one in given)
        and len({*given}) == len(given)
    )


def _stages(tree: Node) -> Iterator[tuple[str, Node]]:
    stages = tree.child("stages")
    if stages is not None and stages.is_mapping:
        yield from ((name, stage) for name, stage in stages.value.items() if stage.is_mapping)


def _trains(stage: Node) -> bool:
    return _has_seeds(stage.value)


def _has_seeds(stage: Mapping[str, Any]) -> bool:
    return "seeds" in getattr(type_of(stage), "model_fields", ())


def seeded_stages(tree: Node) -> tuple[str, ...]:
    """The training stages that seeds are for: all, those with seeds of their own, or none."""
    places = dict(written_seeds(tree))
    if ("seeds",) in places:
        return tuple(name for name, stage in _stages(tree) if _trains(stage))
    return tuple(path[1] for path in places)


def given_seeds(plain: Mapping[str, Any]) -> list[int]:
    """The seeds of a resolved spec in plain values, or of its stages; [] where it has none."""
    stages = plain.get("stages")
    stages = stages.values() if isinstance(stages, dict) else ()
    own = (stage.get("seeds") for stage in stages if isinstance(stage, dict))
    return plain.get("seeds") or next(filter(None, own), [])


def seeded(tree: Node, seed: int) -> Node:
    """A composed tree whose stages with seeds have this one alone, whatever theirs was.

    Args:
        tree: It stays as it is.
        seed: The seed.
    """
    stages = tree.child("stages")
    chosen = seeded_stages(tree)
    if stages is None or not chosen:
        return tree
    whole = tree.value.get("seeds", tree)
    found = {
        name: _seeded(stage, seed, whole) if name in chosen else stage
        for name, stage in stages.value.items()
    }
    own = Node(found, stages.file, stages.line, stages.variant)
    return Node({**tree.value, "stages": own}, tree.file, tree.line, tree.variant)


def _seeded(stage: Node, seed: int, whole: Node) -> Node:
    origin = stage.value.get("seeds", whole)
    own = Node(seed, origin.file, origin.line, origin.variant)
    rest = {key: value for key, value in stage.value.items() if key != "seeds"}
    return Node({**rest, "seed": own}, stage.file, stage.line, stage.variant)


def seeded_variants(
    variants: Mapping[str, Any], seed: int, stages: Collection[str], whole: bool
) -> dict[str, dict[str, Any]]:
    """Variants in plain values that give stages with seeds no other one.

    Args:
        variants: By name, as they were written.
        seed: The seed.
        stages: The stages with seeds.
        whole: Whether they are the spec's, all that trains: then what variants add has them too.
    """
    return {
        name: _seeded_changes(changes or {}, seed, stages, whole)
        for name, changes in variants.items()
    }


def _seeded_changes(
    changes: Mapping[str, Any], seed: int, stages: Collection[str], whole: bool
) -> dict[str, Any]:
    def stage(options: Any) -> Any:
        if not isinstance(options, dict) or not _has_seeds(options):
            return options
        rest = {key: value for key, value in options.items() if key != "seeds"}
        return {**rest, "seed": seed} if whole or options.get("seeds") else rest

    found = {}
    for path, value in changes.items():
        keys = path.split(".")
        in_stage = keys[0] == "stages" and len(keys) == 3
        if path == "seeds":
            continue
        if in_stage and keys[2] == "seeds":
            path, value = f"stages.{keys[1]}.seed", seed
        elif in_stage and keys[2] == "seed":
            value = seed if whole or keys[1] in stages else value
        elif keys[0] == "stages" and len(keys) == 2:
            value = stage(value)
        elif path == "stages" and isinstance(value, dict):
            value = {name: stage(one) for name, one in value.items()}
        found[path] = value
    return found
