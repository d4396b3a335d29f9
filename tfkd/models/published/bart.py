"""BART's and mBART's published checkpoints."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfkd.data.tokenizers.published_specials import languages_of
from tfkd.models.published.architecture import ACTIVATIONS, Place
from tfkd.models.published.marian import TABLES, PublishedMarian
from tfkd.spec.errors import UserError

# Positions are counted from 2 there: two rows that stood for padding.
_SKIPPED = 2


def _own(final_norm: bool) -> dict[str, str]:
    found = {}
    for side in ("encoder", "decoder"):
        found[f"{side}_positions/table"] = f"model.{side}.embed_positions.weight"
        found[f"{side}_norm"] = f"model.{side}.layernorm_embedding"
        if final_norm:
            found[f"{side}/final_norm"] = f"model.{side}.layer_norm"
    return found


class PublishedBart(PublishedMarian):
    """BART (Lewis et al., 2020): a Transformer with norms behind its sub-layers, learned positions,
    and a norm of the embeddings. A source stands between `<s>` and `</s>`, and a target begins
    with both: see `EncoderDecoder.leads`.
    """

    model_type: ClassVar[str] = "bart"
    title: ClassVar[str] = "a BART"
    tokenizer: ClassVar[str] = "byte_bpe"
    plain: ClassVar[Mapping[str, Any]] = {
        "static_position_embeddings": False,
        "normalize_before": False,
        "normalize_embedding": True,
        "add_final_layer_norm": False,
        "add_bias_logits": False,
        "tie_word_embeddings": True,
        "extra_pos_embeddings": _SKIPPED,
    }
    activations: ClassVar[Mapping[str, str]] = ACTIVATIONS | {"swish": "silu", "silu": "silu"}
    unread: ClassVar[tuple[str, ...]] = ()
    parts: ClassVar[Mapping[str, Any]] = PublishedMarian.parts | _own(final_norm=False)
    leaves: ClassVar[tuple[str, ...]] = ()
    norm: ClassVar[str] = "post"
    conditional: ClassVar[str] = "BartForConditionalGeneration"

    def options(self) -> dict[str, Any]:
        self.refuse_unlike_sides()
        return {
            **self.whole_numbers(),
            "dropout": self.config.get("dropout", 0.1),
            "attention_dropout": self.config.get("attention_dropout", 0.0),
            "activation": self.activation("activation_function", "gelu"),
            "norm": self.norm,
            "norm_epsilon": 1e-5,
            "positions": "learned",
            "share_embeddings": "all",
            "output_bias": True,
            "scale_embeddings": bool(self.config.get("scale_embedding", False)),
            "embedding_norm": True,
            **self.leads(),
        }

    def leads(self) -> dict[str, str]:
        """The pieces in front of its sides, as a spec has them."""
        return {"source_lead": "<s>", "target_lead": "</s>"}

    def lead_ids(self) -> dict[str, Any]:
        """Their ids."""
        end = self.config.get("eos_token_id", 2)
        start = self.config.get("decoder_start_token_id")
        return {
            "source_lead": self.config.get("bos_token_id", 0),
            "target_lead": end if start is None else start,
        }

    def place(self, path: str) -> Place:
        found = super().place(path)
        return found._replace(skip=_SKIPPED) if path.endswith("_positions/table") else found

    def spelled(self, name: str) -> str | None:
        """With the prefix `model.`, which a bare model lacks."""
        if name.startswith(("encoder.", "decoder.", "shared.")):
            name = f"model.{name}"
        return "model.shared.weight" if name in TABLES else name

    def check(self) -> None:
        if self.shape("final_logits_bias") is None:
            raise self.wrong(
                f"written as {self.architecture() or 'a bare model'}, without final_logits_bias; "
                f"expected a {self.conditional}, which writes text."
            )

    def build(self, heads: tuple[str, ...], **more: Any) -> Any:
        from tfkd.models.transformer import Transformer

        return Transformer(**{**self.options(), **self.lead_ids()}, **more)

    def tokenizers(self) -> dict[str, dict[str, Any]]:
        return {"published": {}}

    def tokenizer_of(self) -> Any:
        return "published"

    def facts(self) -> Iterator[str]:
        yield from ()


class PublishedMbart(PublishedBart):
    """mBART (Liu et al., 2020; of 50 languages: Tang et al., 2020): norms before the sub-layers and
    behind the last. Which languages it reads and writes, the pieces in front say.
    """

    model_type: ClassVar[str] = "mbart"
    title: ClassVar[str] = "an mBART"
    tokenizer: ClassVar[str] = "sentencepiece"
    plain: ClassVar[Mapping[str, Any]] = PublishedBart.plain | {
        "normalize_before": True,
        "add_final_layer_norm": True,
    }
    parts: ClassVar[Mapping[str, Any]] = PublishedMarian.parts | _own(final_norm=True)
    leaves: ClassVar[tuple[str, ...]] = ("source_lead", "target_lead")
    norm: ClassVar[str] = "pre"
    conditional: ClassVar[str] = "MBartForConditionalGeneration"

    def leads(self) -> dict[str, str]:
        with contextlib.suppress(UserError):
            return {"source_lead": self._languages()[0], "target_lead": "</s>"}
        return {}

    def lead_ids(self) -> dict[str, Any]:
        return {}

    def tokenizers(self) -> dict[str, dict[str, Any]]:
        with contextlib.suppress(UserError):  # `facts` tells it
            return {"source": {}, "target": {"start": self._languages()[-1]}}
        return {"source": {}, "target": {}}

    def tokenizer_of(self) -> Any:
        return {"source": "source", "target": "target"}

    def _languages(self) -> tuple[str, str]:
        """Two that it has, which stand for those that a user means."""
        known = languages_of(self.folder)
        return next((one for one in known if one.startswith("de_")), known[0]), next(
            (one for one in known if one.startswith("en_")), known[-1]
        )

    def facts(self) -> Iterator[str]:
        try:
            source, target = self._languages()
        except UserError as error:
            yield f"It cannot be read into a spec: {error}"
            return
        yield (
            f"Its languages are named by pieces: of what it reads source_lead: {source} of its "
            f"model, of what it writes start: {target} of its target's tokenizer; "
            'target_lead: "</s>" stands before that.'
        )
