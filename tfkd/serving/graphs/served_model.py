"""The module that is saved: tokenizers, model and search in one graph."""

from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from tfkd.decoding.decoder import decode_batch, source_limit
from tfkd.decoding.search import Search


class ServedModel(tf.Module):
    """Text to text, and ids to ids, each one graph for any number of rows.

    Sources of more tokens than the model holds lose their end. A source without any token (an empty
    line) has an empty output. Text that is not UTF-8 is read with U+FFFD for the bad bytes. Where
    the search has `serving_options`, a signature `with_options` takes them as int32 scalars.

    Args:
        model: A float32 model with `start`, `step`, `vocabulary_size` and `weights`.
        source_tokenizer: With `in_graph()`, `pad_id` and `end_id`.
        target_tokenizer: With `in_graph()` and the special ids.
        search: How to decode; of its hypotheses the best is served.
    """

    def __init__(self, model: Any, source_tokenizer: Any, target_tokenizer: Any, search: Search):
        super().__init__(name="served_model")
        # Tracked: a SavedModel holds what its functions capture only if the module owns it.
        self.source_text = source_tokenizer.in_graph()
        self.target_text = target_tokenizer.in_graph()
        self.weights = [getattr(weight, "value", weight) for weight in model.weights]
        pad, end = int(source_tokenizer.pad_id), int(source_tokenizer.end_id)
        limit = source_limit(model)

        options = search.serving_options()
        text = tf.TensorSpec([None], tf.string, name="text")
        source_ids = tf.TensorSpec([None, None], tf.int32, name="source_ids")
        lengths = tf.TensorSpec([None], tf.int32, name="source_lengths")
        chosen = [tf.TensorSpec([], tf.int32, name=name) for name in options]

        # Functions that others call are traced once and saved once.
        @tf.function(input_signature=[source_ids, lengths, *chosen], autograph=False)
        def searched(
            ids: tf.Tensor, lengths: tf.Tensor, *given: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            by = search.with_options(dict(zip(options, given, strict=True)))
            found = decode_batch(model, by, ids, lengths, target_tokenizer)
            return found.ids[:, 0], found.lengths[:, 0], found.scores[:, 0]

        def decoded(
            sources: tf.RaggedTensor, given: Iterable[tf.Tensor | int]
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            sources = sources[:, :limit]
            ends = tf.fill([sources.nrows(), 1], end)
            ids = tf.concat([sources, ends], axis=1).to_tensor(pad)
            return searched(ids, tf.cast(sources.row_lengths(), tf.int32) + 1, *given)

        @tf.function(input_signature=[text, *chosen], autograph=False)
        def serve_with_options(text: tf.Tensor, *given: tf.Tensor) -> dict[str, tf.Tensor]:
            text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8")
            tokens = tf.cast(self.source_text.tokenize(text), tf.int32)
            ids, _, scores = decoded(tokens, given)
            return {"outputs": self.target_text.detokenize(ids), "scores": scores}

        @tf.function(input_signature=[text], autograph=False)
        def serve_text(text: tf.Tensor) -> dict[str, tf.Tensor]:
            return serve_with_options(text, *options.values())

        @tf.function(input_signature=[source_ids], autograph=False)
        def serve_ids(source_ids: tf.Tensor) -> dict[str, tf.Tensor]:
            sources = tf.RaggedTensor.from_tensor(source_ids, padding=pad)
            ids, lengths, scores = decoded(sources, options.values())
            return {"output_ids": ids, "output_lengths": lengths, "scores": scores}

        @tf.function(input_signature=[], autograph=False)
        def serve_options() -> dict[str, tf.Tensor]:
            return {name: tf.constant(value, tf.int32) for name, value in options.items()}

        # Behind a callable, or they would be tracked, and every graph saved twice.
        functions = {"serving_default": serve_text, "ids": serve_ids}
        if options:
            functions |= {"with_options": serve_with_options, "options": serve_options}
        self._functions = lambda: functions

    def signatures(self) -> dict[str, Any]:
        """The functions by signature name."""
        return self._functions()
