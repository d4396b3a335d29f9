"""What `extends:` brings from another folder: its `SPEC:STAGE` references lead where they led."""

from pathlib import Path

from tfkd.spec.errors import SpecError, SpecErrors
from tfkd.spec.options.base import LONGEST_PATH
from tfkd.spec.references import Reference, parse, places
from tfkd.spec.tree import Node
from tfkd.spec.wording import cut

_Places = list[tuple[str, ...]]


def relocated(tree: Node, folder: Path) -> Node:
    """A tree whose references to other specs are relative to the file that extends it.

    Args:
        tree: The tree of a file that is extended; it stays as it is.
        folder: Its folder, as the extending file names it.

    Raises:
        SpecErrors: A path that becomes longer than any file's.
    """
    if folder == Path("."):
        return tree
    tree = _walk(tree, places(), folder)
    variants = tree.child("variants")
    if variants is None or not variants.is_mapping:
        return tree
    found = {name: _of_variant(changes, folder) for name, changes in variants.value.items()}
    own = Node(found, variants.file, variants.line, variants.variant)
    return Node({**tree.value, "variants": own}, tree.file, tree.line, tree.variant)


def _of_variant(changes: Node, folder: Path) -> Node:
    """A variant's dotted paths, each with the references that stand at and below its end."""
    if not changes.is_mapping:
        return changes
    found = {}
    for path, node in changes.value.items():
        left = places()
        for key in path.split("."):
            left = _below(left, key)
        found[path] = _walk(node, left, folder) if left else node
    return Node(found, changes.file, changes.line, changes.variant)


def _below(among: _Places, key: str) -> _Places:
    return [place[1:] for place in among if place and place[0] in (key, "*")]


def _walk(node: Node, among: _Places, folder: Path) -> Node:
    value = node.value
    if isinstance(value, str) and () in among:
        value = _moved(node, folder)
    elif isinstance(value, dict):
        inner = {key: _below(among, key) for key in value}
        value = {
            key: _walk(child, inner[key], folder) if inner[key] else child
            for key, child in value.items()
        }
    elif isinstance(value, list) and (inside := _below(among, "*")):
        value = [_walk(child, inside, folder) for child in value]
    return Node(value, node.file, node.line, node.variant)


def _moved(node: Node, folder: Path) -> str:
    try:
        parsed = parse(node.value)
    except ValueError:  # a fault of its own
        return node.value
    if parsed.spec is None:
        return node.value
    spec = str(folder / parsed.spec)
    if len(spec) > LONGEST_PATH:
        message = f"{cut(spec)} is longer than any file's path"
        raise SpecErrors([SpecError(node.file, node.line, "", message)])
    return str(Reference(parsed.stage, parsed.variant, spec))
