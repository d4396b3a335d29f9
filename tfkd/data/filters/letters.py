"""Texts that are mostly digits, signs and punctuation."""

import unicodedata

from tfkd.data.filters.texts import Row, texts_of
from tfkd.spec.options.filters import LettersRuleOptions


class Letters:
    """Drops a row with a text of l letters (Unicode's L*, of any script) among n characters where
    l / n < least, or n = 0. White space and marks (M*) are not counted: accents that stand by
    themselves, vowels of Hindi, points of Hebrew change nothing."""

    def __init__(self, options: LettersRuleOptions):
        self._least, self._on = options.least, options.on

    def drops(self, row: Row) -> bool:
        for text in texts_of(row, self._on):
            dense = "".join(text.split())
            if not dense.isascii():
                dense = "".join(one for one in dense if unicodedata.category(one)[0] != "M")
            # Divided, as 0.55 * 20 is more than 11.
            if not dense or sum(map(str.isalpha, dense)) / len(dense) < self._least:
                return True
        return False
