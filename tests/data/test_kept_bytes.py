"""Byte-level vocabularies that are cut down to what lines need."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.tokenizers.byte_bpe import ByteBpe, keep_seen_bytes, learn_byte_bpe
from tfkd.data.tokenizers.byte_rules import ByteRules
from tfkd.data.tokenizers.byte_words import byte_alphabet
from tfkd.data.tokenizers.same_pieces import cut_otherwise
from tfkd.data.tokenizers.wordpiece import SPECIALS, WordPiece

WORDS = ["low", "lower", "lowest", "new", "newer", "newest", "wide", "wider", "ü", "naïve", "🙂"]
WHOLE = learn_byte_bpe(
    [" ".join(np.random.default_rng(seed).choice(WORDS, 12)) for seed in range(60)], 340
)


def spelled(tokenizer, lines):
    found = tokenizer.encode(lines)
    return [[tokenizer.vocabulary[one] for one in found.row(row)] for row in range(len(found))]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.sampled_from([*WORDS, "we", "x"]), max_size=5), max_size=4))
def test_lines_are_cut_into_the_same_pieces(rows):
    lines = [" ".join(row) for row in rows]
    cut = keep_seen_bytes(WHOLE, iter(lines))
    assert spelled(cut, lines) == spelled(WHOLE, lines)
    assert [one for one in WHOLE.vocabulary if one in {*cut.vocabulary}] == cut.vocabulary
    assert {*byte_alphabet()} <= {*cut.vocabulary}
    assert cut.vocabulary[cut.end_id] == WHOLE.vocabulary[WHOLE.end_id]
    # Other text is still text.
    assert cut.decode(cut.encode(["newest 🙂 zebra"]).values) == "newest 🙂 zebra"


def test_what_no_line_needs_goes_and_what_pieces_are_merged_from_stays():
    cut = keep_seen_bytes(WHOLE, ["lowest"])
    assert cut.size < WHOLE.size - 20
    (pieces,) = spelled(cut, ["lowest"])
    made = {"".join(pair): pair for pair in cut.merges}
    needed, todo = set(), [piece for piece in pieces if piece in made]
    while todo:
        needed.add(piece := todo.pop())
        todo += [one for one in made[piece] if one in made and one not in needed]
    assert needed == set(made)
    assert "newest" not in {one.strip("Ġ") for one in cut.vocabulary}


@pytest.mark.parametrize("word", ["ab", "cab", "abc", "cabc", "cc ab"])
def test_pieces_that_two_pairs_make_keep_both(word):
    """As tokenizers have them that were converted from a list of pieces alone."""
    pieces = [*byte_alphabet(), "<|endoftext|>", "ca", "ab", "bc", "cab", "abc", "cabc"]
    merges = [("c", "a"), ("a", "b"), ("b", "c"), ("c", "ab"), ("ca", "b"), ("ab", "c"),
              ("a", "bc"), ("cab", "c"), ("c", "abc"), ("ca", "bc")]  # fmt: skip
    whole = ByteBpe(pieces, merges)
    for lines in ([word], [word, "abc"]):
        cut = keep_seen_bytes(whole, lines)
        assert spelled(cut, lines) == spelled(whole, lines)


def test_a_pair_that_is_learnt_after_a_use_of_its_piece_stays():
    """The word abcd is made of abc, which here a later pair makes of a and bc."""
    pieces = [*byte_alphabet(), "<|endoftext|>", "bc", "ab", "abc", "abcd", "xy"]
    merges = [("b", "c"), ("a", "b"), ("ab", "c"), ("abc", "d"), ("a", "bc"), ("x", "y")]
    whole = ByteBpe(pieces, merges)
    cut = keep_seen_bytes(whole, ["abcd"])
    assert spelled(cut, ["abcd", "abce"]) == spelled(whole, ["abcd", "abce"])
    assert "xy" not in cut.vocabulary


def test_one_that_is_cut_down_from_another_is_told_by_how_it_cuts():
    cut = keep_seen_bytes(WHOLE, ["lowest newer"])
    assert cut_otherwise(cut, WHOLE) == ""
    swapped = list(cut.merges)
    pair = (swapped[1], swapped[0])
    swapped[:2] = pair
    said = f"number 1 is '{' '.join(pair[0])}' and '{' '.join(pair[1])}'"
    assert said in cut_otherwise(ByteBpe(cut.vocabulary, swapped), WHOLE)
    fewer = ByteBpe(cut.vocabulary, cut.merges[:-1])
    assert "is none and" in cut_otherwise(fewer, WHOLE)
    ends = ["<|endoftext|>"]
    rules = ByteRules("qwen2", False, False, *ends * 3, tuple(ends))
    other = ByteBpe(WHOLE.vocabulary, WHOLE.merges, rules)
    assert cut_otherwise(cut, other) == "split is 'plain' and 'qwen2'"
    one, two = (WordPiece([*SPECIALS, "a"], lower_case) for lower_case in (True, False))
    assert cut_otherwise(one, one) == ""
    assert cut_otherwise(one, two) == "lower_case is True and False"
