"""Words as ROUGE counts them: letters and digits, lower-cased, punctuation left out.

ROUGE-1.5.5 and rouge-score keep `a` to `z` and digits alone: of a word with another letter they
keep the pieces beside it (`Straße` becomes `stra` and `e`), and of other scripts nothing at all.
"""

import unicodedata
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

import regex

WORDS = ("unicode", "ascii")

# Scripts that set no spaces between words: each letter, with its marks, counts as one.
_SPACELESS = (
    r"\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}"
    r"\p{scx=Myanmar}"
)
_WORD = regex.compile(
    rf"[[\p{{L}}\p{{N}}]&&[{_SPACELESS}]]\p{{M}}*"
    rf"|[[\p{{L}}\p{{M}}\p{{N}}]--[[\p{{L}}\p{{N}}]&&[{_SPACELESS}]]]+",
    regex.VERSION1,
)
# Joiners stand inside words of some scripts and are not seen.
_JOINERS = str.maketrans("", "", "\u200c\u200d\u00ad")
# rouge-score's own rule: shorter words stay as they are.
_SHORTEST_STEMMED = 4


def unicode_words(text: str) -> list[str]:
    """The words of a text in any script; of ASCII text, those that rouge-score finds.

    A word is a run of letters, marks and digits of any script, lower-cased and composed (NFC). In
    scripts without spaces between words (Chinese, Japanese, Thai, ...) each letter is one.
    """
    return _WORD.findall(unicodedata.normalize("NFC", text.lower()).translate(_JOINERS))


def words_in(kind: str = "unicode", *, stem: bool = False) -> Callable[[str], list[str]]:
    """A text's words as ROUGE counts them.

    Args:
        kind: `unicode`: `unicode_words`; `ascii`: rouge-score's own, which are ROUGE-1.5.5's.
        stem: Porter's stems of English words of four letters or more (`-m` of ROUGE-1.5.5).
    """
    if kind not in WORDS:
        raise ValueError(
            f"Invalid value for argument `words`. Expected one of {', '.join(WORDS)}. "
            f"Received: words={kind!r}"
        )
    if kind == "ascii":
        # Imported here: it takes a second or two, and most evaluations count no ROUGE.
        from rouge_score.tokenizers import DefaultTokenizer

        return DefaultTokenizer(stem).tokenize
    return _stemmed_words if stem else unicode_words


def lost_words(lines: Sequence[str]) -> float:
    """The share of words with a letter that `words: ascii` drops, 0 to 1."""
    words = [word for line in lines for word in unicode_words(line)]
    return sum(not word.isascii() for word in words) / max(1, len(words))


def _stemmed_words(text: str) -> list[str]:
    return [
        _stem(word) if len(word) >= _SHORTEST_STEMMED and word.isascii() else word
        for word in unicode_words(text)
    ]


@cache
def _stemmer() -> Any:
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer()


@lru_cache(1 << 16)  # a text has few different words, and its rows are counted by several metrics
def _stem(word: str) -> str:
    return str(_stemmer().stem(word))
