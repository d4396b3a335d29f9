"""Plain values that remember where they were written."""

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Node:
    """A value of a spec with its origin.

    Attributes:
        value: A scalar, a list of nodes, or a mapping from keys to nodes.
        file: The file it was written in, or `--set`.
        line: The line of its key, or of the value in a list; from 1, 0 where there is none.
        variant: The variant that put it here; empty: none.
    """

    value: Any
    file: str
    line: int
    variant: str = ""

    @property
    def origin(self) -> str:
        """`FILE:LINE`, `--set`, or `variant NAME (FILE:LINE)`."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"variant {self.variant} ({place})" if self.variant else place

    @property
    def is_mapping(self) -> bool:
        """Whether the value is a mapping."""
        return isinstance(self.value, dict)

    def plain(self) -> Any:
        """The value without origins."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def child(self, key: Any) -> "Node | None":
        """The node under a key or index; None where there is none."""
        if isinstance(self.value, dict):
            return self.value.get(str(key))
        if isinstance(self.value, list) and isinstance(key, int) and key < len(self.value):
            return self.value[key]
        return None

    def nearest(self, path: tuple[Any, ...]) -> "Node":
        """The deepest node on a path: what an error about the path points at."""
        node = self
        for key in path:
            child = node.child(key)
            if child is None:
                break
            node = child
        return node


def node_of(value: Any, file: str, line: int = 0) -> Node:
    """A node from a plain value, all of one origin."""
    if isinstance(value, dict):
        return Node({str(k): node_of(v, file, line) for k, v in value.items()}, file, line)
    if isinstance(value, list | tuple):
        return Node([node_of(item, file, line) for item in value], file, line)
    return Node(value, file, line)
