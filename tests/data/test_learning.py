"""Learnt vocabularies: the same each time, of the size asked for, covering the text."""

import functools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.grammars.generated import german_english
from tfkd.data.tokenizers import WordPiece, learn_wordpiece
from tfkd.spec.errors import UserError

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@functools.cache
def lines():
    return [side for pair in german_english(2000, 1) for side in pair]


def merged_slowly(words, wanted, lowest):
    """Byte-pair merges, counted from scratch each time."""
    split = {word: [word[0], *("##" + c for c in word[1:])] for word in words}
    made = []
    while len(made) < wanted:
        pairs = Counter()
        for word, count in words.items():
            for pair in zip(split[word], split[word][1:], strict=False):
                pairs[pair] += count
        pairs = {pair: count for pair, count in pairs.items() if count >= lowest}
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        piece = best[0] + best[1].removeprefix("##")
        if piece not in made:
            made.append(piece)
        for word, pieces in split.items():
            joined, at = [], 0
            while at < len(pieces):
                if tuple(pieces[at : at + 2]) == best:
                    joined.append(piece)
                    at += 2
                else:
                    joined.append(pieces[at])
                    at += 1
            split[word] = joined
    return made


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=8), st.integers(1, 5), min_size=1),
    st.integers(0, 20),
    st.integers(1, 3),
)
def test_merges_are_those_of_counting_afresh(words, extra, lowest):
    line = " ".join(word for word, count in words.items() for _ in range(count))
    singles = {word[0] for word in words} | {"##" + c for word in words for c in word[1:]}
    size = 5 + len(singles) + extra
    learnt = learn_wordpiece([line], size, False, min_frequency=lowest)
    assert learnt == SPECIALS + sorted(singles) + merged_slowly(words, extra, lowest)


@pytest.mark.tensorflow
@pytest.mark.parametrize("size", [150, 400, 1000])
def test_the_size_is_met_and_nothing_is_unknown(size):
    pieces = learn_wordpiece(lines(), size, False)
    assert len(pieces) == len(set(pieces)) == size
    assert pieces[:5] == SPECIALS
    tokenizer = WordPiece(pieces, False)
    assert tokenizer.unknown_id not in tokenizer.encode(lines()).values


@pytest.mark.tensorflow
def test_larger_vocabularies_make_shorter_text():
    lengths = [
        len(WordPiece(learn_wordpiece(lines(), size, False), False).encode(lines()).values)
        for size in (150, 400, 1000)
    ]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[2] < 0.6 * lengths[0]


def test_the_order_of_lines_does_not_matter():
    assert learn_wordpiece(iter(lines()), 500, False) == learn_wordpiece(lines()[::-1], 500, False)


def test_lower_case_and_accents_follow_the_tokenizer():
    lines = ["Für Ärzte ÜBER"] * 3
    assert all(piece == piece.lower() for piece in learn_wordpiece(lines, 60, True)[5:])
    assert "für" in learn_wordpiece(lines, 60, True, strip_accents=False)
    assert "fur" in learn_wordpiece(lines, 60, True)
    assert "Für" in learn_wordpiece(lines, 60, False)


def test_marks_and_chinese_have_no_joined_forms():
    pieces = learn_wordpiece(["ab,中文!?cd"] * 5, 60, False)
    assert {",", "中", "文", "!", "?", "ab", "cd"} <= set(pieces)
    assert not {"##,", "##中", "##文", "##!", "##?"} & set(pieces)


def test_small_texts_give_fewer_pieces():
    assert len(learn_wordpiece(["a b ab"], 8000, False)) == 8


def test_rare_characters_are_left_to_unknown():
    lines = ["aa bb"] * 50 + [" ".join(map(chr, range(0x4E00, 0x4E00 + 500)))]
    pieces = learn_wordpiece(lines, 100, False)
    assert {"aa", "bb"} <= set(pieces)
    assert len(pieces) == 5 + 62 + 2 + 2 + 2


def test_what_cannot_be_learnt_is_said():
    letters = "abcdefghijklmnopqrstuvwxyz"
    with pytest.raises(UserError, match=r"too small: .* take 57"):
        learn_wordpiece([" ".join(letters) + " " + letters[0] + letters], 40, False)
    with pytest.raises(UserError, match="no words"):
        learn_wordpiece([], 100, False)
