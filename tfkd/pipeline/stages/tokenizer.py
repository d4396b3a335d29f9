"""Tokenizers: learnt, or read from a file or preset."""

from typing import Any

from tfkd.pipeline.graph import Node
from tfkd.pipeline.identity import plain
from tfkd.pipeline.stage import Stage
from tfkd.spec import registry


class TokenizerStage(Stage):
    """A tokenizer of `tokenizers:`."""

    kind = "tokenizer"

    def node(self, graph: Any, spec: Any, name: str, options: Any) -> Node:
        identity = plain(options, without={"learn_from", "vocabulary", "merges", "preset", "keep"})
        identity["revision"] = registry.lookup("tokenizer", options.kind).revision
        inputs, identity["fields"] = {}, []
        # The text to learn from, or that a vocabulary is cut down to.
        keep = getattr(options, "keep", None)
        seen_in = keep.seen_in if keep else []
        for i, reference in enumerate(options.learn_from or seen_in):
            corpus, _, field = reference.partition(".")
            inputs[f"text.{i}"] = graph.corpus(spec, corpus)
            identity["fields"].append(field or graph.texts(spec, corpus))
        if not options.learn_from:
            identity["origin"] = graph.files.vocabulary(spec, name, graph.data_dir)
        return Node(self.kind, graph.own(spec, name), spec, options, inputs, identity)

    def run(self, node: Node, folder: Any, context: Any) -> dict[str, Any]:
        from tfkd.pipeline.text_stages import run_tokenizer

        return run_tokenizer(node, folder, context)


STAGE = TokenizerStage
