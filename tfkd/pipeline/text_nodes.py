"""What the graph has for text: corpora, tokenizers, and corpora in a tokenizer's ids."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfkd.data.transforms import text_fields
from tfkd.data.undone_tokenization import REVISION as DETOKENIZE_REVISION
from tfkd.pipeline.data_folder import DataFolder
from tfkd.pipeline.graph import Node
from tfkd.pipeline.identity import plain, raised
from tfkd.pipeline.model_tokenizers import model_tokenizers
from tfkd.spec import Spec, registry
from tfkd.spec.errors import UserError


class TextNodes:
    """The part of `GraphBuilder` that knows where a model's ids come from."""

    _data_dir: Path
    _files: DataFolder
    stage: Callable[[Spec, str], Node]
    _once: Callable[[tuple, Callable[[], Node]], Node]
    _own: Callable[[Spec, str], str]

    def corpus(self, spec: Spec, name: str) -> Node:
        """A corpus's text: read, checked and transformed, or what a translate stage writes."""
        if name in spec.stages:
            return self.stage(spec, name)
        return self._once((id(spec), "corpus", name), lambda: self._corpus(spec, name))

    def _corpus(self, spec: Spec, name: str) -> Node:
        options = spec.data[name]
        others = {
            other: self.corpus(spec, other.partition(".")[0]) for other in options.drop_overlap
        }
        # What is allowed changes no row of what is made.
        identity = plain(options, without={"drop_overlap", "max_bad_rows"})
        identity |= raised("corpus", options.kind)
        if options.detokenize is not None:
            identity["detokenize_revision"] = DETOKENIZE_REVISION
        identity["overlap"] = [other.partition(".")[2] for other in others]
        identity |= self._files.corpus(spec, name, identity, self._data_dir)
        inputs = {f"overlap.{i}": node for i, node in enumerate(others.values())}
        return Node("corpus", self._own(spec, name), spec, options, inputs, identity)

    def fields(self, spec: Spec, name: str) -> tuple[str, ...]:
        """A corpus's fields."""
        return (spec.stages if name in spec.stages else spec.data)[name].field_names

    def texts(self, spec: Spec, name: str) -> list[str]:
        """Those of a corpus's fields that hold text."""
        fields = self.fields(spec, name)
        return [fields[index] for index in text_fields(fields)]

    def tokenizer(self, spec: Spec, name: str) -> Node:
        """A tokenizer: learnt, or read from a file or preset."""
        return self._once((id(spec), "tokenizer", name), lambda: self._tokenizer(spec, name))

    def _tokenizer(self, spec: Spec, name: str) -> Node:
        options = spec.tokenizers[name]
        identity = plain(options, without={"learn_from", "vocabulary", "merges", "preset", "keep"})
        identity["revision"] = registry.lookup("tokenizer", options.kind).revision
        inputs, identity["fields"] = {}, []
        # The text to learn from, or that a vocabulary is cut down to.
        keep = getattr(options, "keep", None)
        seen_in = keep.seen_in if keep else []
        for i, reference in enumerate(options.learn_from or seen_in):
            corpus, _, field = reference.partition(".")
            inputs[f"text.{i}"] = self.corpus(spec, corpus)
            identity["fields"].append(field or self.texts(spec, corpus))
        if not options.learn_from:
            identity["origin"] = self._files.vocabulary(spec, name, self._data_dir)
        return Node("tokenizer", self._own(spec, name), spec, options, inputs, identity)

    def ids(self, spec: Spec, corpus: str, field: str, tokenizer: str) -> Node:
        """One field of a corpus in one tokenizer's ids."""

        def make() -> Node:
            inputs = {
                "text": self.corpus(spec, corpus),
                "tokenizer": self.tokenizer(spec, tokenizer),
            }
            label = self._own(spec, f"{corpus}.{field}.{tokenizer}")
            return Node("ids", label, spec, None, inputs, {"field": field})

        return self._once((id(spec), "ids", corpus, field, tokenizer), make)

    def encoded(
        self, spec: Spec, corpus: str, model: Any, swap: bool = False
    ) -> dict[tuple[str, str], Node]:
        """All ids of a corpus that a model reads, by field and tokenizer."""
        sides = model_tokenizers(model)
        fields = self.fields(spec, corpus)
        if "text" in sides:
            wanted = [(field, sides["text"]) for field in self.texts(spec, corpus)]
        elif not {"source", "target"} <= set(fields):
            if "text" not in fields or len({*sides.values()}) > 1:
                raise UserError(
                    f"data.{corpus}: an encoder-decoder needs the fields source and target; "
                    f"this corpus has {', '.join(fields)}"
                )
            wanted = [("text", sides["source"])]  # both sides read it, in a view of one text
        else:
            turned = {"source": "target", "target": "source"} if swap else {}
            wanted = [(turned.get(side, side), sides[side]) for side in ("source", "target")]
        return {(field, name): self.ids(spec, corpus, field, name) for field, name in wanted}
