"""Options of GPT-2, its view, and sampling."""

from typing import Annotated, Literal

from pydantic import Field

from tfkd.spec.options.base import Count, Name, Options, Positive, Seed, Share
from tfkd.spec.options.models import Activation, _Attention
from tfkd.spec.options.training import LengthLimit


class Gpt2Options(_Attention):
    """GPT-2: a causal Transformer that predicts each next token (Radford et al., 2019)."""

    kind: Literal["gpt2"] = Field("gpt2", description="The kind of model.")
    tokenizer: Name = Field(description="Its tokenizer.")
    layers: Count = Field(description="Blocks.")
    max_length: Count = Field(1024, description="Positions that the model knows.")
    activation: Activation = Field("gelu_tanh", description="gelu_tanh, as it was published.")
    norm_epsilon: Positive = Field(1e-5, description="Epsilon of the normalizations.")
    initializer_range: Positive = Field(
        0.02,
        description="Spread of new weights, less for those that a sub-layer ends with; for a "
        "narrow model about width^-0.5.",
    )

    @property
    def positions(self) -> str:
        """They are learned."""
        return "learned"


class CausalLmViewOptions(Options):
    """Every token predicted from those before it: what a gpt2 reads unless a view is named."""

    kind: Literal["causal_lm"] = Field("causal_lm", description="The kind of view.")
    max_length: Annotated[int, Field(ge=2)] | None = Field(
        None, description="The most tokens of a stream, what is beyond is cut off; default: any."
    )


class SampleOptions(Options):
    """Each token drawn from the model's distribution; the same for the same seed and text."""

    kind: Literal["sample"] = Field("sample", description="The kind of search.")
    temperature: Positive = Field(1.0, description="Divides the logits; below 1: likelier tokens.")
    top_k: Count | None = Field(None, description="Only the K likeliest tokens; default: all.")
    top_p: Share = Field(1.0, description="Only the likeliest tokens of this probability.")
    seed: Seed = Field(1, description="Other seeds draw other outputs.")
    max_length: Count | LengthLimit | None = Field(None, description="The longest output.")
    min_length: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        0, description="The fewest tokens of an output; the longest output goes before it."
    )
