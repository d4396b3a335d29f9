"""Corpora in ids: all that a model reads of them."""

from typing import Any

from tfkd.pipeline.graph import Node
from tfkd.pipeline.model_tokenizers import model_tokenizers
from tfkd.pipeline.stage import Stage
from tfkd.spec import Spec
from tfkd.spec.errors import UserError


class IdsStage(Stage):
    """One field of a corpus in ids: of a tokenizer's pieces, or of classes."""

    kind = "ids"

    def node(self, graph: Any, spec: Spec, corpus: str, field: str, tokenizer: str) -> Node:
        """One field of a corpus in one tokenizer's ids."""
        return graph.once(
            (id(spec), "ids", corpus, field, tokenizer),
            lambda: self._node(graph, spec, corpus, field, tokenizer, {"field": field}),
        )

    def _node(
        self, graph: Any, spec: Spec, corpus: str, field: str, pieces: Any, identity: Any
    ) -> Node:
        name = pieces if isinstance(pieces, str) else pieces.kind
        tokenizer = graph.tokenizer(spec, pieces) if isinstance(pieces, str) else pieces
        inputs = {"text": graph.corpus(spec, corpus), "tokenizer": tokenizer}
        label = graph.own(spec, f"{corpus}.{field}.{name}")
        return Node(self.kind, label, spec, None, inputs, identity)

    def part(
        self,
        graph: Any,
        spec: Spec,
        role: str,
        corpus: str,
        model: Any,
        swap: bool = False,
        classes: Node | None = None,
    ) -> dict[str, Node]:
        """A corpus's ids that a model reads, and the corpus itself, which tells what a store's rows
        belong to, by role.

        Args:
            graph: The graph's builder.
            spec: The spec of the corpus.
            role: The corpus's own: `data.I`, `data` or `validate`.
            corpus: Its name.
            model: The model's options.
            swap: Source and target change places.
            classes: Those that the model tells apart.

        Raises:
            UserError: The corpus lacks fields that the model reads.
        """
        found = {
            f"{role}.ids.{field}.{i}": self.node(graph, spec, corpus, field, name)
            for i, (field, name) in enumerate(_read(graph, spec, corpus, model, swap))
        }
        if classes is not None:
            own = self._classified(graph, spec, role, corpus, model, classes)
            # The marked text stands for the text.
            keys = {key.rpartition(".")[0] for key in found}
            replaced = keys & own.keys()
            found = {k: n for k, n in found.items() if k.rpartition(".")[0] not in replaced} | own
        return {**found, f"{role}.corpus": graph.corpus(spec, corpus)}

    def _classified(
        self, graph: Any, spec: Spec, role: str, corpus: str, model: Any, classes: Node
    ) -> dict[str, Node]:
        """What a classifier reads of a corpus beside its texts, by role: labels, where it has
        some, and marks; the marked text in place of the text."""
        found = {}
        if "label" in graph.fields(spec, corpus):
            found[f"{role}.ids.label"] = graph.once(
                (id(spec), "labels", corpus, classes.key),
                lambda: self._node(graph, spec, corpus, "label", classes, {"field": "label"}),
            )
        for field in ("text", "mark") if model.head.read == "mark" else ():
            found[f"{role}.ids.{field}"] = self._marked(graph, spec, corpus, field, model.tokenizer)
        return found

    def _marked(self, graph: Any, spec: Spec, corpus: str, field: str, tokenizer: str) -> Node:
        fields = graph.fields(spec, corpus)
        if not {"text", "mark"} <= set(fields):
            raise UserError(
                f"data.{corpus}: a head that reads the mark needs the fields text and mark; "
                f"this corpus has {', '.join(fields)}"
            )
        identity = {"field": field, "cut": "mark"}
        return graph.once(
            (id(spec), "marked", corpus, field, tokenizer),
            lambda: self._node(graph, spec, corpus, field, tokenizer, identity),
        )

    def run(self, node: Node, folder: Any, context: Any) -> dict[str, Any]:
        from tfkd.pipeline.text_stages import run_ids

        return run_ids(node, folder, context)


def _read(graph: Any, spec: Spec, corpus: str, model: Any, swap: bool) -> list[tuple[str, str]]:
    """The fields of a corpus that a model reads, each with the tokenizer that it reads it by."""
    sides = model_tokenizers(model)
    fields = graph.fields(spec, corpus)
    if "text" in sides:
        return [(field, sides["text"]) for field in graph.texts(spec, corpus)]
    if {"source", "target"} <= set(fields):
        turned = {"source": "target", "target": "source"} if swap else {}
        wanted = [(turned.get(side, side), sides[side]) for side in ("source", "target")]
        return list(dict.fromkeys(wanted))
    if "text" not in fields or len({*sides.values()}) > 1:
        raise UserError(
            f"data.{corpus}: an encoder-decoder needs the fields source and target; "
            f"this corpus has {', '.join(fields)}"
        )
    return [("text", sides["source"])]  # both sides read it, in a view of one text


STAGE = IdsStage
