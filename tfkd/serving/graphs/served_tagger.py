"""The module that is saved of a tagger: tokenizer, model and tags in one graph."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


class ServedTagger(tf.Module):
    """Texts to a tag for each word, one graph for any number of rows.

    Words are what stands between spaces; each is read by itself, and one without a piece as an
    unknown one. Words of a text that is too long are left out from its end, and have no tag. Text
    that is not UTF-8 is read with U+FFFD for the bad bytes.

    Args:
        model: A float32 model with a head over tags.
        tokenizer: With `in_graph()` and the special ids.
        names: The tags in the order of their ids.
        limit: The most tokens of a sequence.
    """

    def __init__(self, model: Any, tokenizer: Any, names: Sequence[str], limit: int):
        super().__init__(name="served_tagger")
        # Tracked: a SavedModel holds what its functions capture only if the module owns it.
        self.text = tokenizer.in_graph()
        self.weights = [getattr(weight, "value", weight) for weight in model.weights]
        start, end, pad, unknown = (
            int(getattr(tokenizer, f"{one}_id")) for one in ("start", "end", "pad", "unknown")
        )

        @tf.function(input_signature=[], autograph=False)
        def tags() -> dict[str, tf.Tensor]:
            return {"tags": tf.constant(list(names))}

        @tf.function(
            input_signature=[tf.TensorSpec([None], tf.string, name="text")], autograph=False
        )
        def serve(text: tf.Tensor) -> dict[str, tf.Tensor]:
            words = tf.strings.split(tf.strings.unicode_transcode(text, "UTF-8", "UTF-8"))
            apart = tokenizer.before_word + words.flat_values
            pieces = tf.cast(self.text.tokenize(apart), tf.int32)
            nothing = tf.cast(pieces.row_lengths()[:, None] == 0, tf.int64)
            pieces = tf.concat(
                [pieces, tf.RaggedTensor.from_tensor(
                    tf.fill([tf.size(nothing), 1], unknown), lengths=nothing[:, 0])], 1,
            )  # fmt: skip
            lengths = words.with_flat_values(pieces.row_lengths())
            places = tf.cumsum(lengths.to_tensor(), axis=1, exclusive=True)
            places = tf.RaggedTensor.from_tensor(places, lengths=words.row_lengths())
            rows = words.with_flat_values(pieces).merge_dims(1, 2)[:, : limit - 2]
            places = tf.ragged.boolean_mask(places, places < rows.row_lengths()[:, None])
            one = tf.ones([rows.nrows(), 1], tf.int32)
            sequence = tf.concat([start * one, rows, end * one], 1)
            ids = sequence.to_tensor(pad)
            valid = tf.sequence_mask(sequence.row_lengths(), tf.shape(ids)[1])
            states = model({"ids": ids, "types": tf.zeros_like(ids), "valid": valid})
            read = tf.gather(states["hidden"], places + 1, batch_dims=1)
            logits = model.heads["classifier"].logits(read.flat_values)
            labels = tf.gather(tf.constant(list(names)), tf.argmax(logits, -1))
            sure = read.with_flat_values(tf.reduce_max(tf.nn.softmax(logits), -1))
            return {
                "labels": tf.strings.reduce_join(read.with_flat_values(labels), -1, separator=" "),
                "scores": tf.math.divide_no_nan(
                    tf.reduce_sum(sure, -1), tf.cast(sure.row_lengths(), tf.float32)
                ),
            }

        functions = {"serving_default": serve, "tags": tags}
        self._functions = lambda: functions

    def signatures(self) -> dict[str, Any]:
        """The functions by signature name."""
        return self._functions()
