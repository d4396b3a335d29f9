"""Learns a vocabulary of word pieces from text."""

import heapq
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache
from itertools import pairwise

from tfkd.data.tokenizers.wordpiece import SPECIALS
from tfkd.spec.errors import UserError

LONGEST_WORD = 50  # characters; longer words (addresses, noise) are not learnt from
MOST_CHARACTERS = 0.4  # of the vocabulary; the rarer ones become [UNK]
# Blocks whose characters BERT takes for words; kana and Hangul are not among them.
CHINESE = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


def learn_wordpiece(
    lines: Iterable[str],
    size: int,
    lower_case: bool,
    *,
    strip_accents: bool | None = None,
    min_frequency: int = 2,
) -> list[str]:
    """Learns a vocabulary of exactly `size` pieces, or of all that the text gives if that is less.

    Words start as single characters, and the most frequent neighbours are merged to a new piece
    again and again (byte-pair encoding, Sennrich et al. 2016, section 3.2), as the trainers of
    Hugging Face's WordPiece vocabularies do. Among equally frequent ones the first by code order is
    taken, so that the same text gives the same vocabulary, whatever the order of its lines.

    Keras Hub's `compute_word_piece_vocabulary` gives pieces of the same quality here (14.6 and 14.0
    a sentence of Multi30k's test set), but takes five times as long and misses the size.

    Args:
        lines: Text; read once, as a stream. Distinct words are kept in memory.
        size: Number of pieces, special tokens and single characters included.
        lower_case: See `WordPiece`.
        strip_accents: See `WordPiece`.
        min_frequency: Rarer pairs of neighbours are not merged.

    Returns:
        [PAD], [UNK], [CLS], [SEP], [MASK], the characters in code order, then the others in the
        order of their merging, the most frequent first.

    Raises:
        UserError: The text's characters leave no room for pieces, or there is no text.
    """
    words = count_words(lines, lower_case, strip_accents)
    words = {word: count for word, count in words.items() if len(word) <= LONGEST_WORD}
    if not words:
        raise UserError("A vocabulary cannot be learnt: the text to learn from has no words.")
    characters = _frequent_characters(words, max(64, int(MOST_CHARACTERS * size)))
    words = {word: count for word, count in words.items() if characters.issuperset(word)}
    singles = [_split(word) for word in words]
    pieces = [*SPECIALS, *sorted({piece for word in singles for piece in word})]
    if len(pieces) > size:
        raise UserError(
            f"A vocabulary of {size} pieces is too small: the text's single characters and the "
            f"special tokens take {len(pieces)}. Ask for a larger `size`."
        )
    return pieces + _merge(singles, list(words.values()), size - len(pieces), min_frequency)


def _frequent_characters(words: dict[str, int], most: int) -> frozenset[str]:
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            counts[character] += count
    ranked = sorted(counts, key=lambda character: (-counts[character], character))
    return frozenset(ranked[:most])


def _split(word: str) -> list[str]:
    return [word[0], *("##" + character for character in word[1:])]


def _merge(words: list[list[str]], counts: list[int], wanted: int, lowest: int) -> list[str]:
    """The first `wanted` pieces that merging makes. Rewrites `words`."""
    totals: Counter[tuple[str, str]] = Counter()
    places: dict[tuple[str, str], set[int]] = defaultdict(set)
    for number, word in enumerate(words):
        for pair in pairwise(word):
            totals[pair] += counts[number]
            places[pair].add(number)
    queue = [(-total, pair) for pair, total in totals.items() if total >= lowest]
    heapq.heapify(queue)
    made: dict[str, None] = {}  # an ordered set: two pairs can give the same piece
    while queue and len(made) < wanted:
        total, pair = heapq.heappop(queue)
        if -total != totals[pair]:
            # An old entry: the pair has lost some of its places. Its newer entry is in the queue.
            continue
        piece = pair[0] + pair[1].removeprefix("##")
        made[piece] = None
        changed = set()
        for number in places.pop(pair):
            before = words[number]
            after = _joined(before, pair, piece)
            for old in pairwise(before):
                totals[old] -= counts[number]
                changed.add(old)
                if old in places:
                    places[old].discard(number)
            for new in pairwise(after):
                totals[new] += counts[number]
                changed.add(new)
                places[new].add(number)
            words[number] = after
        for other in changed:
            if totals[other] >= lowest:
                heapq.heappush(queue, (-totals[other], other))
    return list(made)


def _joined(word: list[str], pair: tuple[str, str], piece: str) -> list[str]:
    after, at = [], 0
    while at < len(word):
        if at + 1 < len(word) and (word[at], word[at + 1]) == pair:
            after.append(piece)
            at += 2
        else:
            after.append(word[at])
            at += 1
    return after


def count_words(
    lines: Iterable[str], lower_case: bool, strip_accents: bool | None = None
) -> Counter[str]:
    """Counts the words that BERT's rules split text into."""
    raw: Counter[str] = Counter()
    for line in lines:
        raw.update(line.split())
    words: Counter[str] = Counter()
    accents_off = lower_case if strip_accents is None else strip_accents
    for text, count in raw.items():
        for word in split_words(text, lower_case, accents_off):
            words[word] += count
    return words


def split_words(text: str, lower_case: bool, strip_accents: bool) -> list[str]:
    """BERT's words of a text without white space: marks and Chinese characters stand alone."""
    if lower_case:
        text = text.lower()
    if strip_accents:
        text = "".join(c for c in unicodedata.normalize("NFD", text) if _kind(c) != "accent")
    words, current = [], ""
    for character in text:
        kind = _kind(character)
        if kind in ("alone", "space"):
            words += [current, character] if kind == "alone" else [current]
            current = ""
        elif kind != "dropped":
            current += character
    return [word for word in [*words, current] if word]


@cache
def _kind(character: str) -> str:
    """What BERT does with a character: space, dropped, alone (a word by itself), accent, letter."""
    if character in " \t\n\r":
        return "space"
    category = unicodedata.category(character)
    if category == "Zs":
        return "space"
    code = ord(character)
    if code in (0, 0xFFFD) or category.startswith("C"):
        return "dropped"
    # All of ASCII's marks, `$`, `+`, `^` among them, whatever Unicode calls them.
    ascii_mark = 33 <= code <= 126 and not character.isalnum()
    if ascii_mark or category.startswith("P") or any(a <= code <= b for a, b in CHINESE):
        return "alone"
    return "accent" if category == "Mn" else "letter"
