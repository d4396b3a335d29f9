"""Language models: how likely a text is, and how it goes on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tfkd.data.files import sha256_of, write_atomically
from tfkd.data.views import CausalLMView
from tfkd.evaluation import WordSums, output_faults
from tfkd.evaluation.metrics import WORDS
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.run_texts import write_outputs
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.engine.wanted import Evaluation
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.pipeline.inputs.tuned_decode import decode_of
from tfkd.pipeline.scoring.counting import Counting
from tfkd.pipeline.scoring.products import CONTINUED, WORDS_FILE
from tfkd.pipeline.tasks.continuations import (
    continued,
    prompts_of,
    show_continuations,
    write_continuations,
)
from tfkd.pipeline.tasks.task import Made, Measured
from tfkd.pipeline.tasks.words import Words
from tfkd.spec.options import GreedyOptions
from tfkd.spec.tasks.language_model import LanguageModelOptions

# Tokens that a language model goes on with, whatever its prompt.
_WRITTEN = 64
# Of a few continuations of prompts: a text may well end where its prompt does.
_TOLD_OF_CONTINUATIONS = 0.5
# Prompts that an export is checked on.
_PROMPTS = 24
# Longer than any prompt that is read, in characters a position of the model.
_LONG = 8


class LanguageModel(Words):
    """Each next word of a text, whose first halves of lines are continued for people to read."""

    Options = LanguageModelOptions
    continues: ClassVar[bool] = True
    unit: ClassVar[str] = "words"

    def default_decode(self, model: Any) -> GreedyOptions:
        """Greedy, as it repeats itself in a beam."""
        return GreedyOptions(max_length=_WRITTEN)

    def measured_view(self, trained: Node) -> str | None:
        """Of a checkpoint, all of a text."""
        return None if trained.kind == "load" else super().measured_view(trained)

    def own_view(self, trained: Node, options: Any, specials: Any, name: str, context: Context):
        """Text in which nothing is hidden, and each next word predicted."""
        if getattr(options, "kind", CausalLMView.kind) != CausalLMView.kind:
            return None
        model = trained.model
        limit = getattr(options, "max_length", None) or model.max_length
        return CausalLMView(model.tokenizers["text"], specials, name=name, max_length=limit)

    def made(self, on: Measured, products: set[str], **asked: Any) -> Callable[[Any], Made]:
        of_rows = super().made(on, products)
        if WORDS not in products:
            return of_rows
        from tfkd.pipeline.tasks.text_likelihood import TextLikelihood, words_of

        counted = words_of(on.node, on.context)

        def made(model: Any) -> Made:
            likelihood = TextLikelihood(on.node, model, on.context)
            return {**of_rows(model), WORDS: lambda: WordSums(likelihood.rows(), **counted)}

        return made

    def evaluate(self, on: Measured, model: Any, folder: StageFolder) -> dict[str, Any]:
        """Also writes `words.npz`, the text's negative log-likelihood by row with the words and
        ends of lines of its tokenized original, and `continuations.json`."""
        summary, (node, _, _, context) = super().evaluate(on, model, folder), on
        if WORDS in node.options["products"]:
            from tfkd.pipeline.tasks.text_likelihood import TextLikelihood, words_of

            found = {"nll": TextLikelihood(node, model, context).rows(), **words_of(node, context)}
            write_atomically(folder.path / WORDS_FILE, lambda file: np.savez(file, **found))
        if CONTINUED in node.options["products"]:
            write_continuations(node, model, folder, context)
        return summary

    def evaluate_export(
        self, node: Node, engine: Any, folder: StageFolder, context: Context
    ) -> dict[str, Any]:
        """As `evaluate`, by what the engine says of each next word of the same ids."""
        from tfkd.pipeline.stages.evaluate import measured_on
        from tfkd.serving.formats.engine_predictions import EnginePredictions

        on = measured_on(node, context)
        return {"rows": len(on.examples), **self.evaluate(on, EnginePredictions(engine), folder)}

    def without_context(self, view: Any) -> tuple[Any, dict[str, str]]:
        names = {"words": "next words", "beside": "the teacher that sees the last word alone"}
        return None, names

    def score_identity(self, options: Any) -> dict[str, Any]:
        """However it is to be read: from the left. Blocks are other rows than documents."""
        found = super().score_identity(options.model_copy(update={"read": "previous"}))
        packs = [part.packing and part.packing.model_dump() for part in options.data]
        found = {name: value for name, value in found.items() if name != "read"}
        return found | ({"pack": packs} if any(packs) else {})

    def scored(self, node: Node, model: Any, folder: StageFolder, context: Context) -> Any:
        from tfkd.pipeline.tasks.scored import scored_next_words

        return scored_next_words(node, model, folder, context)

    def stores(self, node: Node, term: str, scored: Node, context: Context) -> Any:
        from tfkd.pipeline.inputs.made import side_tokenizers
        from tfkd.pipeline.stages.stored_targets import of_corpora
        from tfkd.pipeline.stages.terms import predicted_tokenizer
        from tfkd.targets import PartStores
        from tfkd.targets.target_stores import TargetStores

        if not scored.model.is_causal:
            return super().stores(node, term, scored, context)
        vocabulary = predicted_tokenizer(side_tokenizers(node, context)).fingerprint()
        found = of_corpora(node, scored, vocabulary, context)
        # Only a stage that asks a teacher has prompts.
        if getattr(scored.options, "prompt", None) is not None:
            return TargetStores(found, node.model.tokenizers["text"])
        # A student that reads fewer tokens ends before its teacher's rows, at the same next words.
        return PartStores(found, cut=True)

    def show(self, entry: dict, evaluation: Evaluation, counting: Counting, place: Path) -> None:
        node, context = evaluation.system, counting.context
        if WORDS in node.options["products"]:
            if evaluation.options.context is not None:
                entry["context"] = evaluation.options.context
            _keep_words(entry, node, context, place)
        if CONTINUED in node.options["products"]:
            lines = show_continuations(entry, node, evaluation.baseline, context)
            write_outputs(entry, place, **lines)

    def faults(self, node: Node, context: Context) -> dict[str, str]:
        if CONTINUED not in node.options["products"]:
            return {}
        found = continued(node, context)
        lines = ([one[key] for one in found] for key in ("continuation", "prompt", "reference"))
        return output_faults(*lines, told=_TOLD_OF_CONTINUATIONS, open_ended=True)

    def subject(self, node: Node, model: Any, context: Context, card: dict) -> Any:
        """It is checked on first halves of lines, on no prompt, and on one that is longer than the
        model reads."""
        from tfkd.pipeline.tasks.exported import served_tokenizers
        from tfkd.serving.formats.format import Subject

        text = open_text(node.inputs[Role.TEXT], context)
        prompts = [prompt for prompt, _ in prompts_of(text, _PROMPTS)]
        if prompts:
            long = _LONG * model.max_length // (1 + len(" ".join(prompts))) + 1
            prompts += ["", " ".join(prompts * long)]
        tokenizers = served_tokenizers(node, context, card)
        saved = self.as_saved_model(node, model, context, card)
        return Subject(model, tokenizers, decode_of(node, context), prompts, card, saved)

    def export(self, node: Node, model: Any, folder: Any, context: Context, card: dict) -> dict:
        from tfkd.serving import export_language_model

        made = self.subject(node, model, context, card)
        return export_language_model(
            model, made.tokenizers["text"], made.decode, folder.path, card, prompts=made.lines,
            more_ops=None,
        )  # fmt: skip


def _keep_words(entry: dict[str, Any], node: Node, context: Context, place: Path) -> None:
    """Puts the likelihood and the words of each row into the run folder, for `tfkd compare`."""
    place.parent.mkdir(exist_ok=True)
    path = place.with_name(f"{place.name}.{WORDS_FILE}")
    write_atomically(path, (context.stages / node.key / WORDS_FILE).read_bytes())
    entry["words"] = f"{place.parent.name}/{path.name}"
    entry.setdefault("sha256", {})["words"] = sha256_of(path)
