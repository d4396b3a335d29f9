"""Options of the RNN encoder-decoder."""

from typing import Any, Literal

from pydantic import Field, model_validator

from tfkd.spec.options.base import Count, Name, Rate
from tfkd.spec.options.encoder_decoder import OwnTables, SideTokenizers
from tfkd.spec.options.family import ModelOptions


class RnnOptions(OwnTables, ModelOptions):
    """An LSTM encoder-decoder with attention and input feeding (Luong et al., 2015)."""

    kind: Literal["rnn"] = Field("rnn", description="The kind of model.")
    tokenizer: Name | SideTokenizers = Field(description="One for both sides, or one a side.")
    layers: Count = Field(description="Layers of the encoder, and of the decoder.")
    width: Count = Field(description="Size of embeddings and hidden vectors.")
    bidirectional: bool = Field(
        True, description="The encoder reads from both ends, each direction half as wide."
    )
    dropout: Rate = Field(0.3, description="Between layers and on attentional vectors.")
    max_length: Count = Field(
        512, description="The most tokens of a source that is decoded, and of an output."
    )
    share_embeddings: Literal["all", "target", "none"] | None = Field(
        None,
        description="all: source, target and output share one table; target: target and output; "
        "default: all with one tokenizer, else target.",
    )
    output_bias: bool = Field(True, description="Whether the output has a bias.")

    @model_validator(mode="after")
    def _halves(self) -> Any:
        if self.bidirectional and self.width % 2:
            raise ValueError(f"width is {self.width}; expected an even one of two directions")
        return self

    def weight_sizes(self) -> dict[str, Any]:
        names = ("layers", "width", "bidirectional", "output_bias")
        return {name: getattr(self, name) for name in names} | {"share_embeddings": self.sharing}
