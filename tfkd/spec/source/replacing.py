"""Texts of a spec's tree that are replaced where they stand: in the spec, and in its variants."""

from collections.abc import Callable, Sequence

from tfkd.spec.source.tree import Node

Places = Sequence[tuple[str, ...]]
Change = Callable[[Node], str]
# In a place, instead of a key: all keys of a mapping, as texts.
KEYS = "*keys"


def replaced(tree: Node, places: Places, change: Change, variants: bool = True) -> Node:
    """A tree whose texts at some places are others; it stays as it is.

    Args:
        tree: A spec's tree.
        places: Paths in it; * is any key or index, and `KEYS` at the end are a mapping's keys.
        change: The new text of a node that is one.
        variants: Whether what variants put there is replaced, too.
    """
    tree = _walk(tree, places, change)
    written = tree.child("variants") if variants else None
    if written is None or not written.is_mapping:
        return tree
    found = {name: _of_variant(changes, places, change) for name, changes in written.value.items()}
    own = Node(found, written.file, written.line, written.variant)
    return Node({**tree.value, "variants": own}, tree.file, tree.line, tree.variant)


def _of_variant(changes: Node, places: Places, change: Change) -> Node:
    """A variant's dotted paths, each with the texts that stand at and below its end."""
    if not changes.is_mapping:
        return changes
    found = {}
    for path, node in changes.value.items():
        left = places
        for key in path.split("."):
            left = _below(left, key)
        found[path] = _walk(node, left, change) if left else node
    return Node(found, changes.file, changes.line, changes.variant)


def _below(among: Places, key: str) -> Places:
    return [place[1:] for place in among if place and place[0] in (key, "*")]


def _walk(node: Node, among: Places, change: Change) -> Node:
    value = node.value
    if isinstance(value, str) and () in among:
        value = change(node)
    elif isinstance(value, dict):
        inner, of_keys = {key: _below(among, key) for key in value}, (KEYS,) in among
        value = {
            change(Node(key, child.file, child.line, child.variant)) if of_keys else key: (
                _walk(child, inner[key], change) if inner[key] else child
            )
            for key, child in value.items()
        }
    elif isinstance(value, list) and (inside := _below(among, "*")):
        value = [_walk(child, inside, change) for child in value]
    return Node(value, node.file, node.line, node.variant)
