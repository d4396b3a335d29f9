"""Filter stages: the rows of a corpus that meet all rules, as a corpus."""

import importlib.util
from collections.abc import Iterable, Iterator
from typing import Any

from tfkd.data.text.text_corpus import TextCorpus, write_text_corpus
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node, seed_of
from tfkd.pipeline.engine.identity import plain, raised
from tfkd.pipeline.engine.output_shards import OutputShards
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.pipeline.plan.planned import Planned
from tfkd.pipeline.stages.filter_rules import Rules
from tfkd.pipeline.stages.filter_verdicts import Verdicts
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.stages.filter import FilterOptions

# Rows of a shard; where a model reads them, fewer: what a stop costs.
_ROWS, _ROWS_OF_MODEL = 1 << 14, 1 << 11
_BLOCK = 1 << 14


class FilterStage(Stage):
    """A corpus without the rows that its rules drop."""

    Options = FilterOptions
    unit = "rows"

    def node(self, graph: Any, spec: Spec, name: str, options: Any) -> Node:
        inputs = {Role.TEXT: graph.corpus(spec, options.filter)}
        rules = [plain(rule) | raised("filter", rule.kind) for rule in options.rules]
        for number, option, stage in options.asked():
            inputs[Role.MODEL.of(number, option)] = graph.stage(spec, stage)
            rules[number][option] = None
        identity: dict[str, Any] = {"rules": rules}
        if spec.change is not None:  # --smoke
            identity["filled"] = True
        label = graph.label(spec, name, seed_of(inputs))
        return Node(self.kind, label, spec, options, inputs, identity)

    def plan(self, node: Node, planned: Planned) -> dict[str, str]:
        """The rows that it reads; of one that is done a note tells what each rule has dropped."""
        folder, corpus = planned.folder(node), planned.folder(node.inputs[Role.TEXT])
        if folder.done:
            planned.note(f"{node.label}: {folder.manifest()['summary']['brief']}.")
        if not corpus.done:
            return {}
        return {"tokens": f"{corpus.manifest()['summary']['report']['kept']:,} rows"}

    def lower_cased(self, node: Node, field: str) -> bool:
        corpus = node.inputs[Role.TEXT]
        return corpus.stage.lower_cased(corpus, field)

    def refuse_unready(self, node: Node) -> None:
        """Rules need packages, and know not every language."""
        names = {name for rule in node.options.rules for name in rule.packages}
        missing = sorted(name for name in names if importlib.util.find_spec(name) is None)
        if missing:
            raise UserError(
                f"stages.{node.label}.rules: {' and '.join(missing)} "
                f"{'is' if len(missing) == 1 else 'are'} not installed: pip install 'tfkd[filter]'"
            )
        Rules(node, None)

    def shards(self, node: Node, folder: StageFolder, context: Context) -> OutputShards:
        return _Judged(node, folder, context)

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Writes a corpus as `write_text_corpus` does: rows in their order.

        Each shard says what rules make of its rows one by one; what takes the whole corpus,
        duplicates and shares, is found from that on the disk. Under `--smoke` all rows are kept:
        rules for real text are not made for generated words.

        Raises:
            UserError: No row is left.
        """
        shards = _Judged(node, folder, context)
        verdicts = Verdicts(shards.rules, shards.text, folder.scratch)
        told = context.told_progress(node.label)
        for number in range(len(shards)):
            verdicts.add(shards.start(number), shards.content(number))
            told(min(len(shards.text), shards.start(number + 1)), len(shards.text))
        for _ in verdicts.of_whole_corpus():
            context.deadline.check()
        filled = "filled" in node.identity
        report = verdicts.report(node.options.filter)
        if not (report["kept"] or filled):
            raise UserError(
                f"stages.{node.label}: of {report['read']:,} rows none is left "
                f"({_counts(report)}). Expected rules that some rows meet"
            )
        brief = f"{report['kept']:,} of {report['read']:,} rows"
        brief += f", dropped: {_counts(report)}" if report["dropped"] else ""
        if filled:
            brief += "; all are kept under --smoke"
            report |= {"kept": report["read"], "dropped": {}}
        write_text_corpus(_Kept(shards.text, verdicts, filled, report), folder.path)
        return {"report": report, "fields": list(shards.text.fields), "brief": brief}


def _counts(report: dict[str, Any]) -> str:
    return ", ".join(f"{entry['count']:,} {rule}" for rule, entry in report["dropped"].items())


class _Judged(OutputShards):
    """What the rules make of each row; see `Rules.judged`.

    Attributes:
        text: The corpus.
        rules: The rules.
    """

    def __init__(self, node: Node, folder: StageFolder, context: Context):
        self.text = open_text(node.inputs[Role.TEXT], context)
        self.rules = Rules(node, context)
        self._rows = _ROWS_OF_MODEL if node.inputs_of(Role.MODEL) else _ROWS
        starts = range(0, len(self.text), self._rows)
        super().__init__(folder, [f"rows-{start:010d}.json" for start in starts], self._judged)

    def start(self, number: int) -> int:
        """The first row of a shard."""
        return number * self._rows

    def _judged(self, number: int) -> dict[str, Any]:
        start = self.start(number)
        return self.rules.judged(rows_of(self.text, start, start + self._rows))


def rows_of(text: TextCorpus, start: int, stop: int) -> list[dict[str, str]]:
    """Rows of a corpus, each its fields by name."""
    lines = [text.lines(field, start, stop) for field in text.fields]
    return [dict(zip(text.fields, values, strict=True)) for values in zip(*lines, strict=True)]


class _Kept:
    """The rows that are kept, as `write_text_corpus` takes them."""

    words = None

    def __init__(self, text: TextCorpus, verdicts: Verdicts, filled: bool, report: dict[str, Any]):
        self.fields, self._text, self._report = text.fields, text, report
        self._verdicts, self._filled = verdicts, filled

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        for start in range(0, len(self._text), _BLOCK):
            stop = start + _BLOCK
            lines = (self._text.lines(field, start, stop) for field in self.fields)
            kept: Iterable[bool] = self._verdicts.kept(start, stop)
            for values, stays in zip(zip(*lines, strict=True), kept, strict=True):
                if stays or self._filled:
                    yield values

    def report(self) -> dict[str, Any]:
        return self._report
