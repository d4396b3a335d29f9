"""The comparisons that kept results have, each once: of several seeds their mean."""

from collections.abc import Iterator, Sequence
from typing import Any

from tfkd.report.over_seeds import over_comparison
from tfkd.report.scores import score_blocks
from tfkd.report.systems import Run, Systems
from tfkd.spec.errors import UserError


def kept_comparisons(run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
    """The test set and the comparison, of each system by each metric, in the order of the spec.

    A comparison is as those of `scores.score_blocks`; one of several seeds has `n`, their number.
    """
    for block in score_blocks([run], Systems([run])):
        rows = {row["identity"]: row for row in block["rows"]}
        told = []
        for one in block["comparisons"]:
            row = rows[one["row"]]
            key = (one["system"], one["against"], one["metric"], row["note"])
            if key not in told:
                told.append(key)
                yield block["on"], dict(over_comparison(block, one, row) or one)


def kept_rows(run: Run, corpora: Sequence[str], where: str) -> int:
    """How many rows corpora have of those that a run read or made.

    Raises:
        UserError: One of them is not there, or its rows are not told; begins with `where`.
    """
    data = run.part("data")
    for name in corpora:
        if name not in data:
            raise UserError(f"{where}: {run.title} has no corpus {name}; it has {', '.join(data)}")
        if "kept" not in data[name]:
            raise UserError(f"{where}: {run.title} does not tell how many rows {name} has")
    return sum(data[name]["kept"] for name in corpora)
