"""Options that encoder-decoders share: tokenizers of two sides, tables, lengths."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from tfkd.spec.options.base import Name, Options

Lengths = Annotated[int, Field(ge=2, le=4096)]
LENGTHS = (
    "Rows of the table of target lengths, [LENGTH]'s own among them; default: 1,024 with full "
    "decoder_attention, else none."
)
_MOST_LENGTHS = 1024


def with_lengths(options: Any) -> Any:
    """A decoder that sees both sides knows by its length how many tokens to fill in."""
    if options.decoder_attention == "full" and options.lengths is None:
        object.__setattr__(options, "lengths", _MOST_LENGTHS)
    return options


DecoderAttention = Literal["causal", "full"]
DECODER_ATTENTION = (
    "causal: a target token sees earlier ones; full: those on both sides, to be filled in at once "
    "by mask_predict."
)


class SideTokenizers(Options):
    """A tokenizer for each side."""

    source: Name = Field(description="The source's tokenizer.")
    target: Name = Field(description="The target's tokenizer.")


class OwnTables:
    """What encoder-decoders share whose embeddings, encoder and decoder are their own."""

    encoder_terms: ClassVar[bool] = True

    @property
    def sharing(self: Any) -> str:
        """Which embeddings it shares: all, target or none."""
        one = isinstance(self.tokenizer, str) or self.tokenizer.source == self.tokenizer.target
        return self.share_embeddings or ("all" if one else "target")

    @property
    def part_names(self: Any) -> tuple[str, ...]:
        share = self.sharing
        names = ["embedding"] if share == "all" else ["source_embedding", "target_embedding"]
        if getattr(self, "positions", None) == "learned":
            names += ["encoder_positions", "decoder_positions"]
        if getattr(self, "embedding_norm", False):
            names += ["encoder_norm", "decoder_norm"]
        names += ["encoder", "decoder"]
        names += ["lengths"] if getattr(self, "lengths", None) is not None else []
        # A head that shares its matrix has its bias alone.
        return (*names, "head") if self.output_bias or share == "none" else tuple(names)

    def table_parameters(self: Any, vocabularies: Mapping[str, int]) -> dict[str, int]:
        """The weights of the embeddings and of the head, by what they share."""
        source, target = vocabularies["source"], vocabularies["target"]
        own = target * self.width if self.sharing == "none" else 0
        head = {"head": (target if self.output_bias else 0) + own}
        if self.sharing == "all":
            return head | {"embedding": target * self.width}
        tables = {"source_embedding": source, "target_embedding": target}
        return head | {name: size * self.width for name, size in tables.items()}
