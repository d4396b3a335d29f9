"""BERT's options: a single sequence, of which each token sees both sides."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from tfkd.spec.options.base import Count, Name, Positive
from tfkd.spec.options.heads import HeadOptions
from tfkd.spec.options.models.family import Stack
from tfkd.spec.options.models.transformer_blocks import Activation, BlockOptions
from tfkd.spec.options.parts import classifier


class BertOptions(BlockOptions):
    """BERT: a bidirectional Transformer encoder (Devlin et al., 2019)."""

    single_sequence: ClassVar[bool] = True
    adapter_sides: ClassVar[tuple[str, ...]] = ("encoder",)
    published: ClassVar[str] = "tfkd.models.published.reading:ENCODERS"

    kind: Literal["bert"] = Field("bert", description="The kind of model.")
    tokenizer: Name = Field(description="Its tokenizer.")
    layers: Count = Field(description="How many blocks it has.")
    types: Count = Field(
        2, description="Token types (segments); a single one is that of all tokens."
    )
    embedding_width: Count | None = Field(
        None,
        description="Size of the embeddings, which a matrix brings to the width (ALBERT, ELECTRA); "
        "default: the width, without a matrix.",
    )
    activation: Activation = Field(
        "gelu", description="Of the feed-forward network; gelu is exact, by erf."
    )
    norm_epsilon: Positive = Field(1e-12, description="Epsilon of the normalizations.")
    initializer_range: Positive = Field(
        0.02, description="Standard deviation of new weights; for a narrow model about width^-0.5."
    )
    positions: Literal["sequence", "segment"] = Field(
        "sequence",
        description="sequence: counted through both segments, as published BERTs are; segment: the "
        "second segment counts anew, which a teacher trained from scratch learns to align by.",
    )
    head: HeadOptions | None = Field(
        None,
        description="The output head: masked_lm, over words (default: what the objective's terms "
        "need, tied), or classifier, over the classes of labels.",
    )

    @classmethod
    def shrunk(cls, plain: dict[str, Any]) -> dict[str, Any]:
        found = super().shrunk(plain)
        return found | ({"embedding_width": 8} if found.get("embedding_width") else {})

    @property
    def part_names(self) -> tuple[str, ...]:
        classes = ("classifier",) if classifier(self) is not None else ()
        return ("embedding", "encoder", "head", *classes)

    @property
    def stacks(self) -> dict[str, Stack]:
        return {"encoder": Stack(self.layers, self.width, False, self, self.width)}

    def weight_sizes(self) -> dict[str, Any]:
        more = {"layers": self.layers, "max_length": self.max_length, "types": self.types}
        narrow = {} if self.embedding_width is None else {"embedding_width": self.embedding_width}
        return self.block_sizes | more | narrow

    def body_parameters(self, vocabulary: int) -> dict[str, int]:
        """The weights of its parts without a head."""
        rows, narrow = vocabulary + self.max_length + self.types, self.embedding_width
        projection = 0 if narrow is None else (narrow + 1) * self.width
        return {
            "embedding": (rows + 2) * (narrow or self.width) + projection,
            "encoder": self.layers * self.block_parameters(),
        }

    def head_parameters(self, vocabulary: int) -> int:
        """The weights of its head over words; its matrix is its own unless it is tied."""
        width = self.embedding_width or self.width
        transform = width * (self.width + 3)
        return transform + vocabulary * (width * self.has_own_matrix + 1)

    def part_parameters(self, vocabularies: Mapping[str, int]) -> dict[str, int]:
        vocabulary, classes = vocabularies["text"], vocabularies.get("classes")
        found = self.body_parameters(vocabulary)
        if classes is None or vocabularies.get("words"):
            found["head"] = self.head_parameters(vocabularies.get("head") or vocabulary)
        if classes is not None:
            pooled = 0 if classifier(self).activation == "none" else self.width
            found["classifier"] = (pooled + classes) * (self.width + 1)
        return found
