"""Marian's published checkpoints: OPUS-MT's translators."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfkd.models.published.architecture import ACTIVATIONS, Place, PublishedModel

_BLOCK = {
    "self_attention/output_projection": "self_attn.out_proj",
    "self_attention_norm": "self_attn_layer_norm",
    "feed_forward/inner": "fc1",
    "feed_forward/outer": "fc2",
    "feed_forward_norm": "final_layer_norm",
}
_ACROSS = {
    "cross_attention/query": "encoder_attn.q_proj",
    "cross_attention/output_projection": "encoder_attn.out_proj",
    "cross_attention_norm": "encoder_attn_layer_norm",
}
TABLES = (
    "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight", "lm_head.weight",
    "model.shared.weight",
)  # fmt: skip


def _parts() -> dict[str, Any]:
    found: dict[str, Any] = {"embedding": "model.shared", "head/bias": "final_logits_bias"}
    for side, names in (("encoder", _BLOCK), ("decoder", _BLOCK | _ACROSS)):
        layer = f"model.{side}.layers.{{}}."
        found |= {f"{side}/{{}}/{ours}": f"{layer}{theirs}" for ours, theirs in names.items()}
        found[f"{side}/{{}}/self_attention/query_key_value"] = tuple(
            f"{layer}self_attn.{one}_proj" for one in "qkv"
        )
    found["decoder/{}/cross_attention/key_value"] = tuple(
        f"model.decoder.layers.{{}}.encoder_attn.{one}_proj" for one in "kv"
    )
    return found


class PublishedMarian(PublishedModel):
    """Marian (Junczys-Dowmunt et al., 2018; OPUS-MT: Tiedemann and Thottingal, 2020).

    A Transformer with norms behind its sub-layers, sinusoidal positions in halves, one scaled table
    for source, target and output, and a bias of the output. Its decoder starts with padding.
    """

    model_type: ClassVar[str] = "marian"
    title: ClassVar[str] = "a Marian"
    kind: ClassVar[str] = "transformer"
    tokenizer: ClassVar[str] = "sentencepiece"
    plain: ClassVar[Mapping[str, Any]] = {
        "static_position_embeddings": True,
        "normalize_before": False,
        "normalize_embedding": False,
        "add_final_layer_norm": False,
        "add_bias_logits": False,
        "share_encoder_decoder_embeddings": True,
        "tie_word_embeddings": True,
    }
    sizes: ClassVar[Mapping[str, str]] = {
        "vocabulary_size": "vocab_size",
        "encoder_layers": "encoder_layers",
        "decoder_layers": "decoder_layers",
        "width": "d_model",
        "heads": "encoder_attention_heads",
        "feed_forward": "encoder_ffn_dim",
        "max_length": "max_position_embeddings",
    }
    activations: ClassVar[Mapping[str, str]] = ACTIVATIONS | {"swish": "silu", "silu": "silu"}
    body: ClassVar[tuple[str, ...]] = ("model.",)
    unread: ClassVar[tuple[str, ...]] = (".embed_positions.weight",)
    parts: ClassVar[Mapping[str, Any]] = _parts()
    leaves: ClassVar[tuple[str, ...]] = ("source_lead",)

    def refuse_unlike_sides(self) -> None:
        """Raises where its decoder has other sizes than its encoder.

        Raises:
            UserError: It has.
        """
        for theirs, beside in (("decoder_attention_heads", "encoder_attention_heads"),
                               ("decoder_ffn_dim", "encoder_ffn_dim"),
                               ("decoder_vocab_size", "vocab_size")):  # fmt: skip
            expected = self.config.get(beside)
            if (found := self.config.get(theirs, expected)) not in (expected, None):
                raise self.wrong(f"{theirs} is {found}; only {expected} is known beside the rest.")

    def options(self) -> dict[str, Any]:
        sizes = self.whole_numbers()
        self.refuse_unlike_sides()
        pad = sizes["vocabulary_size"] - 1
        if (found := self.config.get("pad_token_id", pad)) not in (pad, None):
            raise self.wrong(f"pad_token_id is {found}; only {pad} is known beside the rest.")
        if not self.config.get("scale_embedding", False):
            raise self.wrong("scale_embedding is not true; only true is known.")
        start = self.config.get("decoder_start_token_id", sizes["vocabulary_size"] - 1)
        if start != sizes["vocabulary_size"] - 1:
            raise self.wrong(f"decoder_start_token_id is {start}; only padding's id is known.")
        return {
            **sizes,
            "dropout": self.config.get("dropout", 0.1),
            "attention_dropout": self.config.get("attention_dropout", 0.0),
            "activation": self.activation("activation_function", "gelu"),
            "norm": "post",
            "norm_epsilon": 1e-5,
            "positions": "sinusoidal",
            "share_embeddings": "all",
            "output_bias": True,
        }

    def place(self, path: str) -> Place:
        found = self.usual_place(path)
        return found._replace(one_row=True) if path == "head/bias" else found

    def spelled(self, name: str) -> str | None:
        if name.endswith(self.unread):
            return None
        return "model.shared.weight" if name in TABLES else name

    def heads(self) -> tuple[str, ...]:
        return ("translation",)

    def build(self, heads: tuple[str, ...], **more: Any) -> Any:
        from tfkd.models.transformer import Transformer

        return Transformer(**self.options(), **more)

    def tokenizers(self) -> dict[str, dict[str, Any]]:
        return {side: {"side": side} for side in ("source", "target")}

    def tokenizer_of(self) -> Any:
        return {"source": "source", "target": "target"}

    def facts(self) -> Iterator[str]:
        if any(piece.startswith(">>") for piece in self.checkpoint.json("vocab.json")):
            yield (
                "It writes several languages: its sources begin with a token like >>fra<<. Say "
                'which: source_lead: ">>fra<<" in its model.'
            )
