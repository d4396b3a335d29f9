"""Translation, and all that writes a target of a source: summaries, answers."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.files import write_atomically
from tfkd.data.views.blind import BlindEncoder
from tfkd.evaluation import output_faults
from tfkd.evaluation.metrics import OUTPUTS
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.output_shards import OutputShards, Shards, joined_shards
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.engine.wanted import Evaluation
from tfkd.pipeline.inputs.made import part_of, side_tokenizers
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.pipeline.inputs.tuned_decode import decode_of
from tfkd.pipeline.scoring.counting import Counting, file_lines
from tfkd.pipeline.tasks.output_results import TRACE, show
from tfkd.pipeline.tasks.task import Made, Measured
from tfkd.pipeline.tasks.words import Words
from tfkd.spec.options import BeamOptions, MaskPredictOptions, segment_view
from tfkd.spec.tasks.translation import TranslationOptions

_SHARD_ROWS = 256
_TRACED = 3
# Sentences that an export is checked on.
_SENTENCES = 24


class Translation(Words):
    """A target of a source, by an encoder-decoder that writes from left to right or fills in."""

    Options = TranslationOptions

    def default_decode(self, model: Any) -> Any:
        return MaskPredictOptions() if model.fills_in else BeamOptions()

    def measured_view(self, trained: Node) -> str | None:
        """Of one that fills in the first term's that predicts words; of one that learnt to write
        segments alone theirs (MASS); else the plain one: whole targets."""
        if trained.model.fills_in:
            return super().measured_view(trained)
        return segment_view(trained.options.objective, trained.spec.views)

    def score_identity(self, options: Any) -> dict[str, Any]:
        """However it is to be read: an encoder-decoder reads from the left."""
        found = super().score_identity(options.model_copy(update={"read": "previous"}))
        return {name: value for name, value in found.items() if name != "read"}

    def scored(self, node: Node, model: Any, folder: StageFolder, context: Context) -> Any:
        from tfkd.pipeline.tasks.scored import scored_words

        return scored_words(node, model, folder, context)

    def whole_targets(self, trained: Node) -> bool:
        learnt = "trained" in trained.gives and not trained.model.fills_in
        return learnt and self.measured_view(trained) is None

    def made(
        self, on: Measured, products: set[str], decode: Any = None, **asked: Any
    ) -> Callable[[Any], Made]:
        of_rows = super().made(on, products)
        if OUTPUTS not in products:
            return of_rows
        read = on.examples.take("source", on.view.source, np.arange(len(on.examples)))

        def made(model: Any) -> Made:
            decoder, tokenizers = _decoder(on.node, model, decode, on.context)
            write = tokenizers["target"].decode_batch
            return {**of_rows(model), OUTPUTS: lambda: write(decoder.decode(read).outputs)}

        return made

    def evaluate(self, on: Measured, model: Any, folder: StageFolder) -> dict[str, Any]:
        """Also writes `hypotheses.txt` and `round_trip.txt`."""
        summary = super().evaluate(on, model, folder)
        if OUTPUTS in on.node.options["products"]:
            _write_outputs(on, model, folder)
        return summary

    def shards(self, on: Measured, model: Any, folder: StageFolder) -> Shards | None:
        """Its outputs, too."""
        found = [super().shards(on, model, folder)]
        if OUTPUTS in on.node.options["products"]:
            found.append(_outputs(on, model, folder))
        return joined_shards(found)

    def without_context(self, view: Any) -> tuple[Any, dict[str, str]]:
        """The encoder of one that writes segments reads none, and its decoder goes on as before."""
        names = {"words": "hidden words", "beside": "the teacher that reads no text around"}
        return BlindEncoder(view), names

    def show(self, entry: dict, evaluation: Evaluation, counting: Counting, place: Path) -> None:
        if OUTPUTS in evaluation.system.options["products"]:
            show(entry, evaluation, counting, place)

    def faults(self, node: Node, context: Context) -> dict[str, str]:
        if OUTPUTS not in node.options["products"]:
            return {}
        outputs = file_lines(context.stages / node.key / "hypotheses.txt")
        text = open_text(node.inputs[Role.TEXT], context)
        lines = (list(text.lines(side)) for side in ("source", "target"))
        filled_in = isinstance(decode_of(node, context), MaskPredictOptions)
        # A search that chooses the length beforehand cuts nothing off.
        cut = None if filled_in else lambda: _cut(node, outputs, context)
        return output_faults(outputs, *lines, cut=cut)

    def subject(self, node: Node, model: Any, context: Context, card: dict) -> Any:
        """It is checked on real sentences, as people write them."""
        from tfkd.pipeline.tasks.exported import served_tokenizers
        from tfkd.serving.formats.format import Subject

        text = open_text(node.inputs[Role.TEXT], context)
        step = max(1, len(text) // _SENTENCES)
        field = node.options.get("field", "source")
        lines = [text.line(field, row) for row in range(0, len(text), step)][:_SENTENCES]
        if node.identity.get("lower_case"):
            lines = [_as_written(line) for line in lines]
        tokenizers = served_tokenizers(node, context, card)
        saved = self.as_saved_model(node, model, context, card)
        return Subject(model, tokenizers, decode_of(node, context), lines, card, saved)

    def export(self, node: Node, model: Any, folder: Any, context: Context, card: dict) -> dict:
        from tfkd.serving import export_saved_model

        made = self.subject(node, model, context, card)
        return export_saved_model(
            model, made.tokenizers, made.decode, folder.path, card, sentences=made.lines,
            more_ops=None,
        )  # fmt: skip

    def evaluate_export(
        self, node: Node, engine: Any, folder: StageFolder, context: Context
    ) -> dict[str, Any]:
        """Writes `hypotheses.txt` and `round_trip.txt`; lines in, lines out."""
        text = open_text(node.inputs[Role.TEXT], context)
        sources = list(text.lines("source"))
        told = context.told_progress(node.label)

        def answered(first: int) -> dict[str, list[str]]:
            context.deadline.check()
            lines = sources[first : first + _SHARD_ROWS]
            found = [one.text for one in engine.translate(lines)]
            told(first + len(lines), len(sources))
            return {"lines": found}

        hypotheses = _all_lines(_in_shards(folder, len(sources), answered))
        _write_lines(folder, hypotheses, list(text.lines("target")), node, context)
        return {"rows": len(sources)}


def _decoder(
    node: Node, model: Any, decode: Any, context: Context
) -> tuple[Any, Mapping[str, Any]]:
    """What decodes a model's sources, by default greedily or by Mask-Predict; its tokenizers."""
    from tfkd.decoding import Decoder, build_search

    tokenizers = side_tokenizers(node, context)
    quick = {"kind": "mask_predict" if node.trained.model.fills_in else "greedy"}
    search = build_search(decode or quick)
    return Decoder(model, search, tokenizers["source"], tokenizers["target"]), tokenizers


def _write_outputs(on: Measured, model: Any, folder: StageFolder) -> None:
    """Decodes in shards, each written whole: a killed evaluation goes on with the next."""
    node, examples, view, context = on
    hypotheses = _all_lines(_outputs(on, lambda: model, folder))
    text = open_text(node.inputs[Role.TEXT], context)
    references = list(text.lines("target"))
    decode = decode_of(node, context)
    if isinstance(decode, MaskPredictOptions):
        _trace(_decoder(node, model, decode, context)[0], examples, view, text, folder)
    _write_lines(folder, hypotheses, references, node, context)


def _outputs(on: Measured, model: Callable[[], Any], folder: StageFolder) -> OutputShards:
    """What a model writes, which is loaded for the first shard that is not there."""
    node, examples, view, context = on
    told = context.told_progress(node.label)
    made = cache(lambda: _decoder(node, model(), decode_of(node, context), context))

    def decoded(first: int) -> dict[str, list[str]]:
        context.deadline.check()
        decoder, tokenizers = made()
        rows = np.arange(first, min(first + _SHARD_ROWS, len(examples)))
        sources = examples.take("source", view.source, rows)
        outputs = decoder.decode(sources, lambda done, _: told(first + done, len(examples))).outputs
        return {"lines": tokenizers["target"].decode_batch(outputs)}

    return _in_shards(folder, len(examples), decoded)


def _in_shards(
    folder: StageFolder, rows: int, made: Callable[[int], dict[str, list[str]]]
) -> OutputShards:
    """All lines, some rows at a time; those that were made before a stop are read again."""
    starts = range(0, rows, _SHARD_ROWS)
    names = [f"outputs-{first:08d}.json" for first in starts]
    return OutputShards(folder, names, lambda number: made(starts[number]))


def _all_lines(outputs: OutputShards) -> list[str]:
    return [line for number in range(len(outputs)) for line in outputs.content(number)["lines"]]


def _write_lines(
    folder: StageFolder, hypotheses: list[str], references: list[str], node: Node, context: Context
) -> None:
    """Writes outputs, and references written and read back by the target's tokenizer."""
    target = side_tokenizers(node, context)["target"]
    round_trip = target.decode_batch(target.encode(references))
    for name, lines in (("hypotheses", hypotheses), ("round_trip", round_trip)):
        one_line = [line.replace("\n", " ") for line in lines]
        write_atomically(folder.path / f"{name}.txt", "\n".join(one_line) + "\n")


def _trace(decoder: Any, examples: ExampleSet, view: Any, text: Any, folder: StageFolder) -> None:
    """Writes how a few outputs came about, pass by pass."""
    rows = np.linspace(0, len(examples) - 1, min(_TRACED, len(examples))).astype(int)
    found = [
        {"source": text.line("source", int(row)), "passes": passes}
        for row, passes in zip(
            rows, decoder.trace(examples.take("source", view.source, rows)), strict=True
        )
    ]
    write_atomically(folder.path / TRACE, json.dumps(found, ensure_ascii=False, indent=1))


def _cut(node: Node, outputs: list[str], context: Context) -> np.ndarray:
    """Outputs that have as many tokens as the search lets them have: bool `[rows]`."""
    from tfkd.decoding import build_search
    from tfkd.decoding.decoder import source_limit

    model = node.trained.model
    sources = part_of(node, Role.DATA, node.options["corpus"], context).find(
        ("source", "text"), model.tokenizers["source"]
    )
    most = source_limit(model)
    limit = build_search(decode_of(node, context)).max_length
    limits = limit.lengths(np.minimum(sources.lengths, most), most).numpy()
    # Counted anew in the text: where a model spelt a word in other pieces, there may be a few more.
    return side_tokenizers(node, context)["target"].encode(outputs).lengths >= limits


def _as_written(line: str) -> str:
    """A lower-cased line with a capital at its start, as it comes from people."""
    capital = line[:1].upper()
    return capital + line[1:] if capital.lower() == line[:1] else line
