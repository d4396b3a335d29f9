"""A task of one's own: a tag for each word of a text, here its part of speech.

Joined by `--plugin token_tagging`, a model has `head: {kind: token_tagging}`; all else is as with a
classifier: the tags of a row stand in its label, with spaces between, are learnt from `data`, and
measured by accuracy and f1, over words; a teacher's are stored by a score stage. A stage more,
`NAME: {tagged: 200, seed: 1}`, writes sentences of the package's grammar, whose words tell theirs.
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from tfkd.data.classes import LABELS
from tfkd.data.grammars import generated_words as known
from tfkd.data.grammars.generated import german_english
from tfkd.data.views.base import SequenceView
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.tasks.classification import Classification
from tfkd.pipeline.tasks.label_rows import HEAD
from tfkd.spec.options.base import Count, Seed
from tfkd.spec.registry import register
from tfkd.spec.stage import StageOptions
from tfkd.spec.tasks.classification import ClassificationOptions


class TaggingOptions(ClassificationOptions):
    """A tag for each word of a text."""

    kind: Literal["token_tagging"] = Field(description="The kind of head.")


class TagView(SequenceView):
    """`[CLS] a [SEP]`, read at the first piece of each word that has a tag."""

    def __init__(self, *given: Any, classes: int, **options: Any):
        super().__init__(*given, **options)
        read, self.classes = self.specials, classes
        self.begins = np.array([not piece.startswith("##") for piece in read.vocabulary])
        self.begins[[read.start_id, read.end_id, read.pad_id]] = False

    def __call__(self, examples: Any, rows: Any, epoch: Any, seed: int, **layout: Any) -> Any:
        """The record; `gold` says which tags are among those that the model tells apart."""
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


class TokenTagging(Classification):
    """Tags by a head over them, at the first piece of each word."""

    Options = TaggingOptions
    several: ClassVar[bool] = True

    def label_view(self, model: Any, specials: Any, **given: Any) -> TagView:
        return TagView(model.tokenizer, specials, **given)

    def export(
        self, node: Any, model: Any, folder: Any, context: Any, card: dict[str, Any]
    ) -> dict[str, Any]:
        """A SavedModel with `text` in and `labels` out, held against the model on 48 rows."""
        from tfkd.pipeline.inputs.text_stages import classes_of
        from tfkd.pipeline.tasks.exported import served_tokenizers
        from tfkd.pipeline.tasks.label_export import labelled_lines
        from tfkd.serving.classifier_export import export_tags
        from tfkd.serving.full_precision import in_float32

        view, names = self.view(node, context), classes_of(node, context).names
        lines, expected = labelled_lines(node, model, view, context)
        tokenizer = served_tokenizers(node, context, card, output=False)["text"]
        use = f"`text` gives `labels`, a tag of {', '.join(names)} for each word."
        module = tagger(in_float32(model), tokenizer, view, names)
        return export_tags(module, folder.path, card, lines=lines, expected=expected, use=use)


def tagger(model: Any, tokenizer: Any, view: TagView, names: list[str]) -> Any:
    """The module that is saved: tokenizer, model and tags in one graph."""
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


class TaggedOptions(StageOptions):
    """Sentences of the generated grammar with the part of speech of each word."""

    kind: ClassVar[str] = "tagged"
    gives: ClassVar[frozenset[str]] = frozenset({"corpus"})
    tagged: Count = Field(description="How many sentences.")
    seed: Seed = Field(1, description="Their seed.")

    def corpus_fields(self, fields_of: Any) -> tuple[str, ...]:
        return ("text", "label")


class Tagged(Stage):
    """Writes the corpus: the sentences' words and marks, apart, and a tag of each."""

    Options = TaggedOptions

    def run(self, node: Any, folder: Any, context: Any) -> dict[str, Any]:
        from tfkd.data.text.text_corpus import Rows, write_text_corpus

        rows = Rows(("text", "label"), sentences(node.options.tagged, node.options.seed))
        write_text_corpus(rows, folder.path)
        return {"report": rows.report(), "fields": ["text", "label"]}


def sentences(rows: int, seed: int) -> Iterator[tuple[str, str]]:
    """English sentences of the grammar, whose tables of words tell the parts of speech."""
    tags = dict.fromkeys(".,?", "MARK")
    for noun in (*known.CLASSES["any"], *(place for _, place, _ in known.PLACES)):
        tags |= dict.fromkeys((noun.english, noun.english_plural), "NOUN")
    for verb in (*known.TRANSITIVE, *known.DITRANSITIVE, *known.INTRANSITIVE):
        tags |= dict.fromkeys((verb.english, verb.english_third, verb.english_past), "VERB")
    tags |= {english: "ADJECTIVE" for *_, english in known.ADJECTIVES + known.THING_ADJECTIVES}
    for _, english in german_english(rows, seed):
        words = re.findall(r"\w+|[.,?]", english.lower())
        yield " ".join(words), " ".join(tags.get(word, "OTHER") for word in words)


register("task", "token_tagging", options=TaggingOptions, target=f"{__name__}:TokenTagging")
register("stage", "tagged", options=TaggedOptions, target=f"{__name__}:Tagged")
