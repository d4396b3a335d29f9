"""Stages that were trained in folds: how far their models agree."""

from collections.abc import Mapping, Sequence

from tfkd.report.systems import Run
from tfkd.report.wording import is_number


def fold_lines(runs: Sequence[Run]) -> list[str]:
    """A sentence for each stage with `folds:` whose models were asked on validation; of several
    runs each begins with its letter."""
    lines = []
    for run in runs:
        for name, stage in run.part("stages").items():
            summary = stage.get("summary") if isinstance(stage, Mapping) else None
            share = summary.get("agreement") if isinstance(summary, Mapping) else None
            if not is_number(share):
                continue
            folds = summary.get("folds")
            number = len(folds) if isinstance(folds, Sequence) else "several"
            label = name.partition(" ")[2] or name
            lines.append(
                f"{run.letter + ': ' if len(runs) > 1 else ''}{label}: {number} models, each "
                f"without a part of the rows; two of them predict the same at {100 * share:.1f} % "
                "of the positions of validation."
            )
    return lines
