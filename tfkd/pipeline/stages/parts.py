"""The parts of corpora's rows that trainings in folds leave out, one each."""

from typing import Any

import numpy as np

from tfkd.data.files import write_atomically
from tfkd.data.folds import parts_of, text_hashes
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.spec import Spec
from tfkd.spec.errors import UserError


class PartsStage(Stage):
    """A part for each row of a training stage's corpora; see `tfkd.data.folds`."""

    kind = "parts"

    def node(self, graph: Any, spec: Spec, name: str, options: Any) -> Node:
        """The parts of the corpora of a training stage with `folds:`."""
        corpora = list(dict.fromkeys(part.of for part in options.data))

        def make() -> Node:
            inputs = {Role.TEXT.of(i): graph.corpus(spec, one) for i, one in enumerate(corpora)}
            identity = {
                "folds": options.folds,
                "fields": [graph.texts(spec, corpus) for corpus in corpora],
            }
            label = graph.own(spec, f"{' and '.join(corpora)} in {options.folds}")
            return Node(self.kind, label, spec, None, inputs, identity)

        return graph.once((id(spec), "parts", options.folds, *corpora), make)

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Writes `parts-I.npy`, uint8 `[rows]` of corpus I.

        Raises:
            UserError: A part is empty.
        """
        folds, hashes = node.identity["folds"], []
        for child, fields in zip(node.inputs.values(), node.identity["fields"], strict=True):
            text = open_text(child, context)
            hashes.append([text_hashes(text.lines(field)) for field in fields])
            context.deadline.check()
        found = parts_of(hashes, folds)
        rows = np.bincount(np.concatenate(found), minlength=folds)
        if not rows.all():
            raise UserError(
                f"folds: {folds}: of {rows.sum():,} rows none falls into part "
                f"{int(np.flatnonzero(rows == 0)[0]) + 1}: too few texts, once those that rows "
                "have in common are in one part. Expected fewer folds, or more rows"
            )
        for index, part in enumerate(found):
            write_atomically(
                folder.path / f"parts-{index}.npy", lambda file, part=part: np.save(file, part)
            )
        shown = ", ".join(f"{count:,}" for count in rows)
        return {"rows": rows.tolist(), "brief": f"{folds} parts of {shown} rows"}


STAGE = PartsStage
