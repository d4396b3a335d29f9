"""Texts that are mostly digits, signs and punctuation."""

from tfkd.data.filters.texts import Row, texts_of
from tfkd.spec.options.filters import LettersRuleOptions


class Letters:
    """Drops a row where, of a text's characters that are no white space, fewer than `least` are
    letters, of any script (Unicode's L*)."""

    def __init__(self, options: LettersRuleOptions):
        self._least, self._on = options.least, options.on

    def drops(self, row: Row) -> bool:
        for text in texts_of(row, self._on):
            dense = "".join(text.split())
            if sum(map(str.isalpha, dense)) < self._least * len(dense) or not dense:
                return True
        return False
