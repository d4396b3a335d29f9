"""The Transformer's options, and those of its decoder behind another encoder."""

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from tfkd.spec.options.base import Count, Name, Positive
from tfkd.spec.options.encoder_decoder import (
    DECODER_ATTENTION,
    LENGTHS,
    DecoderAttention,
    Lengths,
    OwnTables,
    SideTokenizers,
    with_lengths,
)
from tfkd.spec.options.family import Stack
from tfkd.spec.options.transformer_blocks import Activation, BlockOptions


class TransformerOptions(OwnTables, BlockOptions):
    """The Transformer encoder-decoder (Vaswani et al., 2017)."""

    adapter_sides: ClassVar[tuple[str, ...]] = ("encoder", "decoder")

    kind: Literal["transformer"] = Field("transformer", description="The kind of model.")
    tokenizer: Name | SideTokenizers = Field(description="One for both sides, or one a side.")
    encoder_layers: Count = Field(description="Blocks of the encoder.")
    decoder_layers: Count = Field(description="Blocks of the decoder.")
    activation: Activation = Field("relu", description="Of the feed-forward networks.")
    norm: Literal["post", "pre"] = Field("post", description="Where layers are normalized.")
    norm_epsilon: Positive = Field(1e-6, description="Epsilon of the normalizations.")
    positions: Literal["sinusoidal", "learned"] = Field("sinusoidal", description="Positions.")
    share_embeddings: Literal["all", "target", "none"] | None = Field(
        None,
        description="all: source, target and output share one table; target: target and output; "
        "default: all with one tokenizer, else target.",
    )
    output_bias: bool = Field(True, description="Whether the output has a bias.")
    decoder_attention: DecoderAttention = Field("causal", description=DECODER_ATTENTION)
    lengths: Lengths | None = Field(None, description=LENGTHS)

    _lengths_of_full = model_validator(mode="after")(with_lengths)

    @model_validator(mode="after")
    def _halves(self) -> Any:
        if self.positions == "sinusoidal" and self.width % 2:
            raise ValueError(
                f"width is {self.width}; expected an even one with sinusoidal positions"
            )
        return self

    @property
    def stacks(self) -> dict[str, Stack]:
        return {
            "encoder": Stack(self.encoder_layers, self.width, False, self),
            "decoder": Stack(self.decoder_layers, self.width, True, self),
        }

    def weight_sizes(self) -> dict[str, Any]:
        sizes = self.block_sizes | {
            "encoder_layers": self.encoder_layers,
            "decoder_layers": self.decoder_layers,
            "positions": self.positions,
            "share_embeddings": self.sharing,
            "output_bias": self.output_bias,
            "lengths": self.lengths,
        }
        return sizes | ({"max_length": self.max_length} if self.positions == "learned" else {})


class TransformerDecoderOptions(BlockOptions):
    """A Transformer's decoder behind an encoder of another kind, trained from scratch."""

    tokenizer: Name = Field(description="The target's tokenizer.")
    layers: Count = Field(description="Blocks.")
    activation: Activation = Field("relu", description="Of the feed-forward networks.")
    norm: Literal["post", "pre"] = Field("post", description="Where layers are normalized.")
    norm_epsilon: Positive = Field(1e-6, description="Epsilon of the normalizations.")
    positions: Literal["sinusoidal", "learned"] = Field("sinusoidal", description="Positions.")
    output_bias: bool = Field(True, description="Whether the output has a bias.")

    def weight_sizes(self) -> dict[str, Any]:
        return self.block_sizes | {"layers": self.layers, "output_bias": self.output_bias}
