"""GPT-2's options: a single sequence, of which each token sees those before it."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from tfkd.spec.options.base import Count, Name, Positive
from tfkd.spec.options.models.family import Stack
from tfkd.spec.options.models.transformer_blocks import Activation, BlockOptions


class Gpt2Options(BlockOptions):
    """GPT-2: a causal Transformer that predicts each next token (Radford et al., 2019)."""

    single_sequence: ClassVar[bool] = True
    is_causal: ClassVar[bool] = True
    adapter_sides: ClassVar[tuple[str, ...]] = ("decoder",)
    published: ClassVar[str] = "tfkd.models.published.reading:DECODERS"

    kind: Literal["gpt2"] = Field("gpt2", description="The kind of model.")
    tokenizer: Name = Field(description="Its tokenizer.")
    layers: Count = Field(description="How many blocks it has.")
    max_length: Count = Field(1024, description="Positions that the model knows.")
    activation: Activation = Field("gelu_tanh", description="gelu_tanh, as it was published.")
    norm_epsilon: Positive = Field(1e-5, description="Epsilon of the normalizations.")
    initializer_range: Positive = Field(
        0.02,
        description="Standard deviation of new weights, less for those that a sub-layer ends "
        "with; for a narrow model about width^-0.5.",
    )

    @property
    def positions(self) -> str:
        """They are learned."""
        return "learned"

    @property
    def part_names(self) -> tuple[str, ...]:
        return ("embedding", "decoder")

    @property
    def stacks(self) -> dict[str, Stack]:
        return {"decoder": Stack(self.layers, self.width, False, self, self.width)}

    def weight_sizes(self) -> dict[str, Any]:
        return self.block_sizes | {"layers": self.layers, "max_length": self.max_length}

    def part_parameters(self, vocabularies: Mapping[str, int]) -> dict[str, int]:
        return {
            "embedding": (vocabularies["text"] + self.max_length) * self.width,
            "decoder": self.layers * self.block_parameters() + 2 * self.width,
        }
