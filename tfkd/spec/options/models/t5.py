"""Options of T5."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from tfkd.spec.options.base import Count, Name, Positive, Rate
from tfkd.spec.options.models.attention_sizes import FLOAT
from tfkd.spec.options.models.family import ModelOptions
from tfkd.spec.options.models.transformer_blocks import Activation


class T5Options(ModelOptions):
    """T5, mT5 or FLAN-T5: an encoder-decoder with relative positions (Raffel et al., 2020)."""

    encoder_terms: ClassVar[bool] = True
    published: ClassVar[str] = "tfkd.models.published.reading:T5S"
    quantizes: ClassVar[bool] = True
    lists: ClassVar[bool] = True

    kind: Literal["t5"] = Field("t5", description="The kind of model.")
    tokenizer: Name = Field(description="The tokenizer of both sides.")
    encoder_layers: Count = Field(description="How many blocks the encoder has.")
    decoder_layers: Count = Field(description="How many blocks the decoder has.")
    width: Count = Field(description="Size of the hidden vectors.")
    heads: Count = Field(description="Attention heads.")
    head_size: Count | None = Field(None, description="Size of a head; default width / heads.")
    feed_forward: Count | None = Field(None, description="Inner size; default 4 x width.")
    gated: bool = Field(
        False, description="Whether feed-forward networks have a gate: T5 1.1, mT5, FLAN."
    )
    activation: Activation = Field("relu", description="Of the feed-forward networks.")
    dropout: Rate = Field(0.1, description="Dropout on embeddings, sub-layers and attention.")
    norm_epsilon: Positive = Field(1e-6, description="Epsilon of the normalizations.")
    buckets: Count = Field(32, description="How many distances of positions are told apart.")
    max_distance: Count = Field(128, description="From where on all distances are one.")
    output: Literal["scaled", "tied", "own"] = Field(
        "scaled",
        description="scaled: the embedding again, states divided by the root of the width (T5); "
        "tied: the embedding; own: a matrix of its own (T5 1.1, mT5, FLAN).",
    )
    max_length: Count = Field(
        512, description="The most tokens of a source that is decoded, and of an output."
    )

    @property
    def part_names(self) -> tuple[str, ...]:
        names = ("embedding", "encoder_bias", "encoder", "decoder_bias", "decoder")
        return (*names, "head") if self.output == "own" else names

    @property
    def _inner(self) -> int:
        return self.heads * (self.head_size or self.width // self.heads)

    @property
    def _feed_forward(self) -> int:
        return self.feed_forward or 4 * self.width

    def weight_sizes(self) -> dict[str, Any]:
        names = ("encoder_layers", "decoder_layers", "width", "heads", "gated", "buckets", "output")
        found = {name: getattr(self, name) for name in names}
        return found | {"head_size": self._inner, "feed_forward": self._feed_forward}

    def part_parameters(self, vocabularies: Mapping[str, int]) -> dict[str, int]:
        table = vocabularies["target"] * self.width
        attention = 4 * self.width * self._inner + self.width
        inner = (2 + self.gated) * self.width * self._feed_forward + self.width
        found = {
            "embedding": table,
            "encoder_bias": self.buckets * self.heads,
            "encoder": self.encoder_layers * (attention + inner) + self.width,
            "decoder_bias": self.buckets * self.heads,
            "decoder": self.decoder_layers * (2 * attention + inner) + self.width,
        }
        return found | ({"head": table} if self.output == "own" else {})

    def encoder_parameters(self, vocabulary: int) -> int:
        found = self.part_parameters({"target": vocabulary})
        return found["embedding"] + found["encoder_bias"] + found["encoder"]

    def _block_kept(self, step: Any, cross: bool) -> int:
        """Bytes a token that a block keeps for the backward pass."""
        parts, mask = 3 if cross else 2, step.mask(self.dropout)
        # Queries, keys, values, what comes of them; weights in float32, as used, and their mask.
        attention = 4 * self._inner * step.item
        attention += self.heads * step.longest * (FLOAT + step.item + mask)
        kept = parts * self.width * (FLOAT + step.item + mask) + (parts - 1) * attention
        inner = self._feed_forward
        if self.gated:  # gate and up, the gate's activation, and their product
            return kept + inner * (4 * step.item + mask)
        if step.fused or self.activation == "relu":
            return kept + inner * (2 * step.item + mask)
        return kept + inner * (2 * FLOAT + step.item + mask)

    def kept(self, step: Any, *, adapters_alone: bool = False, target: float = 1.0) -> float:
        rows = self.width * (FLOAT + step.item + step.mask(self.dropout))
        encoder = self.encoder_layers * self._block_kept(step, cross=False) + rows
        decoder = self.decoder_layers * self._block_kept(step, cross=True) + rows
        return encoder + target * decoder

    def encoder_kept(self, step: Any) -> int:
        rows = self.width * (FLOAT + step.item + step.mask(self.dropout))
        return self.encoder_layers * self._block_kept(step, cross=False) + rows

    def taught(self, item: int, step: Any) -> int:
        pairs = self.heads * step.longest * (FLOAT + item)
        inner = (2 + self.gated) * self._feed_forward * item
        return 4 * self.width * item + max(inner, 3 * self._inner * item + pairs)
