"""Names that are others now: specs of earlier versions keep theirs, and are told the new ones."""

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
