"""A task of one's own: the mark of punctuation that follows each word of a text without any.

Joined by `--plugin punctuation`, a model has `head: {kind: punctuation}`; all else is as with a
classifier: the marks of a row stand in its label, with spaces between, are learnt from `data`, and
measured by accuracy and f1, over words; a teacher's are stored by a score stage. A stage more,
`NAME: {punctuated: 200, seed: 1}`, writes sentences of the package's grammar without their marks.
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from tfkd.data.classes import LABELS
from tfkd.data.grammars.generated import german_english
from tfkd.data.views.base import SequenceView
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.tasks.classification import Classification
from tfkd.pipeline.tasks.label_rows import HEAD
from tfkd.spec.options.base import Count, Seed
from tfkd.spec.registry import register
from tfkd.spec.stage import StageOptions
from tfkd.spec.tasks.classification import ClassificationOptions


class PunctuationOptions(ClassificationOptions):
    """The mark of punctuation that follows each word of a text."""

    kind: Literal["punctuation"] = Field(description="The kind of head.")


class MarkView(SequenceView):
    """`[CLS] a [SEP]`, read at the first piece of each word that has a mark."""

    def __init__(self, *given: Any, classes: int, **options: Any):
        super().__init__(*given, **options)
        read, self.classes = self.specials, classes
        self.begins = np.array([not piece.startswith("##") for piece in read.vocabulary])
        self.begins[[read.start_id, read.end_id, read.pad_id]] = False

    def __call__(self, examples: Any, rows: Any, epoch: Any, seed: int, **layout: Any) -> Any:
        """The record; `gold` says which marks are among those that the model tells apart."""
        rows = np.asarray(rows, np.int64)
        sequence, tags = self.laid_out(examples, rows, **layout), examples.take(*LABELS, rows)
        first = self.begins[sequence["ids"]]
        rank = np.cumsum(first, 1) - first
        selected = first & (rank < tags.lengths[:, None])
        labels = np.full(selected.shape, self.classes, np.int32)
        labels[selected] = tags.values[(tags.offsets[:-1, None] + rank)[selected]]
        gold = labels < self.classes
        kept = {name: sequence[name] for name in ("ids", "types", "valid")}
        return {**kept, "labels": np.where(gold, labels, 0), "selected": selected, "gold": gold}


class Punctuation(Classification):
    """Marks by a head over them, at the first piece of each word."""

    Options = PunctuationOptions
    several: ClassVar[bool] = True

    def label_view(self, model: Any, specials: Any, **given: Any) -> MarkView:
        return MarkView(model.tokenizer, specials, **given)

    def export(
        self, node: Any, model: Any, folder: Any, context: Any, card: dict[str, Any]
    ) -> dict[str, Any]:
        """A SavedModel with `text` in and `labels` out, held against the model on 48 rows."""
        from tfkd.pipeline.inputs.text_stages import classes_of
        from tfkd.pipeline.tasks.exported import served_tokenizers
        from tfkd.pipeline.tasks.label_export import labelled_lines
        from tfkd.serving.classifier_export import export_tags
        from tfkd.serving.graphs.full_precision import in_float32

        view, names = self.view(node, context), classes_of(node, context).names
        lines, expected = labelled_lines(node, model, view, context)
        tokenizer = served_tokenizers(node, context, card, output=False)["text"]
        use = f"`text` gives `labels`, one of {', '.join(names)} for each word."
        module = punctuator(in_float32(model), tokenizer, view, names)
        return export_tags(module, folder.path, card, lines=lines, expected=expected, use=use)


def punctuator(model: Any, tokenizer: Any, view: MarkView, names: list[str]) -> Any:
    """The module that is saved: tokenizer, model and marks in one graph."""
    import tensorflow as tf

    start, end, pad = (int(getattr(tokenizer, f"{one}_id")) for one in ("start", "end", "pad"))
    module, most = tf.Module(), (view.max_length or model.max_length) - 2
    module.text = tokenizer.in_graph()
    module.weights = [getattr(weight, "value", weight) for weight in model.weights]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")], autograph=False)
    def serve(text: tf.Tensor) -> dict[str, tf.Tensor]:
        pieces = tf.cast(module.text.tokenize(text), tf.int32)[:, :most]
        one = tf.ones([pieces.nrows(), 1], tf.int32)
        rows = tf.concat([start * one, pieces, end * one], 1)
        ids = rows.to_tensor(pad)
        valid = tf.sequence_mask(rows.row_lengths(), tf.shape(ids)[1])
        states = model({"ids": ids, "types": tf.zeros_like(ids), "valid": valid})
        best = tf.argmax(model.heads[HEAD].logits(states["hidden"]), -1)
        first = tf.gather(tf.constant(view.begins), ids)
        tags = tf.ragged.boolean_mask(tf.gather(tf.constant(names), best), first)
        return {"labels": tf.strings.reduce_join(tags, -1, separator=" ")}

    module.signatures = lambda: {"serving_default": serve}
    return module


class PunctuatedOptions(StageOptions):
    """Sentences of the generated grammar without marks, with the one that follows each word."""

    kind: ClassVar[str] = "punctuated"
    gives: ClassVar[frozenset[str]] = frozenset({"corpus"})
    punctuated: Count = Field(description="How many sentences.")
    seed: Seed = Field(1, description="Their seed.")

    def corpus_fields(self, fields_of: Any) -> tuple[str, ...]:
        return ("text", "label")


class Punctuated(Stage):
    """Writes the corpus: the sentences' words, and the mark that follows each."""

    Options = PunctuatedOptions

    def run(self, node: Any, folder: Any, context: Any) -> dict[str, Any]:
        from tfkd.data.text.text_corpus import Rows, write_text_corpus

        rows = Rows(("text", "label"), sentences(node.options.punctuated, node.options.seed))
        write_text_corpus(rows, folder.path)
        return {"report": rows.report(), "fields": ["text", "label"]}


def sentences(rows: int, seed: int) -> Iterator[tuple[str, str]]:
    """English sentences of the grammar, two a row, in lower case and without their marks."""
    lines = (english for _, english in german_english(2 * rows, seed))
    for first, second in zip(lines, lines, strict=True):
        words = re.findall(r"(\w+)([.,?]?)", f"{first} {second}".lower())
        yield " ".join(word for word, _ in words), " ".join(mark or "NONE" for _, mark in words)


register("task", "punctuation", options=PunctuationOptions, target=f"{__name__}:Punctuation")
register("stage", "punctuated", options=PunctuatedOptions, target=f"{__name__}:Punctuated")
