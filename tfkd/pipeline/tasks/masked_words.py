"""Masked words: what stands where a view has hidden something."""

from typing import Any

from tfkd.data.views.blind import Blind
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.tasks.words import Words
from tfkd.spec.options import MlmOptions
from tfkd.spec.tasks.masked_words import MaskedWordsOptions


class MaskedWords(Words):
    """Hidden words, by an encoder that sees both sides of them; it writes no text."""

    Options = MaskedWordsOptions
    decodes = False

    def view(self, trained: Node, context: Context) -> Any:
        """Of a checkpoint, in BERT's own masks."""
        if trained.trained.kind != "load":
            return super().view(trained, context)
        from tfkd.data.views import build_view
        from tfkd.pipeline.inputs.made import named_tokenizers

        model, tokenizers = trained.model, named_tokenizers(trained, context)
        longest = min(MlmOptions().max_length, model.max_length)
        return build_view("mlm", model.tokenizers, tokenizers, name="masked", max_length=longest)

    def without_context(self, view: Any) -> tuple[Any, dict[str, str]]:
        """All words are hidden."""
        return Blind(view), {}

    def scored(self, node: Node, model: Any, folder: StageFolder, context: Context) -> Any:
        from tfkd.pipeline.tasks.scored import scored_words

        return scored_words(node, model, folder, context)

    def subject(self, node: Node, model: Any, context: Context, card: dict) -> Any:
        """It is checked on words that its view hides in rows of its validation."""
        from tfkd.pipeline.tasks.label_export import encoder_subject

        view, words = self.view(node.trained, context), self.vocabulary(node, context)
        saved = self.as_saved_model(node, model, context, card)
        return encoder_subject(node, model, view, words, context, card, saved)
