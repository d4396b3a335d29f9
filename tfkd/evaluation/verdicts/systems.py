"""What a comparison of two systems says: which is better, whether that is known, and of how many
trainings.

A difference that is no chance on these rows may still say nothing: between two models that have
learnt nothing, or of what another seed would have given. All that is told of comparisons (terminal,
report, the README's tables, `tfkd compare`) is worded from the object here; the rule for interval
and p is `verdict_of`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tfkd.evaluation.trivial_systems import clearly_better
from tfkd.evaluation.verdicts.outputs import in_words
from tfkd.evaluation.verdicts.verdict import BETTER, WORSE, verdict_of

NOT_LEARNT = "not learnt"
NO_VERDICT = "no verdict"
# Below comparisons of single trainings, once.
ONE_SEED = (
    "better, worse, undecided: on this test set; one seed: says nothing about another training "
    "(`tfkd run SPEC --seeds 3` trains three)"
)
# What a comparison of one spec's two trainings shows.
SEED_ALONE = "two trainings of the same spec: no system is better"


class Contender(NamedTuple):
    """One of two systems that are compared.

    Attributes:
        name: What it is called there.
        trivial: Its `trivial` of results.json, of all its seeds; empty: that is unknown.
    """

    name: str
    trivial: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the difference of a system to another says.

    Attributes:
        reading: `better`, `worse`, `undecided`; or `not learnt`, where one of the two is not above
            a trivial system: then nothing is said of which is better.
        seeds: How many trainings of each system it speaks of; None: of models that were not
            trained here.
        unlearnt: Systems that are not clearly above a trivial one, by name, with this one in words.
    """

    reading: str
    seeds: int | None = 1
    unlearnt: tuple[tuple[str, str], ...] = ()

    @property
    def brief(self) -> str:
        """One or two words, for a table's cell."""
        return NO_VERDICT if self.reading == NOT_LEARNT else self.reading

    @property
    def reason(self) -> str:
        """Why there is none, "no verdict: learn is not clearly above an empty output"; else ""."""
        if not self.unlearnt:
            return ""
        said = (f"{name} is not clearly above {trivial}" for name, trivial in self.unlearnt)
        return f"{NO_VERDICT}: {'; '.join(said)}"

    @property
    def words(self) -> str:
        """The reading, with the reason where there is none to give."""
        return self.reason or self.reading

    @property
    def decided(self) -> bool:
        """Whether one of the two is better."""
        return self.reading in (BETTER, WORSE)

    @property
    def of_one_seed(self) -> bool:
        """Whether it speaks of a single training of each."""
        return self.seeds == 1 and self.reading != NOT_LEARNT

    def naming(self, system: str, baseline: str) -> str:
        """The same with the better one as its subject: "runs/b is better"."""
        if not self.decided:
            return self.words
        return f"{system if self.reading == BETTER else baseline} is better"


def system_verdict(
    metric: str,
    found: Mapping[str, Any],
    system: Contender,
    baseline: Contender,
    *,
    p: Any = None,
    seeds: int | None = 1,
) -> Verdict:
    """The verdict of a difference.

    Args:
        metric: What differs.
        found: Its interval: `low` and `high`.
        system, baseline: The difference is the first's score less the second's.
        p: The difference's; None: it has none, as beside a t-interval.
        seeds: How many trainings of each it is of.
    """
    unlearnt = {
        one.name: trivial
        for one in (system, baseline)
        if (trivial := not_above(metric, one.trivial))
    }
    if unlearnt:
        return Verdict(reading=NOT_LEARNT, seeds=seeds, unlearnt=tuple(unlearnt.items()))
    return Verdict(reading=verdict_of(metric, found.get("low"), found.get("high"), p), seeds=seeds)


def not_above(metric: str, trivial: Iterable[Mapping[str, Any]]) -> str | None:
    """The first trivial system, in words, that a system is not clearly better than; None: there is
    none, or none is known.

    By the metric itself, and where a trivial system has no such score, by all that it has: a
    translator that predicts words no better than their frequencies has learnt as little where BLEU
    is compared.
    """
    for one in trivial:
        known = {
            name: found
            for name, found in (one.get("metrics") or {}).items()
            if all(isinstance(found.get(end), int | float) for end in ("low", "high"))
        }
        judged = {metric: known[metric]} if metric in known else known
        if judged and not any(clearly_better(name, found) for name, found in judged.items()):
            return in_words(one)
    return None


def verdict_notes(verdicts: Iterable[Verdict]) -> list[str]:
    """What is said once below a table of verdicts: why some have none to give, and that one seed
    says nothing of another training."""
    told = list(verdicts)
    found = list(dict.fromkeys(one.reason for one in told if one.reason))
    return found + [ONE_SEED] * any(one.of_one_seed for one in told)
