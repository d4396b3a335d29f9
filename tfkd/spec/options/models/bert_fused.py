"""BERT-Fused's options: a BERT and a Transformer of the spec."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from tfkd.spec.options.base import Name, Share
from tfkd.spec.options.models.attention_sizes import attention_parameters
from tfkd.spec.options.models.composed import ComposedOptions


class BertFusedOptions(ComposedOptions):
    """BERT-Fused: a Transformer that attends to a frozen BERT beside itself (Zhu et al., 2020)."""

    made_of: ClassVar[Mapping[str, str]] = {"bert": "bert", "transformer": "transformer"}
    lists: ClassVar[bool] = True

    kind: Literal["bert_fused"] = Field("bert_fused", description="The kind of model.")
    bert: Name = Field(description="A bert of this spec, which reads the source.")
    transformer: Name = Field(description="A transformer of this spec, whose weights it has.")
    drop_net: Share | Literal[0] = Field(
        1.0, description="How often, in training, one of two attentions stands alone."
    )

    @property
    def bert_options(self) -> Any:
        """The bert; None where its name leads nowhere."""
        return self.named("bert")

    @property
    def transformer_options(self) -> Any:
        """The transformer; None where its name leads nowhere."""
        return self.named("transformer")

    @property
    def tokenizer(self) -> Any:
        """The transformer's."""
        return getattr(self.transformer_options, "tokenizer", None)

    @property
    def width(self) -> int | None:
        """The transformer's."""
        return getattr(self.transformer_options, "width", None)

    @property
    def lengths(self) -> int | None:
        """The transformer's."""
        return getattr(self.transformer_options, "lengths", None)

    @property
    def decoder_attention(self) -> str:
        """The transformer's."""
        return getattr(self.transformer_options, "decoder_attention", "causal")

    @property
    def max_length(self) -> int:
        """The most tokens of a source: bert reads [CLS] before them."""
        return getattr(self.bert_options, "max_length", 512) - 1

    def misfits(self) -> Iterator[tuple[str, str, str]]:
        source = getattr(self.tokenizer, "source", self.tokenizer)
        theirs = getattr(self.bert_options, "tokenizer", None)
        # What is no bert is a fault of its own.
        if source is not None and isinstance(theirs, str) and source != theirs:
            yield (
                "transformer",
                f"{self.transformer} reads its source in the pieces of {source}, {self.bert} in "
                f"those of {theirs}",
                f"tokenizer {theirs} for the source",
            )

    @property
    def part_names(self) -> tuple[str, ...]:
        return ("bert", "transformer")

    def part_parameters(self, vocabularies: Mapping[str, int]) -> dict[str, int]:
        bert, inner = self.bert_options, self.transformer_options
        fusion = self._blocks * attention_parameters(inner.width, bert.width)
        return {
            "bert": sum(bert.body_parameters(vocabularies["source"]).values()),
            "transformer": sum(inner.part_parameters(vocabularies).values()) + fusion,
        }

    @property
    def _blocks(self) -> int:
        """Those whose attention stands beside one to the bert."""
        return self.transformer_options.encoder_layers + self.transformer_options.decoder_layers

    def kept(self, step: Any, *, adapters_alone: bool = False, target: float = 1.0) -> float:
        inner = self.transformer_options
        return inner.kept(step, target=target) + self._blocks * inner.attention_kept(step)

    def widest(self, streams: int) -> int:
        return self.transformer_options.widest(streams)
