"""Corpora as text: read, checked and transformed."""

from typing import Any

from tfkd.data.undone_tokenization import REVISION as DETOKENIZE_REVISION
from tfkd.pipeline.graph import Node
from tfkd.pipeline.identity import plain, raised
from tfkd.pipeline.stage import Stage


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
        identity["overlap"] = [other.partition(".")[2] for other in others]
        identity |= graph.files.corpus(spec, name, identity, graph.data_dir)
        inputs = {f"overlap.{i}": node for i, node in enumerate(others.values())}
        return Node(self.kind, graph.own(spec, name), spec, options, inputs, identity)

    def run(self, node: Node, folder: Any, context: Any) -> dict[str, Any]:
        from tfkd.pipeline.text_stages import run_corpus

        return run_corpus(node, folder, context)


STAGE = CorpusStage
