"""A SentencePiece model as TensorFlow operations."""

import tensorflow as tf
import tensorflow_text


class SentencePieceGraph(tf.Module):
    """`tokenize` and `detokenize` of a `SentencePiece`, for use in a graph and in a SavedModel.

    Both run on strings, so they stay outside of compiled (XLA) functions.

    Args:
        tokenizer: The tokenizer; it decides every detail.
    """

    def __init__(self, tokenizer):
        super().__init__(name="sentencepiece")
        self._lower_case = tokenizer.lower_case
        self._strip_accents = tokenizer.style.strip_accents
        self._splitter = tensorflow_text.SentencepieceTokenizer(
            model=tokenizer.model, out_type=tf.int32
        )
        self._pieces = self._ids = None
        if tokenizer.style.size is not None:
            # A vocabulary that is not the model's: what it cuts is looked up, unknown text, too.
            self._pieces = tensorflow_text.SentencepieceTokenizer(
                model=tokenizer.model, out_type=tf.string
            )
            special = {*tokenizer.special_ids}
            known = [n for n in range(tokenizer.size) if n not in special]
            table = tf.lookup.KeyValueTensorInitializer(
                tf.constant([tokenizer.vocabulary[n] for n in known]), tf.constant(known, tf.int32)
            )
            self._ids = tf.lookup.StaticHashTable(table, int(tokenizer.unknown_id))
        special = [False] * tokenizer.size
        for number in tokenizer.special_ids:
            special[number] = True
        self._special = special

    def tokenize(self, text: tf.Tensor) -> tf.RaggedTensor:
        """UTF-8 strings `[B]` to int32 ids `[B, (pieces)]`, without special tokens."""
        text = tf.convert_to_tensor(text, tf.string)
        if self._strip_accents:
            text = tf.strings.regex_replace(text, "``|''", '"')
            text = tensorflow_text.normalize_utf8(text, "NFKD")
            text = tf.strings.regex_replace(text, r"\pM+", "")
        if self._lower_case:
            text = tf.strings.lower(text, encoding="utf-8")
        if self._pieces is None:
            return self._splitter.tokenize(text)
        pieces = self._pieces.tokenize(text)
        return pieces.with_flat_values(self._ids.lookup(pieces.flat_values))

    def detokenize(self, ids: tf.Tensor) -> tf.Tensor:
        """int32 ids `[B, T]`, with padding and special tokens or without, to strings `[B]`."""
        special = tf.gather(tf.constant(self._special), ids)
        return self._splitter.detokenize(tf.ragged.boolean_mask(ids, ~special))
