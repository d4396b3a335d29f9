"""Byte-level byte-pair encoding as TensorFlow operations."""

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text

from tfkd.data.tokenizers.byte_rules import PATTERNS
from tfkd.data.tokenizers.byte_words import (
    byte_alphabet,
    character_classes,
    published_pattern,
    word_pattern,
)

_NEVER = 2**31 - 1
# The splitting operation takes NUL for the end of a string. Two characters that are no letters,
# numbers or spaces stand for it, as it is none; where the first is in the text, it is followed by
# another one.
_ESCAPE, _AS_IT_IS, _AS_NUL = "\U0010ffff", "\U0010fffe", "\U0010fffd"


class ByteBpeGraph(tf.Module):
    """`tokenize` and `detokenize` of a `ByteBpe`, for use in a graph and in a SavedModel.

    Exactly GPT-2's cuts on any text. (Keras Hub's BytePairTokenizer, which also runs in a graph,
    loses the digit U+096A and cuts otherwise at some white space; its cache of words is a table
    that changes, which a served model should not have.) Both run on strings, so they stay outside
    of compiled (XLA) functions.

    Args:
        tokenizer: The tokenizer; it decides every detail.
    """

    def __init__(self, tokenizer: Any):
        super().__init__(name="byte_bpe")
        places = {piece: index for index, piece in enumerate(tokenizer.vocabulary)}
        self._size = tokenizer.size
        self._of_byte = np.array([places[character] for character in byte_alphabet()], np.int32)
        pairs = np.array(
            [places[a] * self._size + places[b] for a, b in tokenizer.merges], np.int64
        )
        self._merged = np.array([places[a + b] for a, b in tokenizer.merges] or [0], np.int32)
        self._ranks = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(pairs, tf.int64), tf.range(len(pairs), dtype=tf.int32)
            ),
            _NEVER,
        )
        self._said = tokenizer.said
        # RE2 cannot look ahead. The last space of a run before a word belongs to the word: the text
        # is cut before each of those first, and then no run is followed by anything.
        spaces = character_classes()["spaces"]
        self._before_words = f"[{spaces}][^{spaces}]"
        self._words = word_pattern(after_spaces="")
        rules = tokenizer.rules
        self._compose, self._whole = rules.compose, None
        if rules.split in PATTERNS:
            # Where a run ends in a line's end, that stays with the run.
            self._before_words = rf"[{_without_lines(spaces)}][^{spaces}]"
            self._words = published_pattern(PATTERNS[rules.split], ahead=False)
        if rules.whole_words:
            special = {*tokenizer.special_ids}
            own = [place for place in range(self._size) if place not in special]
            said = [tokenizer.said[place] for place in own]
            self._whole = tf.lookup.StaticHashTable(
                tf.lookup.KeyValueTensorInitializer(
                    tf.constant(said, tf.string), tf.constant(own, tf.int32)
                ),
                -1,
            )

    def tokenize(self, text: tf.Tensor) -> tf.RaggedTensor:
        """UTF-8 strings `[B]` to int32 ids `[B, (pieces)]`, without special tokens."""
        text = tf.convert_to_tensor(text, tf.string)
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
        if self._compose:
            text = tensorflow_text.normalize_utf8(text, "NFC")
        words = self._split(_escaped(text))
        distinct, place = tf.unique(words.flat_values)
        distinct = _unescaped(distinct)
        pieces = tf.gather(self._merge(distinct), place)
        return words.with_flat_values(pieces).merge_dims(1, 3)

    def detokenize(self, ids: tf.Tensor) -> tf.Tensor:
        """int32 ids `[B, T]`, with padding and special tokens or without, to strings `[B]`."""
        said = tf.strings.reduce_join(tf.gather(tf.constant(self._said, tf.string), ids), axis=-1)
        return tf.strings.unicode_transcode(said, "UTF-8", "UTF-8", errors="replace")

    def _split(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Words, `[B, (stretches), (words)]`."""
        parts = tensorflow_text.regex_split(text, self._before_words, self._before_words)
        flat = parts.flat_values
        first = tf.scatter_nd(
            tf.boolean_mask(parts.row_starts(), parts.row_lengths() > 0)[:, None],
            tf.ones([tf.math.count_nonzero(parts.row_lengths() > 0)], tf.int32),
            tf.shape(flat, out_type=tf.int64),
        )
        begins = tf.maximum(
            first, tf.cast(tf.strings.regex_full_match(flat, self._before_words), tf.int32)
        )
        stretch = tf.cumsum(begins) - 1
        joined = tf.strings.unsorted_segment_join(flat, stretch, tf.reduce_sum(begins))
        words = tensorflow_text.regex_split(joined, self._words, self._words)
        counts = tf.reduce_sum(parts.with_flat_values(tf.cast(begins, tf.int64)), 1)
        return tf.RaggedTensor.from_row_lengths(words, counts)

    def _merge(self, words: tf.Tensor) -> tf.RaggedTensor:
        """The ids of distinct words, `[words, (pieces)]`."""
        characters = tf.strings.bytes_split(words)
        numbers = tf.cast(tf.io.decode_raw(characters.flat_values, tf.uint8), tf.int32)
        ids = tf.gather(tf.constant(self._of_byte), tf.reshape(numbers, [-1]))
        count = tf.size(words, out_type=tf.int64)
        word = characters.value_rowids()
        if self._whole is not None:
            # A word that is a piece is that one piece, at the place of its first byte.
            whole = tf.gather(self._whole.lookup(words), word)
            first = tf.concat([[True], word[1:] != word[:-1]], 0)[: tf.size(word)]
            ids = tf.where(whole < 0, ids, whole)
            ids, word = (tf.boolean_mask(one, (whole < 0) | first) for one in (ids, word))

        def ranks(ids: tf.Tensor, word: tf.Tensor) -> tf.Tensor:
            """When each piece and the next one of its word were merged; never at a word's end."""
            pair = tf.cast(ids[:-1], tf.int64) * self._size + tf.cast(ids[1:], tf.int64)
            pair = tf.where(word[:-1] == word[1:], pair, -1)
            return tf.concat([self._ranks.lookup(pair), [_NEVER]], 0)[: tf.size(ids)]

        def step(ids: tf.Tensor, word: tf.Tensor, rank: tf.Tensor) -> tuple[tf.Tensor, ...]:
            best = tf.gather(tf.math.unsorted_segment_min(rank, word, count), word)
            hit = (rank == best) & (best < _NEVER)
            # Of neighbours that overlap (a a a) the first is merged, the rest in the next round.
            hit &= ~tf.concat([[False], hit[:-1]], 0)
            merged = tf.gather(tf.constant(self._merged), tf.where(hit, best, 0))
            ids = tf.where(hit, merged, ids)
            stays = ~tf.concat([[False], hit[:-1]], 0)
            ids, word = tf.boolean_mask(ids, stays), tf.boolean_mask(word, stays)
            return ids, word, ranks(ids, word)

        shape = tf.TensorShape([None])
        ids, word, _ = tf.while_loop(
            lambda ids, word, rank: tf.reduce_any(rank < _NEVER),
            step,
            (ids, word, ranks(ids, word)),
            shape_invariants=(shape, shape, shape),
        )
        return tf.RaggedTensor.from_value_rowids(ids, word, nrows=count)


def _without_lines(spaces: str) -> str:
    """Ranges of white space without the two characters that end a line."""
    first, rest = r"\x{9}-\x{d}", spaces
    if not rest.startswith(first):
        raise AssertionError(f"expected white space from {first} on: {spaces[:20]}")
    return r"\x{9}\x{b}-\x{c}" + rest.removeprefix(first)


def _escaped(text: tf.Tensor) -> tf.Tensor:
    text = tf.strings.regex_replace(text, _ESCAPE, _ESCAPE + _AS_IT_IS)
    return tf.strings.regex_replace(text, r"\x{0}", _ESCAPE + _AS_NUL)


def _unescaped(words: tf.Tensor) -> tf.Tensor:
    words = tf.strings.regex_replace(words, _ESCAPE + _AS_NUL, "\0")
    return tf.strings.regex_replace(words, _ESCAPE + _AS_IT_IS, _ESCAPE)
