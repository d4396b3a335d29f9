"""Stages that ask a model, or the mean of several: what their options have in common."""

from collections.abc import Mapping
from typing import Any

from tfkd.spec.faults import Faults
from tfkd.spec.names import written
from tfkd.spec.options.teachers import checked, shares_of, spread
from tfkd.spec.source.replacing import KEYS
from tfkd.spec.stage import Named, Path, TaughtOptions


class AskedOptions(TaughtOptions):
    """Options of a stage whose kind's key names a model, `A`, or several whose distributions are
    averaged, `[A, B]` or `{A: 0.7, B: 0.3}`.

    A subclass declares three fields: that of its kind's name for the first, a reference with
    `TEACHERS` as its form; `beside` for the others; and `weights`.
    """

    @classmethod
    def typed(cls, faults: Faults, path: Path, value: dict[str, Any]) -> dict[str, Any]:
        """With several models as the first and those beside it."""
        return super().typed(faults, path, checked(faults, path, value, cls.kind))

    @classmethod
    def places(cls) -> tuple[tuple[Path, str], ...]:
        whole = cls.kind
        return *super().places(), ((whole, "*"), "model"), ((whole, KEYS), "model")

    @classmethod
    def named(cls, stage: Mapping[str, Any]) -> list[Named]:
        return super().named(spread(stage, cls.kind))

    @property
    def teachers(self) -> list[str]:
        """The references of all models, the first first."""
        return [getattr(self, self.kind), *self.beside]

    @property
    def shares(self) -> list[float] | None:
        """Their weights, which add up to 1; None where each has as much."""
        return shares_of(self.weights)

    @classmethod
    def place_of(cls, faults: Faults, path: Path, name: str, index: int) -> tuple[Any, ...]:
        """Where a model stands in the file, by its place among all."""
        whole = (*path, cls.kind)
        ways = [(*whole, index), (*whole, name)] + [(*path, "beside", index - 1)] * bool(index)
        return next((one for one in ways if written(faults, one) == one), whole)
