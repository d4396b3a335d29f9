"""The module that is saved of a classifier: tokenizer, model and class names in one graph."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

SECOND, MARK = "text_b", "mark"
# What the signature `ids` takes in place of each input.
OF_IDS = {"text": "text_ids", SECOND: "text_b_ids", MARK: "mark_piece"}

_ROWS = tf.RaggedTensorSpec([None, None], tf.int32)


class ServedClassifier(tf.Module):
    """Texts to classes, and ids to classes, each one graph for any number of rows.

    A sequence that is too long loses tokens as in training: of a pair those of the longer text's
    end, of a marked text those far from the mark. Text that is not UTF-8 is read with U+FFFD for
    the bad bytes; a mark outside of its text counts as the nearest place in it. Ids are bare, and
    the mark of ids is the place of the piece that it begins.

    Args:
        model: A float32 model with a head over classes.
        tokenizer: With `in_graph()` and the special ids.
        names: The classes in the order of their ids.
        inputs: What `serving_default` takes: `text`, and `text_b` or `mark`.
        limit: The most tokens of a sequence.
    """

    def __init__(
        self, model: Any, tokenizer: Any, names: Sequence[str], inputs: Sequence[str], limit: int
    ):
        super().__init__(name="served_classifier")
        # Tracked: a SavedModel holds what its functions capture only if the module owns it.
        self.text = tokenizer.in_graph()
        self.weights = [getattr(weight, "value", weight) for weight in model.weights]
        self._model = lambda: model
        self._limit = limit
        self._specials = int(tokenizer.start_id), int(tokenizer.end_id), int(tokenizer.pad_id)
        pad = self._specials[2]
        self._between = int(tokenizer.separators)
        takes = [
            tf.TensorSpec([None], tf.int32 if name == MARK else tf.string, name=name)
            for name in inputs
        ]
        takes_ids = [
            tf.TensorSpec([None] if name == MARK else [None, None], tf.int32, name=OF_IDS[name])
            for name in inputs
        ]
        reads = [tf.TensorSpec([None], tf.int64) if name == MARK else _ROWS for name in inputs]

        # What both signatures call is traced once and saved once.
        @tf.function(input_signature=reads, autograph=False)
        def logits(first: tf.RaggedTensor, *other: Any) -> tf.Tensor:
            second, marks = (other[0] if name in inputs else None for name in (SECOND, MARK))
            return self._logits(first, second, marks)

        def answer(logits: tf.Tensor) -> dict[str, tf.Tensor]:
            probabilities = tf.nn.softmax(logits)
            labels = tf.gather(tf.constant(list(names)), tf.argmax(logits, -1))
            return {"labels": labels, "probabilities": probabilities}

        @tf.function(input_signature=[], autograph=False)
        def classes() -> dict[str, tf.Tensor]:
            return {"classes": tf.constant(list(names))}

        @tf.function(input_signature=takes, autograph=False)
        def serve(*values: tf.Tensor) -> dict[str, tf.Tensor]:
            given = dict(zip(inputs, values, strict=True))
            text = _utf8(given["text"])
            if MARK in given:
                marks, first = self._marked(text, given[MARK])
                return answer(logits(first, marks))
            second = [self._tokens(_utf8(given[SECOND]))] if SECOND in given else []
            return answer(logits(self._tokens(text), *second))

        @tf.function(input_signature=takes_ids, autograph=False)
        def serve_ids(*values: tf.Tensor) -> dict[str, tf.Tensor]:
            rows = (
                tf.cast(value, tf.int64)
                if name == MARK
                else tf.RaggedTensor.from_tensor(value, padding=pad)
                for name, value in zip(inputs, values, strict=True)
            )
            return answer(logits(*rows))

        functions = {"serving_default": serve, "ids": serve_ids, "classes": classes}
        self._functions = lambda: functions

    def signatures(self) -> dict[str, Any]:
        """The functions by signature name."""
        return self._functions()

    def _tokens(self, text: tf.Tensor) -> tf.RaggedTensor:
        return tf.cast(self.text.tokenize(text), tf.int32)

    def _marked(self, text: tf.Tensor, marks: tf.Tensor) -> tuple[tf.Tensor, tf.RaggedTensor]:
        """The piece that each mark begins, int64 `[B]`, and the texts' ids, cut there."""
        characters = tf.strings.length(text, unit="UTF8_CHAR")
        marks = tf.clip_by_value(marks, 0, tf.maximum(characters - 1, 0))
        zero = tf.zeros_like(marks)
        before = self._tokens(tf.strings.substr(text, zero, marks, unit="UTF8_CHAR"))
        rest = self._tokens(tf.strings.substr(text, marks, characters - marks, unit="UTF8_CHAR"))
        return before.row_lengths(), tf.concat([before, rest], axis=1)

    def _logits(
        self, first: tf.RaggedTensor, second: tf.RaggedTensor | None, marks: tf.Tensor | None
    ) -> tf.Tensor:
        """float32 `[B, C]`; the layout of `tfkd.data.views.ClassifyView`."""
        start, end, pad = self._specials
        model, rows = self._model(), first.nrows()
        lengths = first.row_lengths()
        if second is None:
            kept = tf.minimum(lengths, self._limit - 2)
        else:
            left = self._limit - 2 - self._between
            budget, theirs = tf.cast(left, tf.int64), second.row_lengths()
            theirs = tf.minimum(theirs, tf.maximum(budget // 2, budget - lengths))
            kept = tf.minimum(lengths, budget - theirs)
            second = _window(second, tf.zeros_like(theirs), theirs)
        begin, place = tf.zeros_like(lengths), tf.zeros_like(lengths)
        if marks is not None:
            inside = tf.clip_by_value(marks - kept // 2, 0, tf.maximum(lengths - kept, 0))
            begin = tf.where(marks < kept, tf.zeros_like(marks), inside)
            place = 1 + tf.clip_by_value(marks - begin, 0, tf.maximum(kept - 1, 0))
        first = _window(first, begin, kept)
        one = tf.ones([rows, 1], tf.int32)
        parts = [start * one, first, end * one]
        parts += [] if second is None else [*[end * one] * (self._between - 1), second, end * one]
        sequence = tf.concat(parts, axis=1)
        ids = sequence.to_tensor(pad)
        columns = tf.range(tf.shape(ids)[1], dtype=tf.int64)
        valid = columns < sequence.row_lengths()[:, None]
        types = tf.cast((columns >= kept[:, None] + 2) & valid, tf.int32)
        states = model({"ids": ids, "types": types, "valid": valid}, training=False)
        read = tf.gather(states["hidden"], place, batch_dims=1)
        return model.heads["classifier"].logits(read)


def _utf8(text: tf.Tensor) -> tf.Tensor:
    return tf.strings.unicode_transcode(text, "UTF-8", "UTF-8")


def _window(rows: tf.RaggedTensor, begin: tf.Tensor, kept: tf.Tensor) -> tf.RaggedTensor:
    """`kept` values of each row from `begin` on."""
    places = tf.ragged.range(begin, begin + tf.maximum(kept, 0))
    return tf.gather(rows, places, batch_dims=1)
