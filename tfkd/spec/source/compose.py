"""One tree from several sources: `extends:`, a variant, `--set`; the right one wins."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfkd.spec.errors import SpecError, SpecErrors, nearest
from tfkd.spec.source.dotted_paths import put
from tfkd.spec.source.overrides import overridden
from tfkd.spec.source.relocated import relocated
from tfkd.spec.source.spec_files import Texts, is_there
from tfkd.spec.source.tree import Node
from tfkd.spec.source.yaml_reader import Slips, read_file
from tfkd.spec.wording import cut

MOST_FILES = 100


def extended(
    path: str | Path, slips: list[SpecError] | None = None, texts: Texts | None = None
) -> Node:
    """A file's tree with all that it extends, mappings merged key by key; see `Files`."""
    return Files(slips, texts).read(Path(path))


def changed(tree: Node, variant: str | None, overrides: Sequence[str]) -> Node:
    """A tree with a variant and `--set` applied; the given one stays as it is.

    Both replace what stands at a dotted path, whole. `null` takes away what it meets.

    Raises:
        SpecErrors: No such variant, paths of its own that lead nowhere, or overrides that it has
            no place for; all of these at once.
    """
    errors: list[SpecError] = []
    if variant is not None:
        tree = _with_variant(tree, variant, errors)
    found = overridden(tree, variant, variant_paths(tree, variant), overrides)
    if errors or found.misplaced or found.refused:
        raise SpecErrors([*errors, *found.misplaced.values(), *found.refused])
    return found.tree


def variant_names(tree: Node) -> list[str]:
    """The names of a tree's variants."""
    variants = tree.child("variants")
    return list(variants.value) if variants is not None and variants.is_mapping else []


def variant_paths(tree: Node, variant: str | None) -> list[str]:
    """The dotted paths of a variant's changes; none of the spec itself."""
    if variant not in variant_names(tree):
        return []
    changes = tree.value["variants"].value[variant]
    return list(changes.value) if changes.is_mapping else []


class Files:
    """Reads files and what they extend; a few lines cannot make it read files for ever.

    Args:
        slips: Takes the faults of files that leave no doubt about all else; None: they are raised.
        texts: Takes what is read, by absolute path.

    Attributes:
        refused: Whether it was asked for more than `MOST_FILES`.
    """

    def __init__(self, slips: list[SpecError] | None = None, texts: Texts | None = None) -> None:
        self._slips, self._texts = slips, texts
        self._read = 0
        self.refused = False

    def read(self, path: Path, above: tuple[str, ...] = ()) -> Node:
        """A file's tree with all that it extends.

        Args:
            path: The file.
            above: The real paths of the files that extend it.

        Raises:
            SpecErrors: A file cannot be read, `extends:` goes in a circle, or too many files.
        """
        if self._read >= MOST_FILES:
            self.refused = True
            raise SpecErrors([SpecError(str(path), 0, "", f"more than {MOST_FILES} files")])
        self._read += 1
        try:
            node = read_file(path, self._texts)
        except Slips as error:
            if self._slips is None:
                raise
            self._slips += error.errors
            node = error.tree
        extends = node.value.pop("extends", None)
        if extends is None or extends.value is None:
            return node
        names = extends.plain()
        names = [names] if isinstance(names, str) else names
        if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
            raise _at(extends, "extends", "no file", "a spec's file, or a list of them")
        merged: Node | None = None
        for name in names:
            other = path.parent / name
            if not is_there(other):  # also a name that no file can have
                shown = f"{cut(str(other))} does not exist"
                raise _at(extends, "extends", shown, "a file beside this one")
            real = os.path.realpath(other)
            if real == os.path.realpath(path) or real in above:
                raise _at(extends, "extends", f"{cut(name)} leads back to a file that extends it")
            if self._read >= MOST_FILES:
                self.refused = True
                raise _at(extends, "extends", f"more than {MOST_FILES} files", "a few")
            tree = self.read(other, (*above, os.path.realpath(path)))
            tree = relocated(tree, Path(name).parent)
            merged = tree if merged is None else _merged(merged, tree)
        return _merged(merged, node)


def _merged(left: Node, right: Node) -> Node:
    """Mapping by mapping; anything else is replaced by the right side, and null takes it away."""
    if not (left.is_mapping and right.is_mapping):
        return right
    value = dict(left.value)
    for key, node in right.value.items():
        if key not in value:
            value[key] = node
        elif node.value is None:
            del value[key]
        else:
            value[key] = _merged(value[key], node)
    return Node(value, right.file, right.line)


def _with_variant(tree: Node, name: str, errors: list[SpecError]) -> Node:
    known = variant_names(tree)
    if name not in known:
        expected = f"one of {', '.join(known)}" if known else "none: the spec has no variants"
        errors.append(
            SpecError(
                tree.file, 0, "variants", f"no variant {name!r}", expected, nearest(name, known)
            )
        )
        return tree
    changes = tree.value["variants"].value[name]
    if not changes.is_mapping:
        errors.extend(
            _at(changes, f"variants.{name}", "no mapping", "dotted paths and their values").errors
        )
        return tree
    for path, node in changes.value.items():
        shown = f"variants.{name}.{path}"
        tree = put(tree, path, _marked(node, name), (node.file, node.line, shown), errors)
    return tree


def _marked(node: Node, variant: str) -> Node:
    """The same values, known to be a variant's."""
    value: Any = node.value
    if isinstance(value, dict):
        value = {key: _marked(child, variant) for key, child in value.items()}
    elif isinstance(value, list):
        value = [_marked(child, variant) for child in value]
    return Node(value, node.file, node.line, variant)


def _at(node: Node, path: str, message: str, expected: str = "") -> SpecErrors:
    return SpecErrors([SpecError(node.file, node.line, path, message, expected)])
