"""One tree from several sources: `extends:`, a variant, `--set`."""

from collections.abc import Sequence
from pathlib import Path

from tfkd.spec.errors import SpecError, SpecErrors, nearest
from tfkd.spec.tree import Node
from tfkd.spec.yaml_reader import read_file, read_text

_DEEPEST = 10


def compose(path: str | Path, variant: str | None, overrides: Sequence[str]) -> Node:
    """The spec's tree with all that changes it applied, from left to right.

    Args:
        path: The spec's file.
        variant: One of its variants.
        overrides: `K=V` each, as `--set` takes them.

    Raises:
        SpecErrors: A file cannot be read, `extends:` goes in a circle, no such variant, or a
            dotted path that leads nowhere.
    """
    tree = _extended(Path(path), ())
    if variant is not None:
        tree = _with_variant(tree, variant)
    for override in overrides:
        tree = _with_override(tree, override)
    return tree


def _extended(path: Path, above: tuple[Path, ...]) -> Node:
    node = read_file(path)
    extends = node.value.pop("extends", None)
    if extends is None:
        return node
    names = extends.plain()
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _one(extends, "extends", "no file", "the name of a spec, or a list of names")
    merged = None
    for name in names:
        base = (path.parent / name).resolve()
        if base == path.resolve() or base in above or len(above) >= _DEEPEST:
            raise _one(extends, "extends", f"{name} leads back to this file")
        try:
            tree = _extended(path.parent / name, (*above, path.resolve()))
        except SpecErrors as error:
            if not (path.parent / name).exists():
                raise _one(extends, "extends", f"{path.parent / name} does not exist") from None
            raise error
        merged = tree if merged is None else _merged(merged, tree)
    return _merged(merged, node) if merged is not None else node


def _merged(left: Node, right: Node) -> Node:
    """Mapping by mapping; anything else is replaced by the right side."""
    if isinstance(left.value, dict) and isinstance(right.value, dict):
        value = dict(left.value)
        for key, node in right.value.items():
            value[key] = _merged(value[key], node) if key in value else node
        return Node(value, right.file, right.line)
    return right


def _with_variant(tree: Node, name: str) -> Node:
    variants = tree.value.get("variants")
    known = list(variants.value) if variants and isinstance(variants.value, dict) else []
    if name not in known:
        near = nearest(name, known)
        expected = f"one of {', '.join(known)}" if known else "no variant: the spec has none"
        raise SpecErrors([SpecError(tree.file, 0, "variants", f"no {name}", expected, near)])
    changes = variants.value[name]
    if not isinstance(changes.value, dict):
        raise _one(changes, f"variants.{name}", "no mapping", "dotted paths and their values")
    for path, node in changes.value.items():
        tree = _replaced(tree, path, _marked(node, name), f"variants.{name}.{path}", node)
    return tree


def _marked(node: Node, variant: str) -> Node:
    """The same values, known to be a variant's."""
    value = node.value
    if isinstance(value, dict):
        value = {key: _marked(child, variant) for key, child in value.items()}
    elif isinstance(value, list):
        value = [_marked(child, variant) for child in value]
    return Node(value, f"variant {variant}, {node.file}", node.line)


def _with_override(tree: Node, text: str) -> Node:
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise SpecErrors([SpecError("--set", 0, text, "no K=V", "a dotted path, = and a value")])
    node = _relined(read_text(value, "--set"))
    return _replaced(tree, path.strip(), node, path.strip(), Node(None, "--set", 0))


def _relined(node: Node) -> Node:
    value = node.value
    if isinstance(value, dict):
        value = {key: _relined(child) for key, child in value.items()}
    elif isinstance(value, list):
        value = [_relined(child) for child in value]
    return Node(value, node.file, 0)


def _replaced(tree: Node, path: str, new: Node, shown: str, where: Node) -> Node:
    """The tree with what stands at a dotted path replaced, whole; the rest is shared."""
    keys = path.split(".")

    def walk(node: Node, depth: int) -> Node:
        key = keys[depth]
        last = depth == len(keys) - 1
        if isinstance(node.value, list):
            if not key.isdigit() or int(key) >= len(node.value):
                raise SpecErrors(
                    [SpecError(where.file, where.line, shown, f"the list has no entry {key!r}",
                               f"0 to {len(node.value) - 1}")]
                )  # fmt: skip
            items = list(node.value)
            items[int(key)] = new if last else walk(items[int(key)], depth + 1)
            return Node(items, node.file, node.line)
        if node.value is None and not last:
            return Node({key: walk(Node(None, new.file, new.line), depth + 1)}, new.file, new.line)
        if not isinstance(node.value, dict) and not (last and node.value is None):
            raise SpecErrors(
                [SpecError(where.file, where.line, shown,
                           f"{'.'.join(keys[:depth])} is a plain value without keys")]
            )  # fmt: skip
        values = dict(node.value or {})
        if last:
            values[key] = new
        elif key in values:
            values[key] = walk(values[key], depth + 1)
        elif depth == 0 or keys[0] in ("stages", "data", "views", "tokenizers") and depth == 1:
            near = nearest(key, values)
            raise SpecErrors(
                [SpecError(where.file, where.line, shown, f"there is no {'.'.join(keys[: depth + 1])}",
                           f"one of {', '.join(values)}", near)]
            )  # fmt: skip
        else:
            values[key] = walk(Node(None, new.file, new.line), depth + 1)
        return Node(values, node.file, node.line)

    return walk(tree, 0)


def _one(node: Node, path: str, message: str, expected: str = "") -> SpecErrors:
    return SpecErrors([SpecError(node.file, node.line, path, message, expected)])
