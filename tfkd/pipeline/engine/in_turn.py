"""The order in which a run makes its stages: one after the other, trainings side by side where a
cluster has room for several."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

from tfkd.pipeline.engine.graph import Node, in_order


class SideBySide(Protocol):
    """Makes trainings at the same time, see `tfkd.pipeline.cluster.trainings`: all that are ready,
    and those that become so."""

    def __call__(
        self, ready: Callable[[], Sequence[Node]], done: Callable[[Node], None]
    ) -> None: ...


def in_turn(
    nodes: Sequence[Node],
    make: Callable[[Node], None],
    trains: Callable[[Node], bool],
    room: Callable[[], bool],
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
        room: Whether two trainings can be made elsewhere at the same time; asked once, where two
            could begin.
        side_by_side: Makes them there.
        done: Called with each that was made elsewhere.
        own: Keys of what the run needs. The others are made where they can be beside these: they
            are those of runs that come after it.
    """
    left = {node.key: node for node in nodes}
    together: bool | None = None  # whether there is room, once that is known

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
        if together is not False and trains(node):
            begin = _beginning(left, trains)
            if begin.number > 1:
                together = room() if together is None else together
                if together:
                    for other in begin.needs:
                        make(other)
                        del left[other.key]
                    side_by_side(ready, made)
                    continue
        make(node)
        del left[node.key]


class _Beginning(NamedTuple):
    """Trainings that wait for no other one: how many, and what else is to be made before all of
    them can begin, in its order."""

    number: int
    needs: list[Node]


def _beginning(left: dict[str, Node], trains: Callable[[Node], bool]) -> _Beginning:
    waits: set[str] = set()  # trainings, and what waits for one
    begin = []
    for node in left.values():
        behind = any(child.key in waits for child in node.inputs.values())
        training = trains(node)
        if training and not behind:
            begin.append(node)
        if training or behind:
            waits.add(node.key)
    keys = {one.key for one in in_order(begin)} - waits
    return _Beginning(len(begin), [node for node in left.values() if node.key in keys])
