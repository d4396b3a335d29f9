"""Lines of so many tokens: of the words of real ones, in order."""

import pytest

from tfkd.commands.bench_lines import of_length


def pieces(lines):
    """Each word has a token for every three characters."""
    return [sum(-(-len(word) // 3) for word in line.split()) for line in lines]


LINES = ["a brown dog runs through the garden", "two men", "someone is sleeping", "x"]


@pytest.mark.parametrize("tokens", [2, 5, 10, 27, 60])
def test_lines_have_the_tokens_that_are_asked_for_or_as_near_as_words_let_them(tokens):
    found, sizes = of_length(LINES, pieces, tokens, rows=7)
    assert len(found) == 7
    assert sizes == pieces(found)
    assert all(tokens - 2 <= size <= max(tokens, 3) for size in sizes)
    words = " ".join(LINES * 99)
    assert all(line in words for line in found)
    if tokens >= 5:
        assert len({*found}) > 3


def test_characters_stand_for_words_where_there_are_no_spaces():
    found, sizes = of_length(["日本語のテキスト", "短い"], lambda rows: [*map(len, rows)], 9, 3)
    assert sizes == [9, 9, 9]
    assert all(" " not in line for line in found)
