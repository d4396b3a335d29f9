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
        A line for each pair: both values, first minus second with its 95 % interval, p.

    Raises:
        UserError: The runs share no test set.
    """
    ours, theirs = _outputs(first), _outputs(second)
    several = len({of for of, _, _ in [*ours, *theirs]}) > 1
    lines = []
    for (of, on, time), (hypotheses, references) in ours.items():
        for (other_of, other_on, other_time), (others, other_references) in theirs.items():
            if (on, time) != (other_on, other_time) or references != other_references:
                continue
            models = f" ({of} and {other_of})" if several else ""
            for metric in ("bleu", "chrf"):
                found = paired_bootstrap(
                    hypotheses, others, references, metric=metric, samples=samples, seed=seed
                )
                lines.append(
                    f"{on} {metric}{models}: {found['value'] + found['delta']:.2f} and "
                    f"{found['value']:.2f}, difference {found['delta']:+.2f}, 95 % interval "
                    f"{found['low']:+.2f} to {found['high']:+.2f}, p = {found['p']:.3f}"
                    f"{_verdict(found)}; {len(references):,} sentences"
                )
    if not lines:
        raise UserError(
            f"{first} and {second} share no test set with the same references: "
            f"{sorted({on for _, on, _ in ours})} and {sorted({on for _, on, _ in theirs})}"
        )
    header = f"{first} beside {second}, paired bootstrap of {samples:,} samples"
    return "\n".join([header, *lines])


def _verdict(found: dict[str, float]) -> str:
    if found["low"] <= 0.0 <= found["high"]:
        return " (undecided)"
    return " (better)" if found["delta"] > 0 else " (worse)"


def _outputs(run: Path) -> dict[tuple[str, str, int], tuple[list[str], list[str]]]:
    """Outputs and references by model, test set, and the how many-th search it is of the two."""
    found: dict[tuple[str, str, int], tuple[list[str], list[str]]] = {}
    for entry in read_results(run)["evaluations"]:
        if not entry.get("hypotheses"):
            continue
        of, on = entry["of"], entry["on"]
        time = sum((of, on) == key[:2] for key in found)
        lines = _lines(run / entry["hypotheses"]), _lines(run / entry["references"])
        found[of, on, time] = lines
    if not found:
        raise UserError(f"{run} has no scored outputs yet: tfkd run finishes it")
    return found


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").removesuffix("\n").split("\n")
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); tfkd run SPEC writes it anew") from error
