"""The classes of corpora's labels, which a classifier tells apart."""

from collections.abc import Iterator
from typing import Any

from tfkd.data.classes import Classes, labels_in
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.pipeline.plan.planned import Planned
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.options.soft_labels import NUMBERS

_NAMED = 5


class ClassesStage(Stage):
    """The names of classes, in the order of their ids."""

    kind = "classes"

    def node(self, graph: Any, spec: Spec, options: Any, several: bool) -> Node:
        """The classes of a stage whose model has a head over them.

        Args:
            graph: The graph's builder.
            spec: The spec.
            options: The training stage's options.
            several: Whether a row has several labels, with spaces between.

        Raises:
            UserError: None of its corpora has labels.
        """
        names = spec.models[options.train].head.classes or [
            part.of
            for part in options.data
            if {"label", *NUMBERS} & set(graph.fields(spec, part.of))
        ]
        if not names:
            raise UserError(
                f"a classifier learns its classes from labels, and {options.data[0].of} has "
                f"{', '.join(graph.fields(spec, options.data[0].of))}; expected a corpus with a "
                "field `label`"
            )
        names = list(dict.fromkeys(names))

        def make() -> Node:
            inputs = {Role.TEXT.of(i): graph.corpus(spec, name) for i, name in enumerate(names)}
            identity = {"several": True} if several else {}
            label = graph.own(spec, " and ".join(names))
            return Node(self.kind, label, spec, None, inputs, identity)

        return graph.once((id(spec), "classes", several, *names), make)

    def size(self, node: Node, planned: Planned) -> int:
        """How many there are; two of labels that nobody has read yet."""
        folder = planned.folder(node)
        return folder.manifest()["summary"]["size"] if folder.done else 2

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Learns the classes of the corpora's labels, and counts their rows; those that a corpus
        names for its soft labels are among them, be there a label of them or not."""
        counts: dict[str, int] = {}
        several = bool(node.identity.get("several"))

        def labels() -> Iterator[str]:
            for child in node.inputs.values():
                for name in getattr(child.options, "class_names", ()):
                    counts.setdefault(name, 0)
                    yield name
                text = open_text(child, context)
                for line in text.lines("label") if "label" in text.fields else ():
                    for label in labels_in(line, several):
                        counts[label] = counts.get(label, 0) + 1
                        yield label

        classes = Classes.learn(labels(), f"data.{node.label}")
        classes.save(folder.path)
        shown = ", ".join(f"{name} ({counts[name]:,})" for name in classes.names[:_NAMED])
        more = f" and {classes.size - _NAMED:,} more" if classes.size > _NAMED else ""
        return {
            "size": classes.size,
            "rows": {name: counts[name] for name in classes.names},
            "brief": f"{classes.size:,} classes: {shown}{more}",
        }


STAGE = ClassesStage
