"""Two finished runs on the same test sets: how far apart, and whether that may be chance."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfkd.commands.compared import Side, sides_of
from tfkd.commands.compared_pair import Apart, Pair
from tfkd.evaluation.intervals.approximate_randomization import TRIALS
from tfkd.evaluation.verdicts.verdict import BOOTSTRAP, RANDOMIZATION
from tfkd.outside.printable import one_line
from tfkd.pipeline.engine.run_folder import read_results
from tfkd.spec.errors import UserError

# What says nothing of how models are trained.
_BESIDE = ("name", "description", "paper", "card", "pages", "evaluate", "export", "seeds")
_SEED = re.compile(r"seeds|stages\.[^.]+\.seeds?")
_Sides = Mapping[tuple[str, str, str, int | None], Side]


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
        interval, p, and which of the two is better, if that is known (`system_verdict`). Of runs
        with `seeds:` both means with their standard deviations and the verdict: of the seeds that
        both have, or beside a single training, with Student's interval of the differences by seed,
        and then of each; of seeds that do not belong together with Welch's. Last, what this comes
        to, and of how many trainings it speaks.

    Raises:
        UserError: The runs share no test set that they decoded alike.
    """
    results = [read_results(run) for run in (first, second)]
    ours, theirs = map(sides_of, (first, second), results)
    pairs = _pairs(
        (first, second),
        (ours, theirs),
        differ_in_seed_alone(*results),
        {"samples": samples, "seed": seed, "trials": trials, "p_by": p_by},
    )
    if not pairs:
        raise UserError(
            f"{first} and {second} share no test set with the same references, read and decoded "
            f"alike: {_tests(ours)}; and {_tests(theirs)}"
        )
    p_from = f"approximate randomization of {trials:,} trials, two-sided"
    if p_by == BOOTSTRAP:
        p_from = "sacreBLEU's paired bootstrap of the same samples, which weighs one tail"
    header = f"{first} beside {second}, intervals by paired bootstrap of {samples:,} samples, p by "
    # What is known of the training, and not of one of them alone, comes first.
    pairs.sort(key=lambda pair: not pair.several)
    lines = [line for pair in pairs for line in pair.lines()]
    return "\n".join(map(one_line, [header + p_from, *lines, *closing(first, second, pairs)]))


def _pairs(
    runs: tuple[Path, Path], both: tuple[_Sides, _Sides], same_spec: bool, settings: dict[str, Any]
) -> list[Pair | Apart]:
    """What both runs have measured alike; seeds that both have, together."""
    ours, theirs = map(_by_seed, both)
    several = len({of for of, _, _ in [*ours, *theirs]}) > 1
    # What was read or written in several ways is named by them, its defaults by nothing.
    searches: dict[str, set[str]] = {}
    for _, on, search in [*ours, *theirs]:
        searches.setdefault(on, set()).add(search)
    pairs: list[Pair | Apart] = []
    for (of, on, search), systems in ours.items():
        for (other_of, other_on, other_search), baselines in theirs.items():
            if (on, search) != (other_on, other_search):
                continue
            if not all(one.alike(two) for one in systems.values() for two in baselines.values()):
                continue
            models = f" ({of} and {other_of})" if several else ""
            models += f" [{search}]" if search and len(searches[on]) > 1 else ""
            names = (f"{of} of {runs[0]}", f"{other_of} of {runs[1]}") if several else runs
            alone = same_spec and of == other_of
            together = _together(systems, baselines, alone)
            first, other = (next(iter(one.values())) for one in (systems, baselines))
            for metric in first.metrics:
                if not first.counts_alike(other, metric):
                    continue
                said = {
                    "name": f"{on} {metric}{models}",
                    "metric": metric,
                    "names": (str(names[0]), str(names[1])),
                    "same_spec": alone,
                }
                if together:
                    found = {
                        seed: one.less(two, metric, **settings)
                        for seed, (one, two) in together.items()
                    }
                    pairs.append(Pair(**said, found=found, sides=together))
                else:
                    both_sides = (systems, baselines)
                    scores = _scores(*both_sides, metric, settings)
                    pairs.append(Apart(**said, sides=both_sides, scores=scores))
    return pairs


def _by_seed(sides: _Sides) -> dict[tuple[str, str, str], dict[int | None, Side]]:
    """A run's models, each with all its seeds."""
    found: dict[tuple[str, str, str], dict[int | None, Side]] = {}
    for (of, on, search, seed), side in sides.items():
        found.setdefault((of, on, search), {})[seed] = side
    return found


def _together(
    systems: Mapping[int | None, Side], baselines: Mapping[int | None, Side], same_spec: bool
) -> dict[int | None, tuple[Side, Side]]:
    """Which trainings belong together, by seed: those of one seed, or each with the other's only
    one. Empty: none do, nor do those of one spec, whose seeds alone differ."""
    first, other = (next(iter(one.values())) for one in (systems, baselines))
    if len(systems) == len(baselines) == 1:
        (seed,) = systems
        return {seed if seed in baselines else None: (first, other)}
    if same_spec:
        return {}
    if len(baselines) == 1:
        return {seed: (one, other) for seed, one in systems.items()}
    if len(systems) == 1:
        return {seed: (first, one) for seed, one in baselines.items()}
    common = {seed: (one, baselines[seed]) for seed, one in systems.items() if seed in baselines}
    return common if len(common) > 1 else {}


def _scores(
    systems: Mapping[int | None, Side],
    baselines: Mapping[int | None, Side],
    metric: str,
    settings: dict[str, Any],
) -> tuple[list[float], list[float]]:
    """The scores of all trainings of both."""
    first, other = (next(iter(one.values())) for one in (systems, baselines))
    quick = {**settings, "samples": 1, "trials": 1}  # no interval is asked for
    ours = [one.less(other, metric, **quick) for one in systems.values()]
    theirs = [first.less(one, metric, **quick) for one in baselines.values()]
    return [one["value"] + one["delta"] for one in ours], [one["value"] for one in theirs]


def closing(first: Path, second: Path, pairs: Sequence[Pair | Apart]) -> list[str]:
    """What all comparisons come to, and of how many trainings they speak."""
    found = []
    if chance := [pair for pair in pairs if pair.same_spec]:
        sizes = ", ".join(f"{pair.name} by {pair.size}" for pair in chance)
        found.append(
            f"{first} and {second} are trainings of the same spec that differ in the seed alone. "
            f"They are apart: {sizes}. That is how far apart trainings of this spec may come out; "
            "no system is better"
        )
    judged = [pair for pair in pairs if not pair.same_spec]
    if len(judged) > 1:
        said: dict[str, list[str]] = {}
        for pair in judged:
            said.setdefault(pair.said, []).append(pair.name)
        found.append("; ".join(f"{words} ({', '.join(names)})" for words, names in said.items()))
    found += dict.fromkeys(pair.beside_one for pair in judged if pair.beside_one)
    if any(pair.verdict.seeds == 1 for pair in judged):
        found.append(
            "one seed each: this speaks of these trainings alone, and says nothing about another "
            "training (`tfkd run SPEC --seeds 3` trains three)"
        )
    return found


def _tests(sides: Iterable[tuple[str, str, str, int | None]]) -> str:
    return ", ".join(
        dict.fromkeys(f"{on} [{search}]" if search else on for _, on, search, _ in sides)
    )


def differ_in_seed_alone(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two runs train the same with other seeds, by their results.json.

    Names, evaluations and exports may differ. What files hold counts, where both results say it.
    """
    if _seeds(one["spec"]) == _seeds(other["spec"]):
        return False
    if _trained(one["spec"]) != _trained(other["spec"]):
        return False
    files = [
        {name: report.get("files") for name, report in (results.get("data") or {}).items()}
        for results in (one, other)
    ]
    return all(files[0][name] == files[1][name] for name in files[0].keys() & files[1].keys())


def _seeds(spec: Mapping[str, Any]) -> Any:
    """The seeds of all that trains."""
    stages = spec.get("stages") or {}
    return spec.get("seeds"), {
        name: (stage.get("seed"), stage.get("seeds"))
        for name, stage in stages.items()
        if "train" in stage
    }


def _trained(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A resolved spec without what is beside training, and without seeds."""
    plain = {key: value for key, value in spec.items() if key not in _BESIDE}
    plain["stages"] = {
        name: _without_seeds(stage) for name, stage in (spec.get("stages") or {}).items()
    }
    plain["variants"] = {
        name: {
            path: _without_seeds(value) if path.count(".") == 1 else value
            for path, value in (changes or {}).items()
            if not _SEED.fullmatch(path) and path.split(".")[0] not in _BESIDE
        }
        for name, changes in (spec.get("variants") or {}).items()
    }
    return plain


def _without_seeds(stage: Any) -> Any:
    if not isinstance(stage, Mapping) or "train" not in stage:
        return stage
    return {key: value for key, value in stage.items() if key not in ("seed", "seeds")}
