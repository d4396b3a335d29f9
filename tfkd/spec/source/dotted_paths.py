"""Dotted paths: how variants and `--set` say what they replace."""

from tfkd.spec.errors import SpecError, nearest
from tfkd.spec.form import NAMED, TOP
from tfkd.spec.source.tree import Node
from tfkd.spec.source.yaml_reader import MOST_DEPTH
from tfkd.spec.wording import cut

# What `extends:`, variants and the form's version say is settled before any path is followed.
_SETTLED = ("extends", "tfkd", "variants")


class _NowhereError(Exception):
    def __init__(self, message: str, expected: str = "", suggestion: str = ""):
        self.parts = (message, expected, suggestion)


def put(
    tree: Node, path: str, new: Node, where: tuple[str, int, str], errors: list[SpecError]
) -> Node:
    """The tree with what stands at a path replaced, whole; null takes it away.

    A path may make new keys, but not a new section, nor reach into a stage, corpus, tokenizer or
    view that is not there: that would hide a misspelt name.

    Args:
        tree: The tree; it stays as it is.
        path: Keys and indices, joined by dots.
        new: What to put there.
        where: File, line and path for an error.
        errors: Takes an error when the path leads nowhere; the tree then comes back as it was.
    """
    keys = path.split(".")
    if len(keys) > MOST_DEPTH:
        file, line, shown = where
        message = f"nested deeper than {MOST_DEPTH} levels"
        errors.append(SpecError(file, line, cut(shown), message))
        return tree
    try:
        if keys[0] in _SETTLED:
            raise _NowhereError(f"{keys[0]} cannot be changed by a path")
        return _put(tree, keys, 0, new)
    except _NowhereError as error:
        message, expected, suggestion = error.parts
        errors.append(SpecError(*where, message, expected, suggestion))
        return tree


def put_below(node: Node, keys: list[str], depth: int, new: Node) -> Node:
    """The same of a value that stands at the first `depth` keys, where the path is known to lead
    somewhere."""
    return _put(node, keys, depth, new)


def _put(node: Node, keys: list[str], depth: int, new: Node) -> Node:
    key, last = keys[depth], depth == len(keys) - 1
    if isinstance(node.value, list):
        return _put_in_list(node, keys, depth, new)
    if node.value is not None and not node.is_mapping:
        raise _NowhereError(f"{'.'.join(keys[:depth])} is {node.plain()!r}, which has no keys")
    values = dict(node.value or {})
    if last and new.value is None and key in values:
        del values[key]
    elif last:
        if depth == 0:
            _known(key, TOP, "section", keys)
        values[key] = new
    else:
        if depth == 0:
            _known(key, TOP, "section", keys)
        elif depth == 1 and keys[0] in NAMED:
            _known(key, list(values), keys[0].removesuffix("s"), keys)
        inner = values.get(key, Node(None, new.file, new.line, new.variant))
        values[key] = _put(inner, keys, depth + 1, new)
    return Node(values, node.file, node.line, node.variant)


def _put_in_list(node: Node, keys: list[str], depth: int, new: Node) -> Node:
    key, items = keys[depth], list(node.value)
    if not key.isascii() or not key.isdigit() or len(key) > 9 or int(key) >= len(items):
        raise _NowhereError(
            f"{'.'.join(keys[:depth])} is a list without an entry {key!r}",
            f"0 to {len(items) - 1}" if items else "",
        )
    index = int(key)
    items[index] = new if depth == len(keys) - 1 else _put(items[index], keys, depth + 1, new)
    return Node(items, node.file, node.line, node.variant)


def _known(key: str, names: object, what: str, keys: list[str]) -> None:
    if key not in names:
        listed = list(names)
        expected = f"one of {', '.join(listed)}" if listed else ""
        raise _NowhereError(f"there is no {what} {key!r}", expected, nearest(key, listed))
