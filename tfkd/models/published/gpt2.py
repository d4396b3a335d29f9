"""GPT-2's published checkpoints.

Their kernels are `[input, output]` as Keras's are, and query, key and value are one matrix there as
here (`c_attn`).
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from tfkd.models.published.architecture import PublishedModel

GPT2_SIZES = {
    "vocabulary_size": "vocab_size",
    "layers": "n_layer",
    "width": "n_embd",
    "heads": "n_head",
    "max_length": "n_positions",
}
GPT2_ACTIVATIONS = {
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu": "gelu",
    "relu": "relu",
}
GPT2_PLAIN = {
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
}
_HEAD = "lm_head.weight"


class PublishedGpt2(PublishedModel):
    """GPT-2 (Radford et al., 2019), whose head is its embedding."""

    model_type: ClassVar[str] = "gpt2"
    title: ClassVar[str] = "a GPT-2"
    cuts: ClassVar[bool] = True
    kind: ClassVar[str] = "gpt2"
    tokenizer: ClassVar[str] = "byte_bpe"
    plain: ClassVar[Mapping[str, Any]] = GPT2_PLAIN
    sizes: ClassVar[Mapping[str, str]] = GPT2_SIZES
    activations: ClassVar[Mapping[str, str]] = GPT2_ACTIVATIONS
    kernels_transposed: ClassVar[bool] = False
    body: ClassVar[tuple[str, ...]] = ("",)
    unread: ClassVar[tuple[str, ...]] = (".attn.bias", ".attn.masked_bias")
    parts: ClassVar[Mapping[str, Any]] = {
        "embedding/tokens": "wte",
        "embedding/positions": "wpe",
        "decoder/final_norm": "ln_f",
        "decoder/{}/self_attention/query_key_value": "h.{}.attn.c_attn",
        "decoder/{}/self_attention/output_projection": "h.{}.attn.c_proj",
        "decoder/{}/self_attention_norm": "h.{}.ln_1",
        "decoder/{}/feed_forward/inner": "h.{}.mlp.c_fc",
        "decoder/{}/feed_forward/outer": "h.{}.mlp.c_proj",
        "decoder/{}/feed_forward_norm": "h.{}.ln_2",
    }

    def options(self) -> dict[str, Any]:
        return {
            **self.whole_numbers(),
            "feed_forward": self.config.get("n_inner"),
            "dropout": self.config.get("resid_pdrop", 0.1),
            "attention_dropout": self.config.get("attn_pdrop", 0.1),
            "activation": self.activation("activation_function", "gelu_new"),
            "norm_epsilon": self.config.get("layer_norm_epsilon", 1e-5),
            "initializer_range": self.config.get("initializer_range", 0.02),
        }

    def spelled(self, name: str) -> str | None:
        """Without the prefix `transformer.`; a head that is stored too is the embedding again."""
        name = name.removeprefix("transformer.")
        return None if name.endswith(self.unread) or name == _HEAD else name

    def heads(self) -> tuple[str, ...]:
        return ("causal_lm",)

    def check(self) -> None:
        if _HEAD not in self.checkpoint.tensors:
            return
        if not self.checkpoint.same(_HEAD, self.tensors["wte.weight"]):
            raise self.wrong(
                f"{_HEAD} is not wte.weight; expected the same, for a GPT-2 predicts by it."
            )

    def build(self, heads: tuple[str, ...], **more: Any) -> Any:
        from tfkd.models.gpt2 import Gpt2

        return Gpt2(**{**self.options(), **more})
