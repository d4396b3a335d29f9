"""The Transformer's options, and those of its decoder behind another encoder."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from tfkd.spec.options.base import Count, Name, Positive
from tfkd.spec.options.models.encoder_decoder import (
    DECODER_ATTENTION,
    LENGTHS,
    DecoderAttention,
    Lengths,
    OwnTables,
    SideTokenizers,
    with_lengths,
)
from tfkd.spec.options.models.family import Stack
from tfkd.spec.options.models.transformer_blocks import Activation, BlockOptions


class TransformerOptions(OwnTables, BlockOptions):
    """The Transformer encoder-decoder (Vaswani et al., 2017)."""

    adapter_sides: ClassVar[tuple[str, ...]] = ("encoder", "decoder")
    lists: ClassVar[bool] = True
    published: ClassVar[str] = "tfkd.models.published.reading:TRANSLATORS"

    kind: Literal["transformer"] = Field("transformer", description="The kind of model.")
    tokenizer: Name | SideTokenizers = Field(description="One for both sides, or one a side.")
    encoder_layers: Count = Field(description="How many blocks the encoder has.")
    decoder_layers: Count = Field(description="How many blocks the decoder has.")
    activation: Activation = Field("relu", description="Of the feed-forward networks.")
    norm: Literal["post", "pre"] = Field("post", description="Where layers are normalized.")
    norm_epsilon: Positive = Field(1e-6, description="Epsilon of the normalizations.")
    positions: Literal["sinusoidal", "learned"] = Field(
        "sinusoidal", description="Vectors of positions: fixed sines, or learned."
    )
    share_embeddings: Literal["all", "target", "none"] | None = Field(
        None,
        description="all: source, target and output share one table; target: target and output; "
        "default: all with one tokenizer, else target.",
    )
    output_bias: bool = Field(True, description="Whether the output has a bias.")
    scale_embeddings: bool = Field(
        True, description="Whether tokens are scaled by the root of the width where they are read."
    )
    embedding_norm: bool = Field(
        False, description="Whether the sum of tokens and positions is normalized, as BART's is."
    )
    source_lead: str | None = Field(
        None,
        description="A piece that the model puts in front of each source: BART's <s>, or the "
        "language that a translator of several is to write, like >>fra<<.",
    )
    target_lead: str | None = Field(
        None, description="A piece that it puts in front of each target's start: BART's </s>."
    )
    decoder_attention: DecoderAttention = Field("causal", description=DECODER_ATTENTION)
    lengths: Lengths | None = Field(None, description=LENGTHS)

    _lengths_of_full = model_validator(mode="after")(with_lengths)

    @model_validator(mode="after")
    def _led(self) -> Any:
        full = self.decoder_attention == "full" or self.lengths is not None
        if full and (self.source_lead or self.target_lead):
            raise ValueError("source_lead and target_lead are of a decoder from left to right")
        return self

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
            "encoder": Stack(self.encoder_layers, self.width, False, self, self.width),
            "decoder": Stack(self.decoder_layers, self.width, True, self, self.width),
        }

    def side_limits(self, pad_to: int) -> dict[str, int]:
        """Of learned positions one fewer where a token stands in front."""
        limits = super().side_limits(pad_to)
        for side in limits if self.positions == "learned" else ():
            left = self.max_length - (getattr(self, f"{side}_lead") is not None)
            limits[side] = min(limits[side], left // pad_to * pad_to)
        return limits

    def weight_sizes(self) -> dict[str, Any]:
        sizes = self.block_sizes | {
            "encoder_layers": self.encoder_layers,
            "decoder_layers": self.decoder_layers,
            "positions": self.positions,
            "share_embeddings": self.sharing,
            "output_bias": self.output_bias,
            "lengths": self.lengths,
            "embedding_norm": self.embedding_norm,
        }
        return sizes | ({"max_length": self.max_length} if self.positions == "learned" else {})

    def part_parameters(self, vocabularies: Mapping[str, int]) -> dict[str, int]:
        last = 2 * self.width if self.norm == "pre" else 0
        found = {
            "encoder": self.encoder_layers * self.block_parameters() + last,
            "decoder": self.decoder_layers * self.block_parameters(self.width) + last,
            **self.table_parameters(vocabularies),
        }
        if self.positions == "learned":
            table = self.max_length * self.width
            found |= {"encoder_positions": table, "decoder_positions": table}
        if self.embedding_norm:
            found |= {"encoder_norm": 2 * self.width, "decoder_norm": 2 * self.width}
        return found | ({} if self.lengths is None else {"lengths": self.lengths * self.width})

    def encoder_parameters(self, vocabulary: int) -> int:
        return vocabulary * self.width + self.encoder_layers * self.block_parameters()

    def encoder_kept(self, step: Any) -> int:
        return self.encoder_layers * self.block_kept(step) + self.embedding_kept(step)

    def taught(self, item: int, step: Any) -> int:
        # The encoder's last states, and keys and values of them for all of the decoder's blocks,
        # which are ready at once.
        ready = (1 + 2 * self.decoder_layers) * self.width * item
        return super().taught(item, step) + ready


class TransformerDecoderOptions(BlockOptions):
    """A Transformer's decoder behind an encoder of another kind, trained from scratch."""

    tokenizer: Name = Field(description="The target's tokenizer.")
    layers: Count = Field(description="How many blocks the decoder has.")
    activation: Activation = Field("relu", description="Of the feed-forward networks.")
    norm: Literal["post", "pre"] = Field("post", description="Where layers are normalized.")
    norm_epsilon: Positive = Field(1e-6, description="Epsilon of the normalizations.")
    positions: Literal["sinusoidal", "learned"] = Field(
        "sinusoidal", description="Vectors of positions: fixed sines, or learned."
    )
    output_bias: bool = Field(True, description="Whether the output has a bias.")

    def weight_sizes(self) -> dict[str, Any]:
        return self.block_sizes | {"layers": self.layers, "output_bias": self.output_bias}

    def decoder_parameters(self, vocabulary: int, memory: int) -> int:
        """All its weights, behind an encoder whose states have the width `memory`."""
        found = vocabulary * self.width + self.layers * self.block_parameters(memory)
        found += 2 * self.width if self.norm == "pre" else 0
        found += vocabulary if self.output_bias else 0
        return found + (self.max_length * self.width if self.positions == "learned" else 0)
