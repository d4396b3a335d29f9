"""Options that all Transformers have: those of their blocks."""

from typing import Any, Literal

from pydantic import Field, model_validator

from tfkd.spec.options.base import Count, Rate
from tfkd.spec.options.family import ModelOptions

Activation = Literal["relu", "gelu", "gelu_tanh"]


class BlockOptions(ModelOptions):
    """Attention and a feed-forward network, block after block."""

    width: Count = Field(description="Size of the hidden vectors.")
    heads: Count = Field(description="Attention heads; they divide the width.")
    feed_forward: Count | None = Field(None, description="Inner size; default 4 x width.")
    max_length: Count = Field(512, description="Positions that the model knows.")
    dropout: Rate = Field(0.1, description="Dropout on embeddings and sub-layers.")
    attention_dropout: Rate | None = Field(
        None, description="Dropout on attention weights; default: dropout."
    )

    @model_validator(mode="after")
    def _divides(self) -> Any:
        if self.width % self.heads:
            raise ValueError(f"heads ({self.heads}) must divide width ({self.width})")
        return self

    @property
    def block_sizes(self) -> dict[str, Any]:
        """Of `weight_sizes`, those of any block."""
        return {"width": self.width, "feed_forward": self.feed_forward or 4 * self.width}
