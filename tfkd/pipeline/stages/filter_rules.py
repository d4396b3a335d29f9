"""What the rules of a filter stage make of some rows, row by row: all that is known of them without
the rest of the corpus."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.spec import registry
from tfkd.spec.errors import UserError

# The code of a row that no rule drops: above all numbers of rules.
KEPT = 255


class Rules:
    """The rules of a stage, in their order.

    Args:
        node: The stage.
        context: The run's surroundings; None: nothing is judged.

    Attributes:
        options: Their options.
        made: Them.
        names: What their rows are counted under.

    Raises:
        UserError: A rule cannot be made of its options.
    """

    def __init__(self, node: Node, context: Context | None):
        self.options = node.options.rules
        self.names = [rule.called for rule in self.options]
        self.made = []
        for rule in self.options:
            try:
                self.made.append(registry.load(registry.lookup("filter", rule.kind))(rule))
            except UserError as error:
                raise UserError(f"stages.{node.label}.rules: {rule.called}: {error}") from error
        self._judges = [
            (number, rule)
            for number, rule in enumerate(self.made)
            if self.options[number].reads == "row"
        ]
        self._scorer = cache(lambda number: _scorer(node, number, context))

    def judged(self, rows: Sequence[dict[str, str]]) -> dict[str, str]:
        """What is known of some rows, in plain values.

        Returns:
            `codes`: of each row the number of the first rule that drops it by itself, or `KEPT`;
            `NUMBER`: of a rule that reads keys, or scores, those of the rows that are left to it by
            the rules before it that judge rows, in their order.
        """
        codes = np.array([self._code(row) for row in rows], np.uint8)
        found = {"codes": _packed(codes)}
        for number, rule in enumerate(self.made):
            reads = self.options[number].reads
            left = [row for row, code in zip(rows, codes, strict=True) if code > number]
            if reads == "keys":
                found[str(number)] = _packed(np.asarray(rule.keys(left), "<u8"))
            elif reads == "scores":
                found[str(number)] = _packed(np.asarray(self._scores(number, left), "<f4"))
        return found

    def _code(self, row: dict[str, str]) -> int:
        for number, rule in self._judges:
            if rule.drops(row):
                return number
        return KEPT

    def _scores(self, number: int, rows: list[dict[str, str]]) -> np.ndarray:
        if not rows:
            return np.zeros(0, np.float32)
        scores = getattr(self.made[number], "scores", None) or self._scorer(number)
        return scores(rows)


def _scorer(node: Node, number: int, context: Context | None) -> Any:
    from tfkd.pipeline.stages.filter_likelihood import scorer

    assert context is not None
    return scorer(node, number, node.inputs[Role.MODEL.of(number, "of")], context)


def _packed(numbers: np.ndarray) -> str:
    return b64encode(numbers.tobytes()).decode()


def unpacked(text: str, dtype: str) -> np.ndarray:
    """The numbers of what `judged` has found."""
    return np.frombuffer(b64decode(text), dtype)
