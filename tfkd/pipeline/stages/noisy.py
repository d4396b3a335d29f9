"""The rows of a training's corpora that have noise: their texts, by variant."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from tfkd.data.files import write_atomically
from tfkd.data.noise.noisy_rows import ROWS
from tfkd.data.noise.text_noise import TextNoise
from tfkd.data.text.text_corpus import Rows, TextCorpus, write_text_corpus
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.identity import plain, raised
from tfkd.pipeline.engine.kinds import stage_of
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.spec import Spec, registry
from tfkd.spec.errors import UserError

_BLOCK = 1 << 13


class NoisyStage(Stage):
    """Of a corpus the texts that noise has changed, and which rows they are of.

    A text is what noise makes of it whatever is read beside it and in which order: the training
    finds each epoch's rows in ids, as it finds the clean ones.
    """

    kind = "noisy"

    def part(
        self,
        graph: Any,
        spec: Spec,
        role: str,
        part: Any,
        model: Any,
        inputs: Mapping[str, Node],
    ) -> dict[str, Node]:
        """The texts of a corpus with noise, and their ids, by role.

        Args:
            graph: The graph's builder.
            spec: The spec of the corpus.
            role: The corpus's own: `data.I`.
            part: The options of the corpus in the training's data.
            model: The model's options.
            inputs: The training's, with the ids that it reads of the corpus.
        """
        view, fields = spec.views[part.view], graph.fields(spec, part.of)
        changed = noise_of(view, fields, swap=part.swap).changed
        start = f"{role}.{Role.IDS}."
        read = [
            (name.removeprefix(start), node)
            for name, node in inputs.items()
            if name.startswith(start) and node.options.field in changed
        ]
        found = {}
        for number in range(view.forms):
            text = self._node(graph, spec, part, view, number)
            own = f"{role}.{Role.NOISY}.{number}"
            found[f"{own}.{Role.TEXT}"] = text
            for name, clean in read:
                ids = stage_of("ids").of_text(graph, spec, text, clean)
                found[f"{own}.{Role.IDS}.{name}"] = ids
        return found

    def _node(self, graph: Any, spec: Spec, part: Any, view: Any, number: int) -> Node:
        identity = {"noise": noise_identity(view), "variant": number}
        if part.swap:
            identity["swap"] = True
        options = SimpleNamespace(noise=view, variant=number, swap=part.swap)
        label = graph.own(spec, f"{part.of}.{part.view}.{number + 1}")
        return graph.once(
            (id(spec), "noisy", part.of, part.view, number, part.swap),
            lambda: Node(
                self.kind, label, spec, options, {Role.TEXT: graph.corpus(spec, part.of)}, identity
            ),
        )

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Writes the changed texts as `write_text_corpus` does, and `rows.npy`, int64: the rows
        that they are of, rising."""
        text, how = open_text(node.inputs[Role.TEXT], context), node.options
        noise = noise_of(how.noise, text.fields, variant=how.variant, swap=how.swap)
        told, rows = context.told_progress(node.label), array("q")

        def changed() -> Iterator[Sequence[str]]:
            for start, before, after in noisy_blocks(text, noise):
                for at, values in enumerate(zip(*after.values(), strict=True)):
                    # A file without lines cannot be mapped: the first row stands in it as it is.
                    if values != tuple(before[field][at] for field in after) or start + at == 0:
                        rows.append(start + at)
                        yield values
                told(min(start + _BLOCK, len(text)), len(text))

        report = write_text_corpus(Rows(noise.changed, changed()), folder.path)
        found = np.asarray(rows, np.int64)
        write_atomically(folder.path / ROWS, lambda file: np.save(file, found))
        brief = f"{report['rows']:,} of {len(text):,} rows have noise"
        return {"rows": len(text), "noisy": report["rows"], "brief": brief}


def noise_of(view: Any, fields: Sequence[str], **how: Any) -> TextNoise:
    """The noise of a view on the rows of a corpus with some fields, a plugin's too."""
    return registry.load(registry.lookup("view", view.kind))(view, fields, **how)


def noise_identity(view: Any) -> dict[str, Any]:
    """What texts with noise depend on, of a view's options."""
    return plain(view, without={"variants"}) | raised("view", view.kind)


def noisy_blocks(
    text: TextCorpus, noise: TextNoise
) -> Iterator[tuple[int, dict[str, list[str]], dict[str, list[str]]]]:
    """The rows of a corpus in blocks: the number of the first, and their texts by field, as they
    were and with noise."""
    for start in range(0, len(text), _BLOCK):
        stop = min(start + _BLOCK, len(text))
        before = {field: list(text.lines(field, start, stop)) for field in noise.changed}
        yield start, before, noise(np.arange(start, stop), before)


def refuse_changed_targets(
    label: str, spec: Spec, options: Any, inputs: Mapping[str, Node]
) -> None:
    """Refuses stored targets, another spec's too, of words that noise has changed."""
    stored = [
        node.label
        for role, node in inputs.items()
        if role.startswith(Role.TEACHER.of("")) and "targets" in node.gives
    ]
    for part in options.data if stored and Role.CLASSES not in inputs else ():
        if part.view is not None and spec.views[part.view].changes_target:
            raise UserError(
                f"stages.{label}.data: {part.view} changes targets, and {stored[0]} has stored "
                "what belongs to their words. Expected sides: source of upper, title, "
                "punctuation and tags"
            )


STAGE = NoisyStage
