"""Small tokenizers of each kind, which read any line of `tools/hostile_lines.py`."""

import sys
from pathlib import Path

from tfkd.data.tokenizers import SentencePiece, WordPiece, learn_byte_bpe
from tfkd.data.tokenizers.sentence_piece import learn_sentencepiece
from tfkd.data.tokenizers.wordpiece import SPECIALS

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
from hostile_lines import TEXT


def tokenizer_of(kind):
    """Of a "wordpiece", a "byte_bpe" or a "sentencepiece" vocabulary."""
    if kind == "wordpiece":
        letters = sorted({letter for line in TEXT for letter in line.lower() if letter != " "})
        pieces = [*SPECIALS, *letters, *(f"##{one}" for one in letters)]
        return WordPiece(pieces, lower_case=True)
    if kind == "byte_bpe":
        return learn_byte_bpe(TEXT * 3, 400)
    return SentencePiece(learn_sentencepiece(TEXT * 3, 300))
