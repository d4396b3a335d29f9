"""Options that all Transformers have: those of their blocks."""

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from tfkd.spec.options.base import Count, Rate
from tfkd.spec.options.models.attention_sizes import FLOAT, attention_kept, attention_parameters
from tfkd.spec.options.models.family import ModelOptions

Activation = Literal["relu", "gelu", "gelu_tanh", "silu"]


class BlockOptions(ModelOptions):
    """Attention and a feed-forward network, block after block."""

    quantizes: ClassVar[bool] = True

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
    def inner(self) -> int:
        """The inner size of its feed-forward networks."""
        return self.feed_forward or 4 * self.width

    def block_parameters(self, memory: int | None = None) -> int:
        """The weights of a block; with cross-attention to states of the width `memory`, if given.

        Each sub-layer has a normalization, of a scale and an offset.
        """
        width, inner = self.width, self.inner
        own = attention_parameters(width, width) + 2 * width * inner + inner + width + 4 * width
        return own if memory is None else own + attention_parameters(width, memory) + 2 * width

    def attention_kept(self, step: Any) -> int:
        """Bytes a token that one of its attentions keeps for the backward pass."""
        rate = self.dropout if self.attention_dropout is None else self.attention_dropout
        return attention_kept(self.width, self.heads, rate, step)

    def block_kept(self, step: Any, cross: bool = False) -> int:
        """Bytes a token that a block keeps for the backward pass.

        Args:
            step: The step's sizes, see `tfkd.training.step_memory.Step`.
            cross: Whether it has cross-attention.
        """
        parts = 3 if cross else 2
        # Of each sub-layer: its normalization's input or normed rows, that one's output, a mask.
        kept = parts * self.width * (step.norm + step.mask(self.dropout))
        kept += (parts - 1) * self.attention_kept(step)
        if step.fused or getattr(self, "activation", "gelu") == "relu":
            return kept + 2 * self.inner * step.item
        # The input and its distribution in float32, and the output.
        return kept + self.inner * (2 * FLOAT + step.item)

    def embedding_kept(self, step: Any) -> int:
        """Bytes a token: rows as read, their sum with the positions, dropout's mask."""
        return self.width * (FLOAT + 2 * step.item + step.mask(self.dropout))

    def kept(self, step: Any, *, adapters_alone: bool = False, target: float = 1.0) -> float:
        return stacks_kept(self, step, adapters_alone, target)

    def taught(self, item: int, step: Any) -> int:
        # What a block reads, and its largest product.
        width, pairs = self.width, self.heads * step.longest * (FLOAT + item)
        return 4 * width * item + max(self.inner * 2 * item, 3 * width * item + pairs)

    @property
    def block_sizes(self) -> dict[str, Any]:
        """Of `weight_sizes`, those of any block."""
        return {"width": self.width, "feed_forward": self.inner}


def stacks_kept(model: Any, step: Any, adapters_alone: bool, target: float) -> float:
    """What the blocks, embeddings and adapters of a model's stacks keep; see
    `ModelOptions.kept`."""
    total = 0
    for side, stack in model.stacks.items():
        adapter, below = model.adapters.get(side), 0
        if side == "decoder" and adapters_alone and adapter is not None and not stack.cross:
            below = min(adapter.numbers(stack.layers))  # frozen, and below all that learns
        kept = (stack.layers - below) * stack.options.block_kept(step, stack.cross)
        kept += 0 if below else stack.options.embedding_kept(step)
        if adapter is not None:
            number = len(adapter.numbers(stack.layers))
            kept += number * adapter.kept(stack.options.width, step)
        total += kept * (target if side == "decoder" else 1.0)
    return total
