"""Two finished runs on the same test sets: paired bootstrap."""

from pathlib import Path

from tfkd.evaluation import paired_bootstrap
from tfkd.pipeline.run_folder import read_results
from tfkd.spec.errors import UserError


def compare(first: Path, second: Path, *, samples: int = 1000, seed: int = 1) -> str:
    """Compares every test set that both runs have scored, and says which is better.

    Koehn, 2004: Statistical Significance Tests for Machine Translation Evaluation.

    Args:
        first: A run folder, the system.
        second: A run folder, the baseline.
        samples: Bootstrap samples.
        seed: The seed of the samples.

    Returns:
        A line for each pair: delta (first minus second), 95 % interval, p.

    Raises:
        UserError: The runs share no test set.
    """
    ours, theirs = _outputs(first), _outputs(second)
    lines = []
    for (_of, on), (hypotheses, references) in ours.items():
        for (_, other_on), (others, other_references) in theirs.items():
            if on != other_on or references != other_references:
                continue
            for metric in ("bleu", "chrf"):
                result = paired_bootstrap(
                    hypotheses, others, references, metric=metric, samples=samples, seed=seed
                )
                lines.append(
                    f"{on} {metric}: {result['delta']:+.2f} "
                    f"[{result['low']:+.2f}, {result['high']:+.2f}] p = {result['p']:.3f} "
                    f"({len(references)} sentences, {samples} samples)"
                )
    if not lines:
        raise UserError(
            f"{first} and {second} share no test set with the same references: "
            f"{sorted({on for _, on in ours})} and {sorted({on for _, on in theirs})}"
        )
    return "\n".join([f"{first} minus {second}", *lines])


def _outputs(run: Path) -> dict[tuple[str, str], tuple[list[str], list[str]]]:
    found = {}
    for entry in read_results(run)["evaluations"]:
        if not entry.get("hypotheses"):
            continue
        of, on = entry["of"], entry["on"]
        found[of, on] = (_lines(run / entry["hypotheses"]), _lines(run / entry["references"]))
    if not found:
        raise UserError(f"{run} has no scored outputs yet: tfkd run finishes it")
    return found


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").removesuffix("\n").split("\n")
