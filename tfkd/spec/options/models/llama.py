"""Llama's options, and those of the decoders after it."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from tfkd.spec.options.base import Count, Name, Options, Positive, Rate
from tfkd.spec.options.models.attention_sizes import FLOAT
from tfkd.spec.options.models.family import Stack
from tfkd.spec.options.models.transformer_blocks import Activation, BlockOptions

Layers = list[Count]
_NEEDED = {
    "linear": (),
    "llama3": ("low_factor", "high_factor", "original_length"),
    "yarn": ("original_length",),
}


class RotaryScaling(Options):
    """How rotary positions reach beyond the length that a model was trained with first."""

    kind: Literal["linear", "llama3", "yarn"] = Field(description="The published kind.")
    factor: Positive = Field(description="How many times longer.")
    original_length: Count | None = Field(None, description="Tokens of the first training.")
    low_factor: Positive | None = Field(None, description="llama3: low_freq_factor.")
    high_factor: Positive | None = Field(None, description="llama3: high_freq_factor.")
    fast: Positive | None = Field(None, description="yarn: beta_fast; default 32.")
    slow: Positive | None = Field(None, description="yarn: beta_slow; default 1.")
    attention_factor: Positive | None = Field(
        None, description="yarn: what vectors are multiplied by; default 0.1 ln(factor) + 1."
    )
    whole: bool | None = Field(None, description="yarn: truncate; default true.")

    @model_validator(mode="after")
    def _needs(self) -> "RotaryScaling":
        if lacking := [name for name in _NEEDED[self.kind] if getattr(self, name) is None]:
            raise ValueError(f"kind {self.kind} needs {', '.join(lacking)}")
        return self

    def plain(self) -> dict[str, Any]:
        """What is said, in plain values."""
        return self.model_dump(exclude_none=True)


class LlamaOptions(BlockOptions):
    """Llama, Mistral, Qwen, SmolLM3, Gemma: causal decoders with rotary positions."""

    single_sequence: ClassVar[bool] = True
    is_causal: ClassVar[bool] = True
    large: ClassVar[bool] = True
    published: ClassVar[str] = "tfkd.models.published.reading:ROTARY_DECODERS"

    kind: Literal["llama"] = Field("llama", description="The kind of model.")
    tokenizer: Name = Field(description="Its tokenizer.")
    layers: Count = Field(description="How many blocks it has.")
    key_value_heads: Count | None = Field(
        None, description="Keys and values a token, each of several heads; default: heads."
    )
    head_width: Count | None = Field(None, description="Size of a head; default: width / heads.")
    max_length: Count = Field(2048, description="Positions that it was trained with.")
    norms: Literal["before", "around"] = Field(
        "before", description="Of the sub-layers; around: behind them, too (Gemma 2 and 3)."
    )
    norm_epsilon: Positive = Field(1e-6, description="Epsilon of the normalizations.")
    activation: Activation = Field("silu", description="Of the gate.")
    attention_bias: Literal["none", "inputs", "all"] = Field(
        "none", description="inputs: query, key and value have one (Qwen 2); all: the output too."
    )
    feed_forward_bias: bool = Field(False, description="Whether the feed-forward has biases.")
    query_key_norm: bool = Field(
        False, description="Whether each query and key is normed (Qwen 3, Gemma 3)."
    )
    attention_scale: Positive | None = Field(
        None, description="Of products of queries and keys; default: head_width^-0.5."
    )
    attention_cap: Positive | None = Field(
        None, description="c of c tanh(x / c) on attention logits (Gemma 2)."
    )
    logit_cap: Positive | None = Field(
        None, description="The same on the output; such a model teaches, and is not trained."
    )
    scale_embeddings: bool = Field(
        False, description="Whether embeddings are multiplied by width^0.5 (Gemma)."
    )
    tie_embeddings: bool = Field(True, description="Whether the output is the embedding.")
    rotary_theta: Positive = Field(10000.0, description="Base of the rotary angles.")
    rotary_scaling: RotaryScaling | None = Field(None, description="Of the rotary angles.")
    window_theta: Positive | None = Field(
        None, description="Base of the angles of layers with a window, unscaled (Gemma 3)."
    )
    attention_window: Count | None = Field(
        None, description="Tokens that the layers of window_layers see, each token itself too."
    )
    window_layers: Layers = Field([], description="Layers with a window, counted from 1.")
    unrotated_layers: Layers = Field([], description="Layers without positions (SmolLM3).")
    dropout: Rate = Field(0.0, description="Dropout on sub-layers.")
    initializer_range: Positive = Field(
        0.02, description="Standard deviation of new weights; for a narrow model about width^-0.5."
    )

    @model_validator(mode="after")
    def _divides(self) -> "LlamaOptions":
        if self.head_width is None and self.width % self.heads:
            raise ValueError(f"heads ({self.heads}) must divide width ({self.width})")
        if self.size_of_head % 2:
            raise ValueError(f"a head's size ({self.size_of_head}) must be even, to be turned")
        if self.heads % self.keys:
            raise ValueError(f"key_value_heads ({self.keys}) must divide heads ({self.heads})")
        if bool(self.window_layers) != (self.attention_window is not None):
            raise ValueError("attention_window and window_layers belong together")
        return self

    @classmethod
    def shrunk(cls, plain: dict[str, Any]) -> dict[str, Any]:
        found = super().shrunk(plain)
        for name in ("head_width", "attention_scale"):
            found.pop(name, None)
        if found.get("key_value_heads"):
            found["key_value_heads"] = 1
        for name in ("window_layers", "unrotated_layers"):
            if found.get(name):
                found[name] = [1]
        return found

    @property
    def keys(self) -> int:
        """Its keys and values a token."""
        return self.key_value_heads or self.heads

    @property
    def size_of_head(self) -> int:
        """Numbers of a query."""
        return self.head_width or self.width // self.heads

    @property
    def positions(self) -> str:
        """They are rotary."""
        return "rotary"

    @property
    def part_names(self) -> tuple[str, ...]:
        return ("embedding", "decoder") + (() if self.tie_embeddings else ("head",))

    @property
    def stacks(self) -> dict[str, Stack]:
        return {"decoder": Stack(self.layers, self.width, False, self, self.width)}

    def compared(self) -> dict[str, Any]:
        scaling = self.rotary_scaling
        more = {"key_value_heads": self.keys, "head_width": self.size_of_head}
        return super().compared() | more | {"rotary_scaling": scaling and scaling.plain()}

    def weight_sizes(self) -> dict[str, Any]:
        names = ("heads", "attention_bias", "feed_forward_bias", "query_key_norm", "norms")
        more = {name: getattr(self, name) for name in (*names, "tie_embeddings", "layers")}
        more |= {"key_value_heads": self.keys, "head_width": self.size_of_head}
        return self.block_sizes | more

    def block_parameters(self, memory: int | None = None) -> int:
        """The weights of a block."""
        width, size = self.width, self.size_of_head
        inputs = (self.heads + 2 * self.keys) * size
        own = width * inputs + self.heads * size * width + 3 * width * self.inner
        own += (4 if self.norms == "around" else 2) * width + 2 * size * self.query_key_norm
        own += inputs * (self.attention_bias != "none") + width * (self.attention_bias == "all")
        return own + (2 * self.inner + width) * self.feed_forward_bias

    def part_parameters(self, vocabularies: Mapping[str, int]) -> dict[str, int]:
        rows = vocabularies["text"] * self.width
        found = {
            "embedding": rows,
            "decoder": self.layers * self.block_parameters() + self.width,
        }
        return found if self.tie_embeddings else found | {"head": rows}

    def norm_parameters(self) -> int:
        """The scales of all norms, which are float32 in every precision."""
        norms = self.layers * (4 if self.norms == "around" else 2) + 1
        return norms * self.width + self.layers * 2 * self.size_of_head * self.query_key_norm

    def attention_kept(self, step: Any) -> int:
        rate = self.dropout if self.attention_dropout is None else self.attention_dropout
        # Queries and keys before and after they are turned, values, what comes of them.
        kept = (3 * self.heads + 3 * self.keys) * self.size_of_head * step.item
        return kept + self.heads * step.longest * (FLOAT + step.item + step.mask(rate))

    def block_kept(self, step: Any, cross: bool = False) -> int:
        norms = 4 if self.norms == "around" else 2
        kept = norms * self.width * (FLOAT + step.item) + 2 * self.width * step.mask(self.dropout)
        # Gate and up, the gate's activation, and their product.
        return kept + self.attention_kept(step) + 4 * self.inner * step.item

    def taught(self, item: int, step: Any) -> int:
        pairs = self.heads * step.longest * (FLOAT + item)
        attention = (self.heads + 2 * self.keys) * self.size_of_head * item + pairs
        return 4 * self.width * item + max(3 * self.inner * item, attention)
