"""Tokenizers, each with its way back to text. TensorFlow is imported when one is used."""

from tfkd.data.tokenizers.building import build_tokenizer, keep_seen, read_vocabulary
from tfkd.data.tokenizers.detokenizer import detokenize
from tfkd.data.tokenizers.learning import learn_wordpiece
from tfkd.data.tokenizers.wordpiece import WordPiece

__all__ = [
    "WordPiece",
    "build_tokenizer",
    "detokenize",
    "keep_seen",
    "learn_wordpiece",
    "read_vocabulary",
]
