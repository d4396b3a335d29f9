"""Options of the RNN encoder-decoder."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from tfkd.spec.options.base import Count, Name, Rate
from tfkd.spec.options.models.attention_sizes import FLOAT
from tfkd.spec.options.models.encoder_decoder import OwnTables, SideTokenizers
from tfkd.spec.options.models.family import ModelOptions

_GATES = 4


class RnnOptions(OwnTables, ModelOptions):
    """An LSTM encoder-decoder with attention and input feeding (Luong et al., 2015)."""

    lists: ClassVar[bool] = True

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

    def part_parameters(self, vocabularies: Mapping[str, int]) -> dict[str, int]:
        width = self.width
        # The first layer reads a token and an attentional vector; keys, and what combines.
        cells = _lstm(2 * width, width) + (self.layers - 1) * _lstm(width, width)
        return {
            "encoder": self._encoder_weights,
            "decoder": cells + 3 * width * width,
            **self.table_parameters(vocabularies),
        }

    def encoder_parameters(self, vocabulary: int) -> int:
        return vocabulary * self.width + self._encoder_weights

    @property
    def _encoder_weights(self) -> int:
        directions = 2 if self.bidirectional else 1
        return self.layers * directions * _lstm(self.width, self.width // directions)

    def kept(self, step: Any, *, adapters_alone: bool = False, target: float = 1.0) -> float:
        return self.encoder_kept(step) + target * self._decoder_kept(step)

    def encoder_kept(self, step: Any) -> int:
        width, item = self.width, step.item
        rows = width * (FLOAT + 2 * item)  # as read, cast, and with their time first
        # What a layer reads and its mask, turned round for the other direction; gates, cells,
        # states.
        reads = (1 + bool(self.dropout) + self.bidirectional) * width * item
        copies = (2 + self.bidirectional) * width * item
        return rows + self.layers * (reads + _states(width, item) + copies)

    def _decoder_kept(self, step: Any) -> int:
        """Bytes a token of the target that the decoder keeps, its backward loop's gradients among
        them: they are there before what it read goes."""
        width, item = self.width, step.item
        rows = width * (FLOAT + 2 * item)
        mask = width * (item + FLOAT) if self.dropout else 0
        layer = _states(width, item) + width * FLOAT + (_GATES + 2) * width * item + mask
        # Weights and their gradient; context, attentional vector, what is fed, and their gradients.
        attention = 2 * step.longest * item + 8 * width * item
        return rows + _GATES * width * item + self.layers * layer + attention

    def taught(self, item: int, step: Any) -> int:
        # It keeps no gradients: what its loops write.
        return (self.layers + 1) * (2 * _GATES * self.width * item + _states(self.width, item))

    def widest(self, streams: int) -> int:
        # Its gates; where a step is not in streams, both directions of an encoder go at once.
        return (1 + (self.bidirectional and streams == 1)) * 5 * self.width


def _lstm(inputs: int, width: int) -> int:
    """The weights of an LSTM's layer."""
    return _GATES * width * (inputs + width + 1)


def _states(width: int, item: int) -> int:
    """Gates, cells and hidden states of a layer; cells and those of the step before once more, in
    the rows that a loop reads."""
    return _GATES * width * item + 3 * width * FLOAT + width * item
