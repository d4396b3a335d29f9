"""The module that is saved of a language model: tokenizer, model and search in one graph."""

import dataclasses
from typing import Any

import tensorflow as tf

from tfkd.decoding.continuation import Continuations, continue_prompts, prompt_limit
from tfkd.decoding.searches import Sampling, Search


class ServedLanguageModel(tf.Module):
    """Prompts to continuations, as text and as ids, each one graph for any number of rows.

    A continuation is what follows the prompt, without it. Of a prompt of more tokens than
    `prompt_limit` the last ones are read; an empty one is the start of a text. Text that is not
    UTF-8 is read with U+FFFD for the bad bytes. A search that samples has a signature
    `with_options` that takes its seed as an int32 scalar.

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
        own_seed = search.seed if isinstance(search, Sampling) else 0

        text = tf.TensorSpec([None], tf.string, name="text")
        ids = tf.TensorSpec([None, None], tf.int32, name="prompt_ids")
        lengths = tf.TensorSpec([None], tf.int32, name="prompt_lengths")
        seed = tf.TensorSpec([], tf.int32, name="seed")

        # Functions that others call are traced once and saved once.
        @tf.function(input_signature=[ids, lengths, seed], autograph=False)
        def searched(ids: tf.Tensor, lengths: tf.Tensor, seed: tf.Tensor) -> Continuations:
            sampling = isinstance(search, Sampling)
            chosen = dataclasses.replace(search, seed=seed) if sampling else search
            return continue_prompts(model, chosen, ids, lengths, tokenizer)

        def continued(prompts: tf.RaggedTensor, seed: tf.Tensor | int) -> Continuations:
            prompts = prompts[:, -most:] if most else prompts[:, :0]
            starts = tf.fill([prompts.nrows(), 1], start)
            whole = tf.concat([starts, prompts], 1)
            rows = whole.to_tensor(pad)
            # Without a row there is no width, either; a search wants one.
            rows = tf.reshape(rows, [tf.shape(rows)[0], tf.maximum(tf.shape(rows)[1], 1)])
            return searched(rows, tf.cast(whole.row_lengths(), tf.int32), seed)

        @tf.function(input_signature=[text, seed], autograph=False)
        def serve_with_options(text: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
            text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8")
            found = continued(tf.cast(self.text.tokenize(text), tf.int32), seed)
            return {
                "outputs": self.text.detokenize(found.ids),
                "scores": found.log_probabilities,
                "ended": found.ended,
            }

        @tf.function(input_signature=[text], autograph=False)
        def serve_text(text: tf.Tensor) -> dict[str, tf.Tensor]:
            return serve_with_options(text, own_seed)

        @tf.function(input_signature=[ids, lengths], autograph=False)
        def serve_ids(prompt_ids: tf.Tensor, prompt_lengths: tf.Tensor) -> dict[str, tf.Tensor]:
            rows = tf.RaggedTensor.from_tensor(prompt_ids, tf.cast(prompt_lengths, tf.int64))
            found = continued(rows, own_seed)
            return {
                "output_ids": found.ids,
                "output_lengths": found.lengths,
                "scores": found.log_probabilities,
                "ended": found.ended,
            }

        @tf.function(input_signature=[], autograph=False)
        def serve_options() -> dict[str, tf.Tensor]:
            return {"seed": tf.constant(int(own_seed), tf.int32)}

        # Behind a callable, or they would be tracked, and every graph saved twice.
        functions = {"serving_default": serve_text, "ids": serve_ids}
        if isinstance(search, Sampling):
            functions |= {"with_options": serve_with_options, "options": serve_options}
        self._functions = lambda: functions

    def signatures(self) -> dict[str, Any]:
        """The functions by signature name."""
        return self._functions()
