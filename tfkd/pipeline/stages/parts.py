"""The parts of corpora's rows that trainings in folds leave out, one each."""

from typing import Any

import numpy as np

from tfkd.data.files import write_atomically
from tfkd.data.folds import parts_of
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.parts import hashed
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.spec import Spec
from tfkd.spec.errors import UserError

# A part with more than this share of all rows is told of; of two half are due. Of few rows a part
# is as large as chance has it.
_MOST, _FEW_ROWS = 0.75, 1000


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
            hashes.append([hashed(text, field, child.label, context) for field in fields])
        found = parts_of(hashes, folds, check=context.deadline.check)
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
        summary = {"rows": rows.tolist(), "brief": f"{folds} parts of {shown} rows"}
        return summary | {"warnings": [f"{node.label}: {one}" for one in uneven(rows)]}


def uneven(rows: np.ndarray) -> list[str]:
    """What is said of parts of which one holds far more rows than its share: the model that leaves
    it out learns from few."""
    largest, total = int(rows.max()), int(rows.sum())
    if largest <= min(2 / len(rows), _MOST) * total or total < _FEW_ROWS:
        return []
    return [
        f"{largest:,} of {total:,} rows are in one part, as they are joined by texts that they "
        f"have in common: the model that scores them learns from the other {total - largest:,} "
        "alone. Texts that many rows have may be no sentences: leave such rows out"
    ]


STAGE = PartsStage
