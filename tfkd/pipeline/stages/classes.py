"""The classes of corpora's labels, which a classifier tells apart."""

from typing import Any

from tfkd.pipeline.graph import Node
from tfkd.pipeline.planned import Planned
from tfkd.pipeline.stage import Stage
from tfkd.spec import Spec
from tfkd.spec.errors import UserError


class ClassesStage(Stage):
    """The names of classes, in the order of their ids."""

    kind = "classes"

    def node(self, graph: Any, spec: Spec, options: Any) -> Node | None:
        """The classes of a training stage whose model has a head over them; None for any other.

        Raises:
            UserError: None of its corpora has labels.
        """
        model = spec.models[options.train]
        if "classifier" not in model.heads_needed(options, spec.views):
            return None
        names = model.head.classes or [
            part.of for part in options.data if "label" in graph.fields(spec, part.of)
        ]
        if not names:
            raise UserError(
                f"a classifier learns its classes from labels, and {options.data[0].of} has "
                f"{', '.join(graph.fields(spec, options.data[0].of))}; expected a corpus with a "
                "field `label`"
            )
        names = list(dict.fromkeys(names))

        def make() -> Node:
            inputs = {f"text.{i}": graph.corpus(spec, name) for i, name in enumerate(names)}
            return Node(self.kind, graph.own(spec, " and ".join(names)), spec, None, inputs, {})

        return graph.once((id(spec), "classes", *names), make)

    def size(self, node: Node, planned: Planned) -> int:
        """How many there are; two of labels that nobody has read yet."""
        folder = planned.folder(node)
        return folder.manifest()["summary"]["size"] if folder.done else 2

    def run(self, node: Node, folder: Any, context: Any) -> dict[str, Any]:
        from tfkd.pipeline.class_stages import run_classes

        return run_classes(node, folder, context)


STAGE = ClassesStage
