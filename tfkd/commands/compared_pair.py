"""Two systems on one test set by one metric: their line in `tfkd compare`, and their verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tfkd.commands.compared import Side
from tfkd.evaluation import over_seeds
from tfkd.evaluation.intervals.seed_intervals import means_apart
from tfkd.evaluation.score import shown_difference
from tfkd.evaluation.verdicts.systems import SEED_ALONE, Contender, Verdict, system_verdict
from tfkd.evaluation.verdicts.verdict import p_relation


@dataclass(kw_only=True)
class Pair:
    """A system and what it is compared with.

    Attributes:
        name: Test set, metric and, where they have to be told, models and search.
        metric: The metric.
        names: What both systems are called.
        same_spec: Whether they are two trainings of one spec, whose seeds alone differ.
        found: What `paired_bootstrap` returned, by seed; None: that is not told.
        sides: Both sides, by seed; beside several of one system the other may have one alone.
    """

    name: str
    metric: str
    names: tuple[str, str]
    same_spec: bool = False
    found: dict[int | None, dict[str, Any]] = field(default_factory=dict)
    sides: dict[int | None, tuple[Side, Side]] = field(default_factory=dict)

    @property
    def several(self) -> bool:
        """Whether it is of several seeds."""
        return len(self.found) > 1

    @property
    def beside_one(self) -> str:
        """Of several trainings beside a single one, what that does not tell; else empty."""
        for index, name in enumerate(self.names):
            side = next(iter(self.sides.values()))[index]
            if self.several and self._single(index) and side.seed is not None:
                return (
                    f"{len(self.found)} seeds beside one training: this says nothing about another "
                    f"training of {name}"
                )
        return ""

    @property
    def verdict(self) -> Verdict:
        """What the difference says; of several seeds, their mean."""
        contenders = (
            Contender(name, [one for sides in self.sides.values() for one in sides[index].trivial])
            for index, name in enumerate(self.names)
        )
        if self.several:
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
        if not self.several:
            return [self._line(seed, self.said) for seed in self.found]
        return [self._mean_line(), *(self._line(seed, "one of several") for seed in self.found)]

    @property
    def _digits(self) -> int:
        return next(iter(self.sides.values()))[0].digits

    def _single(self, place: int) -> bool:
        """Whether one of both, the first or the second, has a single training."""
        return len({id(sides[place]) for sides in self.sides.values()}) == 1

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
            f"{one['mean']:.{digits}f}" if self._single(index) else _mean(one, digits)
            for index, one in enumerate((ours, theirs))
        )
        difference = shown_difference(ours["mean"], theirs["mean"], digits)
        return (
            f"{self.name}, mean ± deviation of {delta['n']} seeds "
            f"({', '.join(map(str, self.found))}): {means}, difference {difference:+.{digits}f}, "
            f"95 % t-interval {delta['low']:+.{digits}f} to {delta['high']:+.{digits}f} "
            f"({self.said})"
        )


@dataclass(kw_only=True)
class Apart:
    """Two systems' trainings that do not belong together seed by seed: their means.

    Attributes:
        name: As a `Pair`'s.
        metric: The metric.
        names: What both systems are called.
        same_spec: Whether they are trainings of one spec, whose seeds alone differ.
        sides: What both said, by seed.
        scores: Both systems' scores, in the seeds' order.
    """

    name: str
    metric: str
    names: tuple[str, str]
    same_spec: bool
    sides: tuple[Mapping[int | None, Side], Mapping[int | None, Side]]
    scores: tuple[Sequence[float], Sequence[float]]

    several = True
    beside_one = ""

    @property
    def verdict(self) -> Verdict:
        """What the difference of the means says."""
        contenders = (
            Contender(name, [one for side in sides.values() for one in side.trivial])
            for name, sides in zip(self.names, self.sides, strict=True)
        )
        seeds = min(map(len, self.sides))
        return system_verdict(self.metric, means_apart(*self.scores), *contenders, seeds=seeds)

    @property
    def said(self) -> str:
        """The verdict in words, with the better one as its subject."""
        return (
            SEED_ALONE.removeprefix("two ") if self.same_spec else self.verdict.naming(*self.names)
        )

    @property
    def size(self) -> str:
        """The difference of the means without its sign."""
        return self._difference("").removeprefix("-")

    def lines(self) -> list[str]:
        """The one line of both means."""
        digits, apart = self._digits, means_apart(*self.scores)
        means = " and ".join(_mean(over_seeds(one), digits) for one in self.scores)
        seeds = " beside ".join(
            f"{len(one)} {'seed' if len(one) == 1 else 'seeds'}"
            + (f" ({', '.join(map(str, one))})" if None not in one else "")
            for one in self.sides
        )
        interval = ""
        if apart["low"] is not None:
            interval = (
                f", 95 % t-interval (Welch's) {apart['low']:+.{digits}f} to "
                f"{apart['high']:+.{digits}f}"
            )
        return [
            f"{self.name}, mean ± deviation of {seeds}: {means}, difference "
            f"{self._difference('+')}{interval} ({self.said})"
        ]

    @property
    def _digits(self) -> int:
        return next(iter(self.sides[0].values())).digits

    def _difference(self, sign: str) -> str:
        means = [sum(one) / len(one) for one in self.scores]
        return f"{shown_difference(*means, self._digits):{sign}.{self._digits}f}"


def _mean(found: Mapping[str, Any], digits: int) -> str:
    """A mean with its deviation, where it has one."""
    std = "" if found["std"] is None else f" ± {found['std']:.{digits}f}"
    return f"{found['mean']:.{digits}f}{std}"
