"""What a loop reads again and again of a model's weights, made once in front of it."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

_scope = threading.local()


@contextlib.contextmanager
def weights_once() -> Iterator[None]:
    """Inside the scope weights stay as they are: what is made of them is made once, in the graph
    that the scope was entered in, and loops within read the result.

    A step of a search reads some sixty weights, rounds or casts those of another type, and wants
    the output's table turned. All of that is the same in each step. Not for training, where nothing
    made here would be differentiated anew.
    """
    previous = getattr(_scope, "made", None)
    _scope.made = _Made() if previous is None else previous
    try:
        yield
    finally:
        _scope.made = previous


def kept_here() -> bool:
    """Whether the code runs within `weights_once`, in its graph or a loop of it."""
    made = getattr(_scope, "made", None)
    return made is not None and made.holds_here()


def once(owner: Any, name: str, make: Callable[[], tf.Tensor]) -> tf.Tensor:
    """What `make` gives: within `weights_once` that of the first call for this owner and name.

    Args:
        owner: The layer whose weights it is made of.
        name: What it is.
        make: Makes it, of weights alone.
    """
    return _scope.made.get(owner, name, make) if kept_here() else make()


class _Made:
    """What was made in a graph, by owner and name; eagerly, where there is none."""

    def __init__(self) -> None:
        self._graph = None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
        self._found: dict[tuple[int, str], tuple[Any, tf.Tensor]] = {}

    def holds_here(self) -> bool:
        """Whether the code runs in that graph, or in a loop or branch within it."""
        if tf.executing_eagerly():
            return self._graph is None
        graph = tf.compat.v1.get_default_graph()
        while graph is not self._graph:
            graph = getattr(graph, "outer_graph", None)
            if graph is None:
                return False
        return True

    def get(self, owner: Any, name: str, make: Callable[[], tf.Tensor]) -> tf.Tensor:
        key = id(owner), name
        if key not in self._found:
            place = contextlib.nullcontext() if self._graph is None else self._graph.as_default()
            with place, tf.control_dependencies(None):
                self._found[key] = owner, make()
        return self._found[key][1]
