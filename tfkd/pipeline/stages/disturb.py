"""Disturb stages: a corpus with noise on its texts, as a corpus."""

from collections.abc import Iterator, Sequence
from typing import Any

from tfkd.data.text.text_corpus import Rows, write_text_corpus
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node, seed_of
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.pipeline.stages.noisy import noise_identity, noise_of, noisy_blocks
from tfkd.spec import Spec
from tfkd.spec.stages.disturb import DisturbOptions


class DisturbStage(Stage):
    """All rows of a corpus, those that noise hits with it: to measure how a model bears it, or to
    learn a vocabulary that knows it."""

    Options = DisturbOptions
    unit = "rows"

    def node(self, graph: Any, spec: Spec, name: str, options: Any) -> Node:
        inputs = {Role.TEXT: graph.corpus(spec, options.disturb)}
        identity = {"noise": noise_identity(spec.views[options.view])}
        label = graph.label(spec, name, seed_of(inputs))
        return Node(self.kind, label, spec, options, inputs, identity)

    def lower_cased(self, node: Node, field: str) -> bool:
        corpus, view = node.inputs[Role.TEXT], node.spec.views[node.options.view]
        return not view.changes_case and corpus.stage.lower_cased(corpus, field)

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Writes a corpus as `write_text_corpus` does: rows in their order, other fields as they
        were."""
        text = open_text(node.inputs[Role.TEXT], context)
        noise = noise_of(node.spec.views[node.options.view], text.fields)
        told, count = context.told_progress(node.label), 0

        def rows() -> Iterator[Sequence[str]]:
            nonlocal count
            for start, before, after in noisy_blocks(text, noise):
                stop = start + len(next(iter(after.values())))
                lines = [
                    after[field] if field in after else text.lines(field, start, stop)
                    for field in text.fields
                ]
                yield from zip(*lines, strict=True)
                old, new = (zip(*side.values(), strict=True) for side in (before, after))
                count += sum(one != other for one, other in zip(old, new, strict=True))
                told(stop, len(text))

        written = Rows(text.fields, rows())
        write_text_corpus(written, folder.path)
        brief = f"{len(text):,} rows, {count:,} of them with noise"
        return {
            "report": written.report(), "fields": list(text.fields), "noisy": count, "brief": brief
        }  # fmt: skip


STAGE = DisturbStage
