"""Corpora in ids: all that a model reads of them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tfkd.data.classes import SeveralClasses, labels_in
from tfkd.data.encoded import EncodedField, EncodedShards, encode_corpus
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.text_stages import open_classes, open_text, open_tokenizer
from tfkd.spec import Spec
from tfkd.spec.errors import UserError

# Labels in a message, and those read for it.
_NAMED, _READ = 5, 1000


class Encoded(NamedTuple):
    """A field of a corpus in ids.

    Attributes:
        field: Its name.
        tokenizer: The tokenizer's, as the spec has it; "classes" of labels.
        encode: What encodes it, of texts that are cut before; else `encode_corpus`.
    """

    field: str
    tokenizer: str
    encode: Any = None


class IdsStage(Stage):
    """One field of a corpus in ids: of a tokenizer's pieces, or of classes."""

    kind = "ids"

    def node(
        self, graph: Any, spec: Spec, corpus: str, field: str, name: str, tokenizer: Node
    ) -> Node:
        """One field of a corpus in one tokenizer's ids; `name` is what its spec calls it, which may
        be another than the corpus's."""
        return graph.once(
            (id(spec), "ids", corpus, field, tokenizer.key),
            lambda: self._node(graph, spec, corpus, name, tokenizer, {"field": field}),
        )

    def _node(
        self,
        graph: Any,
        spec: Spec,
        corpus: str,
        name: str,
        tokenizer: Node,
        identity: dict[str, str],
        encode: Any = None,
    ) -> Node:
        inputs = {Role.TEXT: graph.corpus(spec, corpus), Role.TOKENIZER: tokenizer}
        field = identity["field"]
        label = graph.own(spec, f"{corpus}.{field}.{name}")
        return Node(self.kind, label, spec, Encoded(field, name, encode), inputs, identity)

    def labels(self, graph: Any, spec: Spec, corpus: str, classes: Node) -> Node:
        """A corpus's labels in ids of classes."""
        return graph.once(
            (id(spec), "labels", corpus, classes.key),
            lambda: self._node(graph, spec, corpus, classes.kind, classes, {"field": "label"}),
        )

    def of_text(self, graph: Any, spec: Spec, text: Node, like: Node) -> Node:
        """A field of another text in ids, cut as those of a node are."""
        inputs = {Role.TEXT: text, Role.TOKENIZER: like.inputs[Role.TOKENIZER]}
        label = f"{text.label}.{like.options.field}.{like.options.tokenizer}"
        return graph.once(
            (id(spec), "ids", text.key, like.key),
            lambda: Node(self.kind, label, spec, like.options, inputs, like.identity),
        )

    def cut(
        self,
        graph: Any,
        spec: Spec,
        corpus: str,
        field: str,
        name: str,
        tokenizer: Node,
        how: str,
        encode: Any,
    ) -> Node:
        """One field of a corpus in ids of a text that is cut before.

        Args:
            graph: The graph's builder.
            spec: The spec of the corpus.
            corpus: Its name.
            field: The field.
            name: What the tokenizer's spec calls it.
            tokenizer: The tokenizer.
            how: What the cut is called in fingerprints.
            encode: `(text, field, tokenizer, folder)`, which writes what `encode_corpus` does.
        """
        identity = {"field": field, "cut": how}
        return graph.once(
            (id(spec), how, corpus, field, tokenizer.key),
            lambda: self._node(graph, spec, corpus, name, tokenizer, identity, encode),
        )

    def part(
        self,
        graph: Any,
        spec: Spec,
        role: str,
        corpus: str,
        model: Any,
        swap: bool = False,
        own: Any = None,
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
            own: A stage of the model, whose task says what it reads beside texts; or the task with
                the inputs that such a stage will have.

        Raises:
            UserError: The corpus lacks fields that the model reads.
        """
        task, inputs = own if isinstance(own, tuple) else (own.task, own.trained.inputs)
        ids = task.ids(graph, spec, corpus, (model, inputs))
        pieces = _tokenizers_of(model, inputs)
        texts = {
            f"{field}.{i}": self.node(graph, spec, corpus, field, name, pieces[name])
            for i, (field, name) in enumerate(_read(graph, spec, corpus, model, swap))
            if field not in ids  # a marked text stands for the text
        }
        found = {f"{role}.{Role.IDS}.{field}": node for field, node in (texts | ids).items()}
        return {**found, f"{role}.{Role.CORPUS}": graph.corpus(spec, corpus)}

    def shards(self, node: Node, folder: StageFolder, context: Context) -> EncodedShards | None:
        """Parts of a long text."""
        tokenizer = node.inputs[Role.TOKENIZER]
        if tokenizer.kind == "classes" or node.options.encode is not None:
            return None
        text, field = open_text(node.inputs[Role.TEXT], context), node.identity["field"]
        told = context.told_progress(node.label)
        pieces = open_tokenizer(tokenizer, context)
        found = EncodedShards(text, field, pieces, folder.work, folder.key, told)
        return found if len(found) > 1 else None

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Encodes one field of a corpus once."""
        if node.inputs[Role.TOKENIZER].kind == "classes":
            return self._labels(node, folder, context)
        text = open_text(node.inputs[Role.TEXT], context)
        tokenizer = open_tokenizer(node.inputs[Role.TOKENIZER], context)
        field = node.identity["field"]
        if node.options.encode is not None:
            node.options.encode(text, field, tokenizer, folder.path)
        else:
            progress = context.told_progress(node.label)
            work = {"work": folder.scratch, "of": folder.key}
            encode_corpus(text, field, tokenizer, folder.path, **work, progress=progress)
        tokens = int(EncodedField.open(folder.path).lengths.sum())
        return {"rows": len(text), "tokens": tokens, "brief": f"{tokens:,} tokens"}

    def _labels(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Encodes the labels of a corpus; counts those that are no class.

        Raises:
            UserError: None of them is a class: no figure would say anything.
        """
        text, classes = (
            open_text(node.inputs[Role.TEXT], context),
            open_classes(node.inputs[Role.TOKENIZER], context),
        )
        told = node.inputs[Role.TOKENIZER].label
        several = bool(node.inputs[Role.TOKENIZER].identity.get("several"))
        pieces = SeveralClasses(classes) if several else classes
        meta = encode_corpus(text, "label", pieces, folder.path)
        count = meta["tokens"]
        if meta["unknown"] == count:
            lines = text.lines("label", 0, _READ)
            found = sorted({label for line in lines for label in labels_in(line, several)})[:_NAMED]
            raise UserError(
                f"data.{node.inputs[Role.TEXT].label}: none of its {count:,} labels, like "
                f"{', '.join(map(repr, found))}, is a class of {told}, which has "
                f"{', '.join(map(repr, classes.names[:_NAMED]))}. Expected the same names in "
                "both: see the corpora's `columns`"
            )
        brief = f"{count:,} labels"
        if meta["unknown"]:
            brief += f", {meta['unknown']:,} of them no class of {told}"
        return {
            "rows": len(text), "tokens": count, "unknown": meta["unknown"], "brief": brief
        }  # fmt: skip


def _tokenizers_of(model: Any, inputs: Mapping[str, Node]) -> dict[str, Node]:
    """A model's tokenizers, by the names that its own spec has for them: a variant, or another
    spec, may have others of these names.

    Args:
        model: The model's options.
        inputs: Those of a stage of it.
    """
    return {name: inputs[Role.TOKENIZER.of(side)] for side, name in model.tokenizers.items()}


def _read(graph: Any, spec: Spec, corpus: str, model: Any, swap: bool) -> list[tuple[str, str]]:
    """The fields of a corpus that a model reads, each with the tokenizer that it reads it by."""
    sides = model.tokenizers
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
