"""Tokenizers, each with its way back to text. TensorFlow is imported when one is used."""

from tfkd.data.tokenizers.building import (
    Tokenizer,
    build_tokenizer,
    keep_seen,
    load_tokenizer,
    read_vocabulary,
)
from tfkd.data.tokenizers.byte_bpe import ByteBpe, learn_byte_bpe
from tfkd.data.tokenizers.detokenizer import detokenize
from tfkd.data.tokenizers.learning import learn_wordpiece
from tfkd.data.tokenizers.sentence_piece import SentencePiece, learn_sentencepiece
from tfkd.data.tokenizers.separated import Separated
from tfkd.data.tokenizers.wordpiece import WordPiece

__all__ = [
    "ByteBpe",
    "SentencePiece",
    "Separated",
    "Tokenizer",
    "WordPiece",
    "build_tokenizer",
    "detokenize",
    "keep_seen",
    "learn_byte_bpe",
    "learn_sentencepiece",
    "learn_wordpiece",
    "load_tokenizer",
    "read_vocabulary",
]
