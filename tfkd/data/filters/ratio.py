"""Pairs of which one side is many times as long as the other."""

from tfkd.data.filters.texts import Row, length_of
from tfkd.spec.options.filters import RatioRuleOptions


class Ratio:
    """Drops a row where max(s, t) > most · min(s, t), of the lengths s and t of its sides; an empty
    side has no ratio."""

    def __init__(self, options: RatioRuleOptions):
        self._most, self._unit = options.most, options.unit

    def drops(self, row: Row) -> bool:
        lengths = [length_of(row[side], self._unit) for side in ("source", "target")]
        return max(lengths) > self._most * min(lengths)
