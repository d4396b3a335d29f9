"""A tokenizer for models that were trained on lower-cased text: it lower-cases what it is given."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfkd.data.ragged import Ragged


class LowerCasing:
    """A tokenizer that reads text as a corpus with `lower_case: true` gave it to another.

    Python lower-cases as the corpus does; the graph maps character by character, which differs for
    a capital sigma at a word's end and for the dotted capital I.

    Args:
        tokenizer: The tokenizer that the corpus was encoded with; all else is its own.

    Attributes:
        inner: That tokenizer.
        lower_cases: That it lower-cases first, whatever the tokenizer itself does.
    """

    lower_cases = True

    def __init__(self, tokenizer: Any):
        self.inner = tokenizer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def encode(self, lines: Sequence[str]) -> Ragged:
        """The ids of some lines, without special tokens."""
        return self.inner.encode([line.lower() for line in lines])

    def in_graph(self) -> "LowerCasingGraph":
        """The same for a graph."""
        return LowerCasingGraph(self.inner.in_graph())


class LowerCasingGraph(tf.Module):
    """`tokenize` and `detokenize` of a `LowerCasing`.

    Args:
        inner: The tokenizer's own module.
    """

    def __init__(self, inner: Any):
        super().__init__(name="lower_casing")
        self._inner = inner

    def tokenize(self, text: tf.Tensor) -> tf.RaggedTensor:
        """UTF-8 strings `[B]` to int32 ids `[B, (pieces)]`."""
        text = tf.convert_to_tensor(text, tf.string)
        return self._inner.tokenize(tf.strings.lower(text, encoding="utf-8"))

    def detokenize(self, ids: tf.Tensor) -> tf.Tensor:
        """int32 ids `[B, T]` to strings `[B]`."""
        return self._inner.detokenize(ids)
