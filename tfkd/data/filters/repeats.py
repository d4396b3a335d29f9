"""Texts that say the same words again and again."""

from tfkd.data.filters.texts import Row, texts_of
from tfkd.spec.options.filters import RepeatsRuleOptions


class Repeats:
    """Drops a row where, of a text's m n-grams of words, (m - distinct) / m > most."""

    def __init__(self, options: RepeatsRuleOptions):
        self._n, self._most, self._on = options.n, options.most, options.on

    def drops(self, row: Row) -> bool:
        return any(self._share(text) > self._most for text in texts_of(row, self._on))

    def _share(self, text: str) -> float:
        words = text.split()
        number = len(words) - self._n + 1
        if number < 2:
            return 0.0
        grams = set(zip(*(words[start:] for start in range(self._n)), strict=False))
        return (number - len(grams)) / number  # 1 - 7 / 10 is more than 0.3
