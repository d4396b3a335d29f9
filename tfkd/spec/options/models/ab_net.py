"""AB-Net's options: two BERTs of the spec, and adapters."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from tfkd.spec.options.base import Name, Rate
from tfkd.spec.options.models.composed import ComposedOptions
from tfkd.spec.options.models.encoder_decoder import (
    DECODER_ATTENTION,
    LENGTHS,
    DecoderAttention,
    Lengths,
    SideTokenizers,
    with_lengths,
)
from tfkd.spec.options.models.family import Stack
from tfkd.spec.options.models.transformer import TransformerDecoderOptions
from tfkd.spec.options.models.transformer_blocks import stacks_kept
from tfkd.spec.wording import a


class AbNetOptions(ComposedOptions):
    """AB-Net: a BERT reads the source, a BERT fills in the target, adapters learn."""

    adapter_sides: ClassVar[tuple[str, ...]] = ("encoder", "decoder")
    lists: ClassVar[bool] = True
    made_of: ClassVar[Mapping[str, str]] = {"encoder": "bert", "decoder": "bert"}

    kind: Literal["abnet"] = Field("abnet", description="The kind of model.")
    encoder: Name = Field(description="A bert of this spec, which reads the source.")
    decoder: Name | TransformerDecoderOptions = Field(
        description="A bert of this spec, whose head predicts the target; or a Transformer's "
        "decoder of its own (AB-Net-Enc)."
    )
    decoder_attention: DecoderAttention = Field("full", description=DECODER_ATTENTION)
    lengths: Lengths | None = Field(None, description=LENGTHS)
    dropout: Rate | None = Field(None, description="Of the berts; default: their own.")

    _lengths_of_full = model_validator(mode="after")(with_lengths)

    @classmethod
    def shrunk(cls, plain: dict[str, Any]) -> dict[str, Any]:
        found, decoder = super().shrunk(plain), plain.get("decoder")
        own = isinstance(decoder, dict)
        return found | ({"decoder": TransformerDecoderOptions.shrunk(decoder)} if own else {})

    @property
    def encoder_options(self) -> Any:
        """The source's bert; None where its name leads nowhere."""
        return self.named("encoder")

    @property
    def decoder_options(self) -> Any:
        """The target's bert, or the options of the Transformer's decoder."""
        return self.named("decoder") if isinstance(self.decoder, str) else self.decoder

    @property
    def tokenizer(self) -> Any:
        """The tokenizers of both sides; None where a name leads nowhere."""
        sides = self.encoder_options, self.decoder_options
        names = [getattr(side, "tokenizer", None) for side in sides]
        return SideTokenizers(source=names[0], target=names[1]) if all(names) else None

    @property
    def width(self) -> int | None:
        """The decoder's."""
        return getattr(self.decoder_options, "width", None)

    @property
    def max_length(self) -> int:
        """The most tokens of a side."""
        sides = self.encoder_options, self.decoder_options
        return min(getattr(side, "max_length", 512) for side in sides)

    @property
    def tokenizer_names(self) -> dict[tuple[str, ...], str]:
        own = isinstance(self.decoder, TransformerDecoderOptions)
        return {("decoder", "tokenizer"): self.decoder.tokenizer} if own else {}

    @property
    def stacks(self) -> dict[str, Stack]:
        sides = {"encoder": self.encoder_options, "decoder": self.decoder_options}
        return {
            side: Stack(
                one.layers,
                one.width,
                isinstance(one, TransformerDecoderOptions),
                one,
                getattr(self.encoder_options, "width", 0),
            )
            if hasattr(one, "layers")
            else Stack(10**6, 0, True, None, 0)  # a fault of its own
            for side, one in sides.items()
        }

    def misfits(self) -> Iterator[tuple[str, str, str]]:
        head = getattr(self.decoder_options, "head", None)
        if head is not None and not getattr(head, "tied", True):
            yield (
                "decoder",
                f"{self.decoder} has a head of its own, and this model predicts by the one that "
                "shares its embeddings",
                f"{a(self.made_of['decoder'])} without head:",
            )

    @property
    def part_names(self) -> tuple[str, ...]:
        return ("encoder", "decoder", *(("lengths",) if self.lengths is not None else ()))

    def weight_sizes(self) -> dict[str, Any]:
        parts = {"encoder": self.encoder_options, "decoder": self.decoder_options}
        return {"lengths": self.lengths, **self._sizes_of(parts)}

    def part_parameters(self, vocabularies: Mapping[str, int]) -> dict[str, int]:
        encoder, decoder = self.encoder_options, self.decoder_options
        target = vocabularies["target"]
        found = {"encoder": sum(encoder.body_parameters(vocabularies["source"]).values())}
        if isinstance(self.decoder, str):
            found["decoder"] = sum(decoder.part_parameters({"text": target}).values())
        else:
            found["decoder"] = decoder.decoder_parameters(target, encoder.width)
        return found | ({} if self.lengths is None else {"lengths": self.lengths * encoder.width})

    def kept(self, step: Any, *, adapters_alone: bool = False, target: float = 1.0) -> float:
        return stacks_kept(self, step, adapters_alone, target)

    def widest(self, streams: int) -> int:
        return max(one.widest(streams) for one in (self.encoder_options, self.decoder_options))
