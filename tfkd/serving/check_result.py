"""Which lines an export is checked on, what a check found, and the refusal that it may end in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfkd.data.ragged import Ragged
from tfkd.spec.errors import UserError


class ExportRefusedError(UserError):
    """What was exported does not answer as the model does, or nobody could run it."""


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    Attributes:
        rows: Number of sentences or prompts compared.
        ties: Of these, how many have another output, of the same score or by as good a choice.
        largest_difference: Of the scores of one output.
        tokenised_otherwise: Lines that were left out, because the tokenizer in the graph reads them
            otherwise than the one in Python (a known difference, not one of the model).
        differences: What is wrong; each reads as a paragraph.
        example: A line and what was answered, by the names of inputs and outputs.
        latency: How long a line took, see `check.latency`; None: it was not measured.
    """

    rows: int
    ties: int
    largest_difference: float
    tokenised_otherwise: list[str] = field(default_factory=list)
    differences: list[Any] = field(default_factory=list)
    latency: dict[str, Any] | None = None
    example: dict[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the SavedModel answers as the model does."""
        return not self.differences and self.rows > 0


def read_alike(tokenizer: Any, lines: Sequence[str]) -> tuple[list[str], Ragged, list[str]]:
    """Returns the lines that both tokenizers read alike, their bare ids, and the other lines.

    Args:
        tokenizer: `encode`, and `in_graph()` that may differ from it.
        lines: Any; each counts once.
    """
    lines = list(dict.fromkeys(lines))
    encoded = tokenizer.encode(lines)
    in_graph = tokenizer.in_graph().tokenize(np.array(lines, object)).to_list()
    same = [list(encoded.row(i)) == row for i, row in enumerate(in_graph)]
    kept = [line for line, alike in zip(lines, same, strict=True) if alike]
    otherwise = [line for line, alike in zip(lines, same, strict=True) if not alike]
    return kept, encoded.take(np.flatnonzero(same)), otherwise
