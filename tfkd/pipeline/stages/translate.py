"""Translate stages: a model's outputs for whole corpora, as a corpus."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from tfkd.data.text.bad_rows import Tally
from tfkd.data.text.text_corpus import write_text_corpus
from tfkd.evaluation.verdicts.outputs import TOLD
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node, seed_of
from tfkd.pipeline.engine.identity import decode_identity, plain, raised
from tfkd.pipeline.engine.kinds import stage_of
from tfkd.pipeline.engine.output_shards import OutputShards
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.asked_models import asked_nodes, model_inputs, refuse_other_pieces
from tfkd.pipeline.inputs.letter_case import all_lower, lower_cased
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.pipeline.plan.planned import Planned
from tfkd.pipeline.stages.best_of import chosen_of
from tfkd.pipeline.stages.translator import translator
from tfkd.spec import Spec
from tfkd.spec.checks.export_checks import engine_of
from tfkd.spec.checks.mean_checks import LISTS, listed
from tfkd.spec.errors import UserError
from tfkd.spec.stages.translate import TranslateOptions

# An eighth of a corpus, so that a stop costs little of a small one, but a decoder's batch at least;
# of many rows those of one length stand together.
_SHARE, _FEWEST, _MOST = 8, 128, 1024
# Options that name what a stage reads.
_INPUTS = {"translate", "beside", "data"}


class TranslateStage(Stage):
    """A corpus of what a model wrote."""

    Options = TranslateOptions
    unit = "rows"

    def node(self, graph: Any, spec: Spec, name: str, options: Any) -> Node:
        inputs, fields = model_inputs(graph, spec, options, graph.label(spec, name, None)), []
        trained = inputs[Role.MODEL]
        for i, part in enumerate(options.data):
            inputs[Role.DATA.of(i, Role.CORPUS)] = graph.corpus(spec, part.of)
            fields.append(options.read_field(graph.fields(spec, part.of), part.swap))
        identity = plain(options, without=_INPUTS | {"weights", "decode", "on_failed_check"})
        if options.shares is not None:
            identity["weights"] = options.shares
        decode = options.decoding(trained.task.default_decode(trained.model))
        if options.choose is not None:
            identity |= raised("metric", options.choose.metric)
        if (export := engine_of(decode, options.translate)) is not None:
            decode = decode.model_copy(update={"engine": None})
            read = inputs[Role.DATA.of(0, Role.CORPUS)], fields[0]
            inputs[Role.EXPORT] = stage_of("export").node(graph, spec, export, decode, read=read)
        identity |= {"fields": fields, **decode_identity(decode)}
        if spec.change is not None:  # --smoke
            identity["filled"] = True
        label = graph.label(spec, name, seed_of(inputs))
        node = Node(self.kind, label, spec, options, inputs, identity)
        _refuse_unlike(node)
        return node

    def plan(self, node: Node, planned: Planned) -> dict[str, str]:
        """The rows that a translate stage reads; its tokens are known once it has written them."""
        rows = 0
        for child in node.inputs.values():
            if "corpus" in child.gives:
                folder = planned.folder(child)
                if not folder.done:
                    planned.note(
                        f"{node.label}: rows and tokens are known once {child.label} is made."
                    )
                    return {}
                rows += folder.manifest()["summary"]["report"]["kept"]
        return {"tokens": f"{rows:,} rows"}

    def lower_cased(self, node: Node, field: str) -> bool:
        """What it read is as it was; its outputs are in the case of the targets that its model has
        learnt from."""
        if field == "source":
            return all(
                of.stage.lower_cased(of, read)
                for of, read in zip(node.corpora, node.identity["fields"], strict=True)
            )
        return all(_writes_lower(one.trained) for one in asked_nodes(node))

    def warnings(self, node: Node, summary: dict[str, Any]) -> list[str]:
        """That it left out many rows since its model wrote nothing."""
        report = summary["report"]
        empty = report["dropped"].get("without an output", {}).get("count", 0)
        if "filled" in node.identity or not empty >= TOLD * report["read"] > 0:
            return []
        return [
            f"{node.label}: {empty:,} of {report['read']:,} rows are left out "
            f"({100 * empty / report['read']:.1f} %): the model wrote nothing for them. "
            "Train it longer, or search otherwise (`decode`)"
        ]

    def shards(self, node: Node, folder: StageFolder, context: Context) -> OutputShards:
        return _Written(node, folder, context)

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Writes a corpus as `write_text_corpus` does; goes on after the last whole shard.

        Row by row in order, first corpus first, with `keep: n_best` a row's outputs one after the
        other. Rows without an output, and rows that the model could read only in part, are left
        out and counted: as pairs they would be wrong.

        Raises:
            UserError: No row is left.
        """
        made = _Written(node, folder, context)
        rows = _Rows(node, made, context.told_progress(node.label))
        write_text_corpus(rows, folder.path)
        report = rows.report()
        reasons = [f"{entry['count']:,} {reason}" for reason, entry in report["dropped"].items()]
        left_out = f", left out: {', '.join(reasons)}" if reasons else ""
        of = f" of {rows.sources:,} sources" if node.options.keep == "n_best" else ""
        return {
            "report": report,
            "fields": list(rows.fields),
            "tokens": rows.tokens,
            "brief": f"{report['kept']:,} rows{of}{left_out}",
        }


class _Place(NamedTuple):
    """The rows of a shard: `rows` from `start` on of corpus number `index`."""

    index: int
    start: int
    rows: int


class _Written(OutputShards):
    """The outputs for all corpora of a stage; a model is loaded for the first that is not there.

    Attributes:
        texts: The corpora.
    """

    def __init__(self, node: Node, folder: StageFolder, context: Context):
        refuse_other_pieces(node, context)
        self.texts = [open_text(corpus, context) for corpus in node.corpora]
        self._node, self._places = node, []
        for index, text in enumerate(self.texts):
            rows = int(np.clip(-(-len(text) // _SHARE), _FEWEST, _MOST))
            self._places += [_Place(index, start, rows) for start in range(0, len(text), rows)]
        self._translator = cache(lambda: translator(node, context))
        names = [f"outputs-{place.index}-{place.start:09d}.json" for place in self._places]
        super().__init__(folder, names, self._translated)

    def of(self, index: int) -> Iterator[tuple[list[str], dict[str, Any]]]:
        """The lines of each shard of a corpus, and what was made of them: `lines` and `tokens`."""
        for number, place in enumerate(self._places):
            if place.index == index:
                yield self._lines(place), self.content(number)

    def _translated(self, number: int) -> dict[str, Any]:
        place, choose = self._places[number], self._node.options.choose
        lines = self._lines(place)
        found, tokens = self._translator()(lines)
        if choose is None:
            return {"lines": found, "tokens": tokens}
        against = None
        if choose.by is not None:
            stop = place.start + place.rows
            against = list(self.texts[place.index].lines(choose.against, place.start, stop))
        return {"lines": chosen_of(choose, found, lines, against), "tokens": tokens}

    def _lines(self, place: _Place) -> list[str]:
        field = self._node.identity["fields"][place.index]
        return list(self.texts[place.index].lines(field, place.start, place.start + place.rows))


def _refuse_unlike(node: Node) -> None:
    """Refuses several models of which the checks of one spec do not know that they cannot write
    together.

    Raises:
        UserError: One fills in or writes of lists, or some know their sources in lower case only.
    """
    first, *others = models = asked_nodes(node)
    if not others:
        return
    where = f"stages.{node.label}.translate"
    for one in models:
        if one.kind == LISTS:
            what, way_out = listed(one.label, one.inputs[LISTS].label)
            raise UserError(f"{where}: {what}. Expected {way_out}")
        if one.model.fills_in:
            raise UserError(
                f"{where}: {one.label} fills in all words of an output at once. Expected models "
                "that go from left to right, or it alone"
            )
        if lower_cased(one) != lower_cased(first):
            lower, other = (one, first) if lower_cased(one) else (first, one)
            raise UserError(
                f"{where}: {lower.label} knows its sources in lower case only, and {other.label} "
                "as they are written. Expected models that read one text alike"
            )


def _writes_lower(trained: Node) -> bool:
    """Whether a model has learnt from targets in lower case."""
    if getattr(trained.inputs[Role.TOKENIZER.of("target")].options, "lower_case", False):
        return True
    return all_lower(trained, "target", "source")


class _Rows:
    """Rows of what was read and what was written, as `write_text_corpus` takes them.

    Args:
        node: The stage.
        made: Its outputs.
        progress: Told (rows done, rows).

    Attributes:
        fields: `source` and `target`, or `text`.
        sources: The rows that were read in the last pass.
        tokens: Of the outputs of the last pass.
        words: None: outputs are no text whose tokenization was undone.
    """

    words = None

    def __init__(self, node: Node, made: _Written, progress: Callable[[int, int], None]):
        self.fields: tuple[str, ...] = node.options.field_names
        self.tokens = self.sources = 0
        self._node, self._made, self._progress = node, made, progress
        self._tally = Tally()

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        tally, total, self.sources = Tally(), sum(map(len, self._made.texts)), 0
        self.tokens = 0
        for index, part in enumerate(self._node.options.data):
            for row, (line, outputs) in enumerate(self._pairs(index), 1):
                self.sources += 1
                seen: set[tuple[str, float]] = set()
                for output in outputs or [None]:
                    tally.read += 1
                    if output is None:
                        why = "too long for the model" if outputs is None else "without an output"
                        tally.drop(why, f"{part.of}:{row}")
                    elif not output[0]:
                        tally.drop("without an output", f"{part.of}:{row}")
                    elif output in seen:
                        tally.drop("the same output again", f"{part.of}:{row}")
                    else:
                        tally.kept += 1
                        seen.add(output)
                        yield self._row(line, *output)
                self._progress(self.sources, total)
        self._tally = tally
        if not tally.kept:
            reasons = ", ".join(f"{e['count']:,} {r}" for r, e in tally.dropped.items())
            raise UserError(
                f"stages.{self._node.label}: of {tally.read:,} rows none is left ({reasons}). "
                "Expected a model that is trained to write text, and rows that it has positions for"
            )

    def _row(self, line: str, output: str, score: float) -> tuple[str, ...]:
        """The fields of a row that is kept."""
        row = (line, output) if "source" in self.fields else (output,)
        # As short as gives the same number again.
        listed = self._node.options.keep == "n_best"
        return (*row, str(self.sources), str(np.float32(score))) if listed else row

    def report(self) -> dict[str, Any]:
        """As `Corpus.report`; it reads no files."""
        tally = self._tally
        return {"read": tally.read, "kept": tally.kept, "dropped": tally.dropped, "files": {}}

    def _pairs(self, index: int) -> Iterator[tuple[str, list[tuple[str, float]] | None]]:
        """Each row of a corpus with its outputs, shard by shard."""
        for lines, found in self._made.of(index):
            self.tokens += found["tokens"]
            for line, outputs in zip(lines, found["lines"], strict=True):
                several = [(outputs, 0.0)] if isinstance(outputs, str) else outputs
                if self._node.identity.get("filled") and not any(one for one, _ in several or ()):
                    # --smoke: a model of a few steps may write nothing at all.
                    several = [(line, 0.0)]
                yield line, several and [(text, score) for text, score in several]
