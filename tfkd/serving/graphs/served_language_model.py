"""The module that is saved of a language model: tokenizer, model and search in one graph."""

from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from tfkd.decoding.continuation import Continuations, continue_prompts, prompt_limit
from tfkd.decoding.search import Search


class ServedLanguageModel(tf.Module):
    """Prompts to continuations, as text and as ids, each one graph for any number of rows.

    A continuation is what follows the prompt, without it. Of a prompt of more tokens than
    `prompt_limit` the last ones are read; an empty one is the start of a text. Text that is not
    UTF-8 is read with U+FFFD for the bad bytes. Where the search has `serving_options`, a signature
    `with_options` takes them as int32 scalars.

    Args:
        model: A float32 `Gpt2`, or a model like it.
        tokenizer: With `in_graph()` and the special ids.
        search: How to choose; the best hypothesis is served.
    """

    def __init__(self, model: Any, tokenizer: Any, search: Search):
        super().__init__(name="served_language_model")
        # Tracked: a SavedModel holds what its functions capture only if the module owns it.
        self.text = tokenizer.in_graph()
        self.weights = [getattr(weight, "value", weight) for weight in model.weights]
        start, pad = int(tokenizer.start_id), int(tokenizer.pad_id)
        most = prompt_limit(model) - 1
        options = search.serving_options()

        text = tf.TensorSpec([None], tf.string, name="text")
        ids = tf.TensorSpec([None, None], tf.int32, name="prompt_ids")
        lengths = tf.TensorSpec([None], tf.int32, name="prompt_lengths")
        chosen = [tf.TensorSpec([], tf.int32, name=name) for name in options]

        # Functions that others call are traced once and saved once.
        @tf.function(input_signature=[ids, lengths, *chosen], autograph=False)
        def searched(ids: tf.Tensor, lengths: tf.Tensor, *given: tf.Tensor) -> Continuations:
            by = search.with_options(dict(zip(options, given, strict=True)))
            return continue_prompts(model, by, ids, lengths, tokenizer)

        def continued(prompts: tf.RaggedTensor, given: Iterable[tf.Tensor | int]) -> Continuations:
            prompts = prompts[:, -most:] if most else prompts[:, :0]
            starts = tf.fill([prompts.nrows(), 1], start)
            whole = tf.concat([starts, prompts], 1)
            rows = whole.to_tensor(pad)
            # Without a row there is no width, either; a search wants one.
            rows = tf.reshape(rows, [tf.shape(rows)[0], tf.maximum(tf.shape(rows)[1], 1)])
            return searched(rows, tf.cast(whole.row_lengths(), tf.int32), *given)

        @tf.function(input_signature=[text, *chosen], autograph=False)
        def serve_with_options(text: tf.Tensor, *given: tf.Tensor) -> dict[str, tf.Tensor]:
            text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8")
            found = continued(tf.cast(self.text.tokenize(text), tf.int32), given)
            return {
                "outputs": self.text.detokenize(found.ids),
                "scores": found.log_probabilities,
                "ended": found.ended,
            }

        @tf.function(input_signature=[text], autograph=False)
        def serve_text(text: tf.Tensor) -> dict[str, tf.Tensor]:
            return serve_with_options(text, *options.values())

        @tf.function(input_signature=[ids, lengths], autograph=False)
        def serve_ids(prompt_ids: tf.Tensor, prompt_lengths: tf.Tensor) -> dict[str, tf.Tensor]:
            rows = tf.RaggedTensor.from_tensor(prompt_ids, tf.cast(prompt_lengths, tf.int64))
            found = continued(rows, options.values())
            return {
                "output_ids": found.ids,
                "output_lengths": found.lengths,
                "scores": found.log_probabilities,
                "ended": found.ended,
            }

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
