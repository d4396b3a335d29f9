"""Names that are others now: specs of earlier versions keep theirs, and are told the new ones."""

import re
from collections.abc import Collection
from dataclasses import replace

from tfkd.spec.errors import SpecError
from tfkd.spec.source.replacing import replaced
from tfkd.spec.source.tree import Node

_METRICS = ("evaluate", "*", "metrics")
_POSITIONS = [
    (role, *part, "positions") for role in ("teacher", "student") for part in ((), ("*",))
]
# What it was called, what it is called, and where it stands; * is any key or index.
_NAMES = (
    ("teacher_gate", "teacher_check", (_METRICS, (*_METRICS, "*"))),
    ("stream", "sequence", _POSITIONS),
)


def renamed(tree: Node, said: dict[tuple[str, str], str], variants: bool = True) -> Node:
    """A tree that says all by its name of now; the given one stays as it is.

    Args:
        tree: A spec's tree.
        said: Takes a line for the user on each file's first use of an old name.
        variants: Whether what its variants say is looked at, too.
    """
    for old, new, places in _NAMES:

        def name_of(node: Node, old: str = old, new: str = new) -> str:
            if node.value != old:
                return node.value
            line = f"{node.origin}: {old} is called {new} now; the old name is still read"
            said.setdefault((node.file, old), line)
            return new

        tree = replaced(tree, places, name_of, variants)
    return tree


def as_written(error: SpecError, said: Collection[tuple[str, str]]) -> SpecError:
    """A fault that speaks of a name of now, of a file that has the old one: both are said.

    Args:
        error: The fault.
        said: The files and their old names, as `renamed` has found them.
    """
    for old, new, _ in _NAMES:
        if (error.file, old) in said and re.search(rf"\b{new}\b", error.message):
            message = f"{error.message} ({old} is called {new} now)"
            error = replace(error, message=message)
    return error
