"""The order in which a run makes its stages: one after the other, trainings side by side where a
cluster has room for several."""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from tfkd.pipeline.engine.graph import Node, in_order


class SideBySide(Protocol):
    """Makes trainings at the same time, see `tfkd.pipeline.cluster.trainings`."""

    def __call__(
        self, ready: Callable[[], Sequence[Node]], done: Callable[[Node], None]
    ) -> bool: ...


def in_turn(
    nodes: Sequence[Node],
    make: Callable[[Node], None],
    trains: Callable[[Node], bool],
    side_by_side: SideBySide,
    done: Callable[[Node], None],
    own: Collection[str],
) -> None:
    """Makes nodes, each after what it needs, until all of a run's own are made.

    They keep their order but where a training is next, and others could begin as well: what these
    need beside trainings is made first, and then they are made at the same time, with those that
    need nothing else when one of them has ended.

    Args:
        nodes: All, inputs first.
        make: Makes one here.
        trains: Whether a node is a training that is to be made, and can be made elsewhere.
        side_by_side: Makes all that are ready, and those that become so; false where there is no
            room for two, and nothing was made.
        done: Called with each that was made elsewhere.
        own: Keys of what the run needs. The others are made where they can be beside these: they
            are those of runs that come after it.
    """
    left = {node.key: node for node in nodes}
    alone = False

    def ready() -> list[Node]:
        return [
            node
            for node in left.values()
            if not any(child.key in left for child in node.inputs.values()) and trains(node)
        ]

    def made(node: Node) -> None:
        del left[node.key]
        done(node)

    while not left.keys().isdisjoint(own):
        node = next(iter(left.values()))
        if not alone and trains(node):
            for other in _needed(left, trains):
                make(other)
                del left[other.key]
            if len(ready()) > 1:
                alone = not side_by_side(ready, made)
                continue
        make(node)
        del left[node.key]


def _needed(left: dict[str, Node], trains: Callable[[Node], bool]) -> list[Node]:
    """What is to be made before all trainings can begin that wait for no other one, in its order;
    nothing where there is one alone."""
    waits: set[str] = set()  # trainings, and what waits for one
    begin = []
    for node in left.values():
        behind = any(child.key in waits for child in node.inputs.values())
        training = trains(node)
        if training and not behind:
            begin.append(node)
        if training or behind:
            waits.add(node.key)
    if len(begin) < 2:
        return []
    keys = {one.key for one in in_order(begin)} - waits
    return [node for node in left.values() if node.key in keys]
