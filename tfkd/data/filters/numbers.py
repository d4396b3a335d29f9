"""Pairs whose sides have other numbers."""

import re
import unicodedata
from collections import Counter

from tfkd.data.filters.texts import Row
from tfkd.spec.options.filters import NumbersRuleOptions

# Digits of any script, with what groups them or stands before a fraction: 1,000.5 and 1'000.5; with
# a thin space, or one that no line is broken at, 1 000,5; Arabic signs and those of full width.
_NUMBER = re.compile(r"\d+(?:[.,'’:\u00a0\u2009\u202f\u066b\u066c\uff0c\uff0e]\d+)*")


class Numbers:
    """Drops a row where the numbers of its sides, with how often each stands there, differ. A
    number is its digits alone: languages group them, and mark fractions, each in its own way."""

    def __init__(self, options: NumbersRuleOptions):
        self._least = options.least_digits

    def drops(self, row: Row) -> bool:
        return self._numbers(row["source"]) != self._numbers(row["target"])

    def _numbers(self, text: str) -> Counter:
        digits = (
            "".join(str(unicodedata.decimal(one)) for one in found if one.isdecimal())
            for found in _NUMBER.findall(text)
        )
        return Counter(one for one in digits if len(one) >= self._least)
