"""Pairs of which one side is many times as long as the other."""

from tfkd.data.filters.texts import Row, length_of
from tfkd.spec.options.filters import RatioRuleOptions


class Ratio:
    """Drops a row where max(s, t) / min(s, t) > most, of the lengths s and t of its sides, or one
    side alone is empty; of two empty sides that is for `length` to say."""

    def __init__(self, options: RatioRuleOptions):
        self._most, self._unit = options.most, options.unit

    def drops(self, row: Row) -> bool:
        shorter, longer = sorted(length_of(row[side], self._unit) for side in ("source", "target"))
        # Divided, as 1.15 * 20 is less than 23.
        return longer / shorter > self._most if shorter else longer > 0
