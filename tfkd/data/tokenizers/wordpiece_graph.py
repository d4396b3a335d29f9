"""The word-piece tokenizer as TensorFlow operations."""

import tensorflow as tf
import tensorflow_text

from tfkd.data.tokenizers.detokenizer import detokenize_in_graph

# BERT drops what is no letter, mark, number, punctuation, symbol or space: control characters, the
# soft hyphen, U+200B, characters that Unicode has not assigned; and the replacement character.
# FastBertTokenizer takes some of these for spaces and some for letters.
DROPPED = r"[^\pL\pM\pN\pP\pS\pZ\t\n\r]+|\x{fffd}+"
# Line and paragraph separators: spaces to BERT, letters to FastBertTokenizer.
SPACES = r"[\p{Zl}\p{Zp}]"


class WordPieceGraph(tf.Module):
    """`tokenize` and `detokenize` of a `WordPiece`, for use in a graph and in a SavedModel.

    Both run on strings, so they stay outside of compiled (XLA) functions.

    Args:
        tokenizer: The tokenizer; it decides every detail.
    """

    def __init__(self, tokenizer):
        super().__init__(name="wordpiece")
        self._lower_case = tokenizer.lower_case
        self._strip_accents = tokenizer.strip_accents
        # Lower-casing is done here: that of FastBertTokenizer would make ss of ß.
        self._splitter = tensorflow_text.FastBertTokenizer(
            vocab=tokenizer.vocabulary,
            token_out_type=tf.int32,
            unknown_token="[UNK]",
            lower_case_nfd_strip_accents=False,
        )
        self._said = tokenizer._said

    def tokenize(self, text: tf.Tensor) -> tf.RaggedTensor:
        """UTF-8 strings `[B]` to int32 ids `[B, (pieces)]`, without special tokens."""
        text = tf.convert_to_tensor(text, tf.string)
        text = tf.strings.regex_replace(text, DROPPED, "")
        text = tf.strings.regex_replace(text, SPACES, " ")
        if self._lower_case:
            text = tf.strings.lower(text, encoding="utf-8")
        if self._strip_accents:
            text = tensorflow_text.normalize_utf8(text, "NFD")
            text = tf.strings.regex_replace(text, r"\p{Mn}+", "")
        return self._splitter.tokenize(text)

    def detokenize(self, ids: tf.Tensor) -> tf.Tensor:
        """int32 ids `[B, T]`, with padding and special tokens or without, to strings `[B]`."""
        said = tf.gather(tf.constant(self._said), ids)
        return detokenize_in_graph(tf.strings.reduce_join(said, axis=-1))
