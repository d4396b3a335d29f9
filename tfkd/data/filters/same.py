"""Pairs whose sides are one text: nothing was translated."""

from tfkd.data.filters.texts import Row, folded
from tfkd.spec.options.filters import SameRuleOptions


class Same:
    """Drops a row whose sides are equal but for case and spaces."""

    def __init__(self, options: SameRuleOptions):
        del options

    def drops(self, row: Row) -> bool:
        return folded(row["source"]) == folded(row["target"])
