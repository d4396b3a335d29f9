"""Tagging: a tag for each word, by a head over tags at the word's first piece."""

from pathlib import Path
from typing import Any, ClassVar

from tfkd.data.encoded import encode_corpus
from tfkd.data.text.text_corpus import TextCorpus
from tfkd.data.words import WORDS, WordPieces, words_of
from tfkd.pipeline.tasks.classification import Classification
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.tasks.tagging import TaggingOptions


class Tagging(Classification):
    """Tags of words, which are learnt from labels with spaces between."""

    Options = TaggingOptions
    several: ClassVar[bool] = True
    unit: ClassVar[str] = "words"

    def label_view(self, model: Any, specials: Any, **given: Any) -> Any:
        from tfkd.data.views.tags import TagView

        return TagView(model.tokenizer, specials, **given)

    def cut_fields(self, graph: Any, spec: Spec, corpus: str, model: Any) -> dict[str, tuple]:
        spaced = spec.tokenizers[model.tokenizer].kind == "byte_bpe"  # see `before_word`
        how = "words after spaces" if spaced else "words"
        return dict.fromkeys(("text", WORDS), (how, encode_words))

    def places(self, model: Any) -> str | None:
        return "words"

    def export(self, node: Any, model: Any, folder: Any, context: Any, card: dict) -> dict:
        """A SavedModel with `text` in and `labels` out, held against the model on 48 rows."""
        from tfkd.pipeline.inputs.text_stages import classes_of
        from tfkd.pipeline.tasks.exported import served_tokenizers
        from tfkd.pipeline.tasks.label_export import labelled_lines
        from tfkd.serving.tagger_export import export_tagger

        view, names = self.view(node, context), classes_of(node, context).names
        lines, expected = labelled_lines(node, model, view, context)
        tokenizer = served_tokenizers(node, context, card, output=False)["text"]
        limit = view.max_length or model.max_length
        return export_tagger(
            model, tokenizer, names, folder.path, card, lines=lines, expected=expected, limit=limit
        )


def encode_words(text: TextCorpus, field: str, tokenizer: Any, folder: Path) -> dict[str, Any]:
    """`encode_corpus` of texts word by word: their pieces, or of the field `words` the number of
    pieces of each.

    Raises:
        UserError: A row has not as many tags as words.
    """
    if field == WORDS and "label" in text.fields:
        both = zip(text.lines("text"), text.lines("label"), strict=True)
        for number, (line, tags) in enumerate(both, start=1):
            counts = len(words_of(line)), len(tags.split())
            if counts[0] != counts[1]:
                raise UserError(
                    f"row {number:,} of those that are read has {counts[0]} words and {counts[1]} "
                    f"tags: {line[:80]!r}, {tags[:80]!r}. A tagger needs a tag for each word, both "
                    "with spaces between"
                )
    return encode_corpus(text, "text", WordPieces(tokenizer, field == WORDS), folder)
