"""The rows of a run's evaluations as metrics count them, each system's once."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.evaluation import Counted, Metric
from tfkd.evaluation.metrics import CLASSES
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.spec.metrics import product_of

Rows = tuple[Any, Sequence[str] | None, Sequence[str] | None]


class Counting:
    """What metrics count of the systems of a run; what several ask for is counted once."""

    def __init__(self, context: Context):
        self.context = context
        self._made: dict[Any, Any] = {}

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """What `make` returns, made at the first call with this key."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def of(self, node: Node, metric: Metric, options: Any) -> Counted:
        """An evaluation stage's rows, by the evaluation's options."""
        kind = product_of(metric, node.options["products"])
        positive = options.positive if kind == CLASSES else None
        return self.once(
            (node.key, metric.name, repr(metric.options), positive),
            lambda: Counted.of(metric, *self.rows(node, kind, positive)),
        )

    def beside(self, of: Any, lines: Sequence[str], node: Node, metric: Metric) -> Counted:
        """What another system writes for the rows of an evaluation stage.

        Args:
            of: That system, among those that write for these rows.
            lines: Its outputs.
            node: The stage.
            metric: The metric.
        """
        corpus = node.inputs[Role.TEXT]
        return self.once(
            (of, corpus.key, metric.name, repr(metric.options)),
            lambda: Counted.of(metric, lines, self.texts(node, "target"), self.texts(node)),
        )

    def texts(self, node: Node, field: str = "source") -> list[str]:
        """A field of an evaluation stage's corpus."""
        corpus = node.inputs[Role.TEXT]
        return self.once(
            ("texts", corpus.key, field), lambda: list(open_text(corpus, self.context).lines(field))
        )

    def outputs(self, node: Node) -> list[str]:
        """What an evaluation stage's model has written."""
        path = self.context.stages / node.key / "hypotheses.txt"
        return self.once(("outputs", node.key), lambda: file_lines(path))

    def arrays(self, node: Node, name: str) -> dict[str, np.ndarray]:
        """Arrays that an evaluation stage has left."""
        with np.load(self.context.stages / node.key / name, allow_pickle=False) as arrays:
            return dict(arrays)

    def rows(self, node: Node, kind: str, positive: str | None = None) -> Rows:
        """What an evaluation stage has left, with references and sources; see `Metric.statistics`.

        Args:
            node: The stage.
            kind: The product.
            positive: The name of the class that f1 is about.
        """
        return node.task.rows(node, kind, self, positive)


def file_lines(path: Path) -> list[str]:
    """The lines of a file that a stage wrote."""
    # Not as text: a lone carriage return is no end of a line here.
    return path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")
