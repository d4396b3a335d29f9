"""Options of adapters."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from tfkd.spec.options.base import Count, Options, Positive, Rate
from tfkd.spec.options.models.attention_sizes import attention_kept, attention_parameters

Place = Literal[
    "after_block",
    "beside_self_attention",
    "beside_cross_attention",
    "beside_feed_forward",
    "on_self_attention_query_key_value",
    "on_self_attention_output",
    "on_cross_attention_query",
    "on_cross_attention_key_value",
    "on_cross_attention_output",
    "on_feed_forward_inner",
    "on_feed_forward_outer",
]


class Top(Options):
    """The top layers."""

    top: Count = Field(description="How many blocks, counted from the top.")


class AdapterOptions(Options):
    """Where adapters stand; the options of a plugin's kind extend it.

    Attributes:
        quantizes: As of a model, see `ModelOptions`.
        folds: Whether its layer, on a projection, adds its input times a matrix to it. The layer's
            `product()` is that matrix, `[in, out]`, and exports add it to the projection's own.
    """

    quantizes: ClassVar[bool] = False
    folds: ClassVar[bool] = False

    layers: Literal["all"] | Top | Annotated[list[Count], Field(min_length=1)] = Field(
        "all", description="all, {top: N}, or a list of layers' numbers, counted from 1."
    )
    place: Place = Field("after_block", description="Where in a block it stands.")

    def numbers(self, layers: int) -> list[int]:
        """The layers that have one, of a stack of so many.

        Raises:
            ValueError: There are fewer.
        """
        if self.layers == "all":
            return list(range(1, layers + 1))
        if isinstance(self.layers, Top):
            if self.layers.top > layers:
                raise ValueError(f"the top {self.layers.top} of {layers} layers")
            return list(range(layers - self.layers.top + 1, layers + 1))
        if beyond := [number for number in self.layers if number > layers]:
            raise ValueError(f"layer {beyond[0]} of {layers} layers")
        return sorted(set(self.layers))

    def parameters(self, width: int, memory: int) -> int | None:
        """The weights of one; None where only its class knows them: of a plugin's.

        Args:
            width: Of the block's states.
            memory: Of the states of the encoder that it may attend to.
        """
        return None

    def kept(self, width: int, step: Any) -> int:
        """Bytes a token that one keeps for the backward pass; 0 where that is not known.

        Args:
            width: Of the block's states.
            step: The step's sizes, see `tfkd.training.step_memory.Step`.
        """
        return 0


class BottleneckOptions(AdapterOptions):
    """h + W2 relu(W1 LN(h)), as on the encoder's side of AB-Net."""

    quantizes: ClassVar[bool] = True

    kind: Literal["bottleneck"] = Field("bottleneck", description="The kind of adapter.")
    width: Count = Field(description="The width between its two projections.")
    activation: Literal["relu", "gelu", "gelu_tanh"] = Field(
        "relu", description="Between its two projections."
    )
    norm_epsilon: Positive = Field(1e-5, description="Epsilon of its normalization.")

    def parameters(self, width: int, memory: int) -> int:
        return 2 * width + 2 * width * self.width

    def kept(self, width: int, step: Any) -> int:
        return width * step.norm + 2 * self.width * step.item


class CrossAttentionAdapterOptions(AdapterOptions):
    """Attention to the encoder, as on the decoder's side of AB-Net."""

    quantizes: ClassVar[bool] = True

    kind: Literal["cross_attention"] = Field("cross_attention", description="The kind of adapter.")
    heads: Count = Field(description="Attention heads; they divide the width.")
    feed_forward: Literal["none"] | Count = Field(
        "none", description="Inner size of a feed-forward network behind it, or none."
    )
    dropout: Rate = Field(0.1, description="Dropout on its outputs.")
    attention_dropout: Rate = Field(0.0, description="Dropout on attention weights.")
    norm_epsilon: Positive = Field(1e-5, description="Epsilon of its normalizations.")

    @property
    def _inner(self) -> int:
        return 0 if self.feed_forward == "none" else self.feed_forward

    def parameters(self, width: int, memory: int) -> int:
        norm, inner = 2 * width, self._inner
        feed_forward = 2 * width * inner + inner + width + norm if inner else 0
        return attention_parameters(width, memory) + norm + feed_forward

    def kept(self, width: int, step: Any) -> int:
        masks = width * step.mask(self.dropout)
        attended = attention_kept(width, self.heads, self.attention_dropout, step)
        parts = 2 if self._inner else 1
        return parts * (width * step.norm + masks) + attended + 2 * self._inner * step.item
