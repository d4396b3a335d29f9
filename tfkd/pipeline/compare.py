"""Two finished runs on the same test sets: paired bootstrap."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.evaluation import ROUGE, Predicted, over_seeds, paired_bootstrap, paired_classes
from tfkd.evaluation.classification import METRICS
from tfkd.pipeline.products import CLASSES
from tfkd.pipeline.run_folder import read_results
from tfkd.spec.errors import UserError

# Of results from before it could be chosen.
_TOKENIZE = "13a"


def compare(first: Path, second: Path, *, samples: int = 1000, seed: int = 1) -> str:
    """Compares every test set that both runs have scored, and says which is better.

    Koehn, 2004: Statistical Significance Tests for Machine Translation Evaluation.

    Args:
        first: A run folder, the system.
        second: A run folder, the baseline.
        samples: Bootstrap samples.
        seed: The seed of the samples.

    Returns:
        A line for each pair that was decoded alike: both values, first minus second with its 95 %
        interval, p. Of runs with `seeds:`, of each seed that both have; and of these together both
        means with their standard deviations, and Student's interval of the differences by seed.

    Raises:
        UserError: The runs share no test set that they decoded alike.
    """
    ours, theirs = _outputs(first), _outputs(second)
    several = len({of for of, _, _, _ in [*ours, *theirs]}) > 1
    searches = len({search for _, _, search, _ in [*ours, *theirs]}) > 1
    lines: list[str] = []
    by_seed: dict[tuple[str, int], dict[int, dict[str, float]]] = {}
    for (of, on, search, our_seed), system in ours.items():
        for (other_of, other_on, other_search, their_seed), baseline in theirs.items():
            references = system.references
            if (on, search) != (other_on, other_search) or references != baseline.references:
                continue
            if our_seed != their_seed and None not in (our_seed, their_seed):
                continue
            models = f" ({of} and {other_of})" if several else ""
            models += f" [{search}]" if searches else ""
            classes = search == CLASSES
            digits = 4 if classes else 2
            sides = (system.hypotheses, baseline.hypotheses, references)
            for metric, counted in system.metrics.items():
                if baseline.metrics.get(metric) != counted:
                    continue
                if classes:
                    found = _classes(*sides, metric, samples, seed)
                else:
                    found = paired_bootstrap(
                        *sides, metric=metric, samples=samples, seed=seed, **counted
                    )
                name = f"{on} {metric}{models}"
                if our_seed is not None and their_seed is not None:
                    by_seed.setdefault((name, digits), {})[our_seed] = found
                seeds = [one for one in (our_seed, their_seed) if one is not None]
                name += f", seed {seeds[0]}" if seeds else ""
                lines.append(
                    f"{name}: {found['value'] + found['delta']:.{digits}f} and "
                    f"{found['value']:.{digits}f}, difference {found['delta']:+.{digits}f}, 95 % "
                    f"interval {found['low']:+.{digits}f} to {found['high']:+.{digits}f}, "
                    f"p = {found['p']:.3f}{_verdict(found)}; {len(references):,} "
                    f"{'rows' if classes else 'sentences'}"
                )
    lines += [_over_seeds(*named, found) for named, found in by_seed.items() if len(found) > 1]
    if not lines:
        raise UserError(
            f"{first} and {second} share no test set with the same references and the same "
            f"search: {_tests(ours)}; and {_tests(theirs)}"
        )
    header = f"{first} beside {second}, paired bootstrap of {samples:,} samples"
    return "\n".join([header, *lines])


def _over_seeds(name: str, digits: int, found: dict[int, dict[str, float]]) -> str:
    """The line of several seeds together."""
    ours = over_seeds([one["value"] + one["delta"] for one in found.values()])
    theirs = over_seeds([one["value"] for one in found.values()])
    delta = over_seeds([one["delta"] for one in found.values()])
    means = " and ".join(
        f"{one['mean']:.{digits}f} ± {one['spread']:.{digits}f}" for one in (ours, theirs)
    )
    verdict = _verdict({"low": delta["low"], "high": delta["high"], "delta": delta["mean"]})
    return (
        f"{name}, mean ± deviation of {delta['n']} seeds ({', '.join(map(str, found))}): {means}, "
        f"difference {delta['mean']:+.{digits}f}, 95 % t-interval {delta['low']:+.{digits}f} to "
        f"{delta['high']:+.{digits}f}{verdict}"
    )


def _classes(
    guesses: list[str], others: list[str], labels: list[str], metric: str, samples: int, seed: int
) -> dict[str, Any]:
    """Two classifiers; f1 is the mean over all classes."""
    names = {name: place for place, name in enumerate(sorted({*guesses, *others, *labels}))}
    ids = [np.array([names[one] for one in rows]) for rows in (labels, guesses, others)]
    sides = (Predicted(ids[0], guessed, len(names)) for guessed in ids[1:])
    return paired_classes(metric, *sides, samples=samples, seed=seed)


def _verdict(found: dict[str, float]) -> str:
    if found["low"] <= 0.0 <= found["high"]:
        return " (undecided)"
    return " (better)" if found["delta"] > 0 else " (worse)"


def _tests(outputs: dict[Any, Any]) -> str:
    return ", ".join(dict.fromkeys(f"{on} [{search}]" for _, on, search, _ in outputs))


@dataclass(frozen=True)
class _Outputs:
    """One model's outputs on one test set; metrics by name, with how each counts."""

    hypotheses: list[str]
    references: list[str]
    metrics: dict[str, dict[str, Any]]


def _outputs(run: Path) -> dict[tuple[str, str, str, int | None], _Outputs]:
    """A run's outputs by model, test set, search and, of a spec with several, seed."""
    found: dict[tuple[str, str, str, int | None], _Outputs] = {}
    results = read_results(run)
    seeds = results["spec"].get("seeds")
    for entry in results["evaluations"]:
        if not entry.get("hypotheses"):
            continue
        of, on = entry["of"], entry["on"]
        hypotheses, references = (_lines(run, entry, name) for name in ("hypotheses", "references"))
        search = _search(entry.get("decode") or {})
        tokenize = entry.get("tokenize") or _TOKENIZE
        search += "" if tokenize == _TOKENIZE else f"; bleu of {tokenize}"
        metrics = _metrics(entry, tokenize)
        if "classes" in entry:
            search, metrics = CLASSES, {metric: {} for metric in METRICS}
        found[of, on, search, entry["seed"] if seeds else None] = _Outputs(
            hypotheses, references, metrics
        )
    if not found:
        raise UserError(f"{run} has no scored outputs yet: tfkd run finishes it")
    return found


def _metrics(entry: dict[str, Any], tokenize: str) -> dict[str, dict[str, Any]]:
    """BLEU and chrF of translations, and the ROUGE metrics that were measured."""
    measured, words = entry.get("metrics") or {}, entry.get("rouge") or {}
    case = {"lower_case": True} if entry.get("lower_case") else {}
    summaries = {
        metric: {"stem": words["stem"], "words": words["words"]}
        for metric in ROUGE
        if metric in measured and words
    }
    if summaries and not {"bleu", "chrf", "tokenized_bleu"} & set(measured):
        return summaries
    return {"bleu": {"tokenize": tokenize, **case}, "chrf": case, **summaries}


def _search(decode: dict[str, Any]) -> str:
    rest = ", ".join(f"{key} {decode[key]}" for key in sorted(decode) if key != "kind")
    return f"{decode.get('kind', '')}{rest and ', '}{rest}"


def _lines(run: Path, entry: dict[str, Any], name: str) -> list[str]:
    path = run / entry[name]
    try:
        content = path.read_bytes()
        # Results of 0.1's first days have no digests.
        digest = entry.get("sha256", {}).get(name)
        if digest not in (None, hashlib.sha256(content).hexdigest()):
            raise ValueError("it has other bytes than were written")
        # Not as text: a lone carriage return is no end of a line here.
        return content.decode("utf-8").removesuffix("\n").split("\n")
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); tfkd run SPEC writes it anew") from error
