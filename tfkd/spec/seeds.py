"""`seeds:` of a spec: everything that trains is trained once with each of them."""

from collections.abc import Mapping
from typing import Any

from tfkd.spec.faults import Faults
from tfkd.spec.tree import Node
from tfkd.spec.wording import shown

MOST = 100
_FORM = f"1 to {MOST} different seeds, like [1, 2, 3]"


def seeds(faults: Faults, tree: Node) -> tuple[int, ...]:
    """`seeds:`; () where there is none, or with a fault."""
    node = tree.value.get("seeds")
    if node is None or node.value is None:
        return ()
    given = node.plain()
    if (
        not isinstance(given, list)
        or not 0 < len(given) <= MOST
        or not all(type(one) is int and 0 <= one < 2**31 for one in given)
        or len({*given}) < len(given)
    ):
        faults.add(("seeds",), f"found {shown(given)}", _FORM)
        return ()
    return tuple(given)


def seeded(tree: Node, seed: int) -> Node:
    """A composed tree whose training stages have this seed, whatever they had.

    Args:
        tree: It stays as it is.
        seed: The seed.
    """
    stages = tree.child("stages")
    if stages is None or not stages.is_mapping:
        return tree
    origin = tree.value.get("seeds", tree)
    found = {name: _seeded(stage, seed, origin) for name, stage in stages.value.items()}
    own = Node(found, stages.file, stages.line, stages.variant)
    return Node({**tree.value, "stages": own}, tree.file, tree.line, tree.variant)


def _seeded(stage: Node, seed: int, origin: Node) -> Node:
    if not stage.is_mapping or "train" not in stage.value:
        return stage
    own = Node(seed, origin.file, origin.line, origin.variant)
    return Node({**stage.value, "seed": own}, stage.file, stage.line, stage.variant)


def seeded_variants(variants: Mapping[str, Any], seed: int) -> dict[str, dict[str, Any]]:
    """Variants in plain values that give training stages no other seed."""
    return {name: _seeded_changes(changes or {}, seed) for name, changes in variants.items()}


def _seeded_changes(changes: Mapping[str, Any], seed: int) -> dict[str, Any]:
    found = {}
    for path, value in changes.items():
        keys = path.split(".")
        if keys[0] == "stages" and len(keys) == 3 and keys[2] == "seed":
            value = seed
        elif keys[0] == "stages" and len(keys) == 2 and isinstance(value, dict):
            value = {**value, "seed": seed} if "train" in value else value
        elif path == "stages" and isinstance(value, dict):
            value = {
                name: {**stage, "seed": seed} if isinstance(stage, dict) and "train" in stage
                else stage
                for name, stage in value.items()
            }  # fmt: skip
        elif path == "seeds":
            continue
        found[path] = value
    return found
