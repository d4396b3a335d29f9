"""Two systems on one test set by one metric: their line in `tfkd compare`, and their verdict."""

from dataclasses import dataclass, field
from typing import Any

from tfkd.evaluation import over_seeds
from tfkd.evaluation.score import shown_difference
from tfkd.evaluation.system_verdict import SEED_ALONE, Contender, Verdict, system_verdict
from tfkd.evaluation.verdict import p_relation
from tfkd.pipeline.compared import Side


@dataclass(kw_only=True)
class Pair:
    """A system and what it is compared with.

    Attributes:
        name: Test set, metric and, where they have to be told, models and search.
        metric: The metric.
        names: What both systems are called.
        same_spec: Whether they are two trainings of one spec, whose seeds alone differ.
        found: What `paired_bootstrap` returned, by seed; None: that is not told.
        sides: Both sides, by seed.
    """

    name: str
    metric: str
    names: tuple[str, str]
    same_spec: bool = False
    found: dict[int | None, dict[str, Any]] = field(default_factory=dict)
    sides: dict[int | None, tuple[Side, Side]] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """What the difference says; of several seeds, their mean."""
        contenders = (
            Contender(name, [one for sides in self.sides.values() for one in sides[place].trivial])
            for place, name in enumerate(self.names)
        )
        if len(self.found) > 1:
            interval, p = over_seeds([one["delta"] for one in self.found.values()]), None
        else:
            (interval,) = self.found.values()
            p = interval["p"]
        trained = any(side.seed is not None for sides in self.sides.values() for side in sides)
        seeds = len(self.found) if trained else None
        return system_verdict(self.metric, interval, *contenders, p=p, seeds=seeds)

    @property
    def said(self) -> str:
        """The verdict in words, with the better one as its subject."""
        return SEED_ALONE if self.same_spec else self.verdict.naming(*self.names)

    @property
    def size(self) -> str:
        """The difference without its sign; of several seeds, the mean's."""
        means = [sum(values) / len(values) for values in self._scores()]
        return f"{abs(shown_difference(*means, self._digits)):.{self._digits}f}"

    def lines(self) -> list[str]:
        """A line a seed; of several first that of their mean, which alone has a verdict."""
        if len(self.found) == 1:
            return [self._line(seed, self.said) for seed in self.found]
        return [self._mean_line(), *(self._line(seed, "one of several") for seed in self.found)]

    @property
    def _digits(self) -> int:
        return next(iter(self.sides.values()))[0].digits

    def _scores(self) -> tuple[list[float], list[float]]:
        """Both systems' scores, one a seed."""
        theirs = [one["value"] for one in self.found.values()]
        return [one["value"] + one["delta"] for one in self.found.values()], theirs

    def _line(self, seed: int | None, said: str) -> str:
        found, (side, other), digits = self.found[seed], self.sides[seed], self._digits
        ours, theirs = found["value"] + found["delta"], found["value"]
        name = self.name if seed is None else f"{self.name}, seed {seed}"
        if tuned := " beside ".join(filter(None, (side.tuned, other.tuned))):
            name += f", {tuned}"
        return (
            f"{name}: {ours:.{digits}f} and {theirs:.{digits}f}, difference "
            f"{shown_difference(ours, theirs, digits):+.{digits}f}, 95 % interval "
            f"{found['low']:+.{digits}f} to {found['high']:+.{digits}f}, p "
            f"{p_relation(found['p'])} ({said}); {side.rows:,} {side.unit}"
        )

    def _mean_line(self) -> str:
        digits = self._digits
        ours, theirs = map(over_seeds, self._scores())
        delta = over_seeds([one["delta"] for one in self.found.values()])
        means = " and ".join(
            f"{one['mean']:.{digits}f} ± {one['spread']:.{digits}f}" for one in (ours, theirs)
        )
        difference = shown_difference(ours["mean"], theirs["mean"], digits)
        return (
            f"{self.name}, mean ± deviation of {delta['n']} seeds "
            f"({', '.join(map(str, self.found))}): {means}, difference {difference:+.{digits}f}, "
            f"95 % t-interval {delta['low']:+.{digits}f} to {delta['high']:+.{digits}f} "
            f"({self.said})"
        )
