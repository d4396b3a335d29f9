"""BERT's options: a single sequence, of which each token sees both sides."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from tfkd.spec.options.base import Count, Name, Positive
from tfkd.spec.options.family import Stack
from tfkd.spec.options.heads import HeadOptions
from tfkd.spec.options.parts import classifier
from tfkd.spec.options.transformer_blocks import Activation, BlockOptions


class BertOptions(BlockOptions):
    """BERT: a bidirectional Transformer encoder (Devlin et al., 2019)."""

    single_sequence: ClassVar[bool] = True
    adapter_sides: ClassVar[tuple[str, ...]] = ("encoder",)
    published: ClassVar[str] = "tfkd.models.published_config:PublishedBert"

    kind: Literal["bert"] = Field("bert", description="The kind of model.")
    tokenizer: Name = Field(description="Its tokenizer.")
    layers: Count = Field(description="Blocks.")
    types: Count = Field(2, description="Token types (segments).")
    activation: Activation = Field("gelu", description="gelu is exact, by erf.")
    norm_epsilon: Positive = Field(1e-12, description="Epsilon of the normalizations.")
    initializer_range: Positive = Field(
        0.02, description="Spread of new weights; for a narrow model about width^-0.5."
    )
    positions: Literal["stream", "segment"] = Field(
        "stream",
        description="stream: counted through both segments, as published BERTs are; segment: the "
        "second segment counts anew, which a teacher trained from scratch learns to align by.",
    )
    head: HeadOptions | None = Field(
        None,
        description="The output head: masked_lm, over words (default: what the objective's terms "
        "need, tied), or classifier, over the classes of labels.",
    )

    @property
    def part_names(self) -> tuple[str, ...]:
        classes = ("classifier",) if classifier(self) is not None else ()
        return ("embedding", "encoder", "head", *classes)

    @property
    def stacks(self) -> dict[str, Stack]:
        return {"encoder": Stack(self.layers, self.width, False, self)}

    def weight_sizes(self) -> dict[str, Any]:
        more = {"layers": self.layers, "max_length": self.max_length, "types": self.types}
        return self.block_sizes | more
