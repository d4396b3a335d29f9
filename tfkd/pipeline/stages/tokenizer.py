"""Tokenizers: learnt, or read from a file or preset."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfkd.data.tokenizers import build_tokenizer
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.identity import plain
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.pipeline.plan.planned import Planned
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
            inputs[Role.TEXT.of(i)] = graph.corpus(spec, corpus)
            identity["fields"].append(field or graph.texts(spec, corpus))
        if not options.learn_from:
            identity["origin"] = graph.files.vocabulary(spec, name, graph.data_dir)
        return Node(self.kind, graph.own(spec, name), spec, options, inputs, identity)

    def size(self, node: Node, planned: Planned) -> int:
        """Its pieces: as made, else as asked for or as in the file."""
        folder = planned.folder(node)
        if folder.done:
            return folder.manifest()["summary"]["size"]
        return expected_size(node.options, planned.context.data_dir)

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Learns or reads a vocabulary."""

        def lines() -> Iterator[str]:
            for child, fields in zip(
                node.inputs.values(), node.identity.get("fields", ()), strict=True
            ):
                text = open_text(child, context)
                for field in [fields] if isinstance(fields, str) else fields:
                    yield from text.lines(field)

        tokenizer = build_tokenizer(node.options, lines(), context.data_dir)
        tokenizer.save(folder.path)
        return {"size": tokenizer.size, "brief": f"{tokenizer.size:,} pieces"}


def expected_size(options: Any, data_dir: Path) -> int:
    """The size of a vocabulary that is not made yet: its file's, else the one asked for."""
    from tfkd.data.tokenizers.building import build_tokenizer, read_vocabulary

    if options.kind == "byte_bpe" and not options.learn_from:
        return build_tokenizer(options.model_copy(update={"keep": None}), [], data_dir).size
    origin = options.vocabulary or getattr(options, "preset", None)
    if origin is not None and options.kind == "sentencepiece":
        if os.path.exists(data_dir / origin):
            return build_tokenizer(options.model_copy(update={"keep": None}), [], data_dir).size
    elif origin is not None:
        path = data_dir / origin
        path = path / "vocab.txt" if os.path.isdir(path) else path
        if os.path.isfile(path):
            return len(read_vocabulary(path))
    return options.size


STAGE = TokenizerStage
