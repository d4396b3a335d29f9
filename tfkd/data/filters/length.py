"""Texts with too few or too many words."""

from tfkd.data.filters.texts import Row, length_of, texts_of
from tfkd.spec.options.filters import LengthRuleOptions


class Length:
    """Drops a row unless least ≤ length(text) ≤ most of each text, and no word is longer than
    `longest_word` characters."""

    def __init__(self, options: LengthRuleOptions):
        self._options = options

    def drops(self, row: Row) -> bool:
        options = self._options
        for text in texts_of(row, options.on):
            if not options.least <= length_of(text, options.unit) <= options.most:
                return True
            longest = options.longest_word
            if longest is not None and any(len(word) > longest for word in text.split()):
                return True
        return False
