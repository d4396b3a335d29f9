"""Corpora as text: read, checked and transformed."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tfkd.data.text.corpora import open_corpus
from tfkd.data.text.text_corpus import TextCorpus, write_text_corpus
from tfkd.data.text.undone_tokenization import REVISION as DETOKENIZE_REVISION
from tfkd.data.transforms import NOT_SAMPLED, OTHER_PART, text_fields
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.identity import plain, raised
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.pipeline.plan.planned import Planned
from tfkd.spec.errors import UserError
from tfkd.spec.options.base import NOT_TEXT

# Other fields that hold no text were text once, and lower-cased: an older key is of that.
_NEVER_TEXT = {"label", "mark"}


class CorpusStage(Stage):
    """A corpus of `data:`, a line a row."""

    kind = "corpus"
    gives = frozenset({"corpus"})

    def node(self, graph: Any, spec: Any, name: str, options: Any) -> Node:
        others = {
            other: graph.corpus(spec, other.partition(".")[0]) for other in options.drop_overlap
        }
        # What is allowed changes no row of what is made.
        identity = plain(options, without={"drop_overlap", "max_bad_rows"})
        identity |= raised("corpus", options.kind)
        if options.detokenize is not None:
            identity["detokenize_revision"] = DETOKENIZE_REVISION
        if later := sorted({*options.field_names} & (NOT_TEXT - _NEVER_TEXT)):
            identity["not_text"] = later
        identity["overlap"] = [other.partition(".")[2] for other in others]
        identity |= graph.files.corpus(spec, name, identity, graph.data_dir)
        inputs = {f"overlap.{i}": node for i, node in enumerate(others.values())}
        return Node(self.kind, graph.own(spec, name), spec, options, inputs, identity)

    def plan(self, node: Node, planned: Planned) -> dict[str, Any]:
        """Nothing but what its first rows look like."""
        if not planned.folder(node).done:
            with contextlib.suppress(UserError):  # a run says so
                corpus = open_corpus(node.options, planned.context.data_dir)
                for warning in corpus.first_warnings():
                    planned.note(f"warning: data.{node.label}: {warning}")
        return {}

    def lower_cased(self, node: Node, field: str) -> bool:
        return node.options.lower_case

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Reads, checks and transforms a corpus; writes its text, a line a row."""
        others = {
            reference.partition(".")[0]: _Texts(open_text(child, context))
            for reference, child in zip(
                node.options.drop_overlap, node.inputs.values(), strict=True
            )
        }
        corpus = open_corpus(node.options, context.data_dir, others=others)
        write_text_corpus(corpus, folder.path)
        report = corpus.report()
        summary = {"report": report, "fields": list(corpus.fields), "brief": _brief(report)}
        warnings = [f"data.{node.label}: {warning}" for warning in corpus.warnings]
        for warning in warnings:
            context.say(f"warning: {warning}")
        return {**summary, **({"warnings": warnings} if warnings else {})}


def _brief(report: Mapping[str, Any]) -> str:
    """Rows, and what became of others: those that were not asked for are nobody's loss."""
    words = {OTHER_PART: "in other parts", NOT_SAMPLED: NOT_SAMPLED}
    counts = dict.fromkeys((*words.values(), "dropped"), 0)
    for reason, entry in report["dropped"].items():
        counts[words.get(reason, "dropped")] += entry["count"]
    left_out = [f"{number:,} {reason}" for reason, number in counts.items() if number]
    return ", ".join([f"{report['kept']:,} rows", *left_out])


class _Texts:
    """A finished corpus as `drop_overlap` reads it."""

    def __init__(self, text: TextCorpus):
        self._text = text

    def texts(self, fields: Iterable[str] | None = None) -> Iterator[str]:
        if fields is None:  # a label's value is no text that a row could share
            fields = [self._text.fields[index] for index in text_fields(self._text.fields)]
        for field in fields:
            yield from self._text.lines(field)


STAGE = CorpusStage
