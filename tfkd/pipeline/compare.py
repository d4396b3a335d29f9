"""Two finished runs on the same test sets: how far apart, and whether that may be chance."""

from collections.abc import Iterable
from pathlib import Path

from tfkd.evaluation import over_seeds
from tfkd.evaluation.approximate_randomization import TRIALS
from tfkd.evaluation.verdict import BOOTSTRAP, RANDOMIZATION, p_relation, verdict_of
from tfkd.pipeline.compared import sides_of
from tfkd.spec.errors import UserError
from tfkd.spec.printable import one_line


def compare(
    first: Path,
    second: Path,
    *,
    samples: int = 1000,
    trials: int = TRIALS,
    p_by: str = RANDOMIZATION,
    seed: int = 1,
) -> str:
    """Compares every test set that both runs have scored, and says which is better: by outputs,
    guesses of classes and the perplexity of words.

    Koehn, 2004: Statistical Significance Tests for Machine Translation Evaluation. Riezler and
    Maxwell, 2005: On Some Pitfalls in Automatic Evaluation and Significance Testing for MT.

    Args:
        first: A run folder, the system.
        second: A run folder, the baseline.
        samples: Bootstrap samples, of which intervals are made.
        trials: Of the approximate randomization, by which p is computed.
        p_by: `approximate_randomization`; or `bootstrap`, for sacreBLEU's of the same samples.
        seed: The seed of samples and trials.

    Returns:
        A line for each pair that was decoded alike: both values, first minus second with its 95 %
        interval, p, and the verdict (`verdict_of`). Of runs with `seeds:`, of each seed that both
        have; and of these together both means with their standard deviations, and Student's
        interval of the differences by seed.

    Raises:
        UserError: The runs share no test set that they decoded alike.
    """
    ours, theirs = sides_of(first), sides_of(second)
    several = len({of for of, _, _, _ in [*ours, *theirs]}) > 1
    # What was read or written in several ways is named by them, its defaults by nothing.
    searches: dict[str, set[str]] = {}
    for _, on, search, _ in [*ours, *theirs]:
        searches.setdefault(on, set()).add(search)
    lines: list[str] = []
    by_seed: dict[tuple[str, str, int], dict[int, dict[str, float]]] = {}
    for (of, on, search, our_seed), system in ours.items():
        for (other_of, other_on, other_search, their_seed), baseline in theirs.items():
            if (on, search) != (other_on, other_search) or not system.alike(baseline):
                continue
            if our_seed != their_seed and None not in (our_seed, their_seed):
                continue
            models = f" ({of} and {other_of})" if several else ""
            models += f" [{search}]" if search and len(searches[on]) > 1 else ""
            chosen = " beside ".join(filter(None, (system.tuned, baseline.tuned)))
            for metric, counted in system.metrics.items():
                if baseline.metrics.get(metric) != counted:
                    continue
                found = system.less(
                    baseline, metric, samples=samples, seed=seed, trials=trials, p_by=p_by
                )
                name, digits = f"{on} {metric}{models}", system.digits
                if our_seed is not None and their_seed is not None:
                    by_seed.setdefault((name, metric, digits), {})[our_seed] = found
                judged = verdict_of(metric, found["low"], found["high"], found["p"])
                seeds = [one for one in (our_seed, their_seed) if one is not None]
                name += f", seed {seeds[0]}" if seeds else ""
                name += f", {chosen}" if chosen else ""
                lines.append(
                    f"{name}: {found['value'] + found['delta']:.{digits}f} and "
                    f"{found['value']:.{digits}f}, difference {found['delta']:+.{digits}f}, 95 % "
                    f"interval {found['low']:+.{digits}f} to {found['high']:+.{digits}f}, "
                    f"p {p_relation(found['p'])} ({judged}); "
                    f"{system.rows:,} {system.unit}"
                )
    lines += [_over_seeds(*named, found) for named, found in by_seed.items() if len(found) > 1]
    if not lines:
        raise UserError(
            f"{first} and {second} share no test set with the same references, read and decoded "
            f"alike: {_tests(ours)}; and {_tests(theirs)}"
        )
    p_from = f"approximate randomization of {trials:,} trials, two-sided"
    if p_by == BOOTSTRAP:
        p_from = "sacreBLEU's paired bootstrap of the same samples, which weighs one tail"
    header = f"{first} beside {second}, intervals by paired bootstrap of {samples:,} samples, p by "
    return "\n".join(map(one_line, [header + p_from, *lines]))


def _over_seeds(name: str, metric: str, digits: int, found: dict[int, dict[str, float]]) -> str:
    """The line of several seeds together."""
    ours = over_seeds([one["value"] + one["delta"] for one in found.values()])
    theirs = over_seeds([one["value"] for one in found.values()])
    delta = over_seeds([one["delta"] for one in found.values()])
    means = " and ".join(
        f"{one['mean']:.{digits}f} ± {one['spread']:.{digits}f}" for one in (ours, theirs)
    )
    verdict = verdict_of(metric, delta["low"], delta["high"])
    return (
        f"{name}, mean ± deviation of {delta['n']} seeds ({', '.join(map(str, found))}): {means}, "
        f"difference {delta['mean']:+.{digits}f}, 95 % t-interval {delta['low']:+.{digits}f} to "
        f"{delta['high']:+.{digits}f} ({verdict})"
    )


def _tests(sides: Iterable[tuple[str, str, str, int | None]]) -> str:
    return ", ".join(
        dict.fromkeys(f"{on} [{search}]" if search else on for _, on, search, _ in sides)
    )
