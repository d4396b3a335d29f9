"""Published checkpoints of Gemma 1, 2 and 3, text alone."""

from collections.abc import Mapping
from typing import Any, ClassVar

from tfkd.models.published.architecture import Place
from tfkd.models.published.llama import PARTS, PublishedRotaryDecoder
from tfkd.models.published.rotary import number, rotary_options, scaling_of

_LAYER = "layers.{}."


class PublishedGemma(PublishedRotaryDecoder):
    """Gemma (Gemma Team, 2024): scales are stored less 1, and embeddings are multiplied."""

    model_type: ClassVar[str] = "gemma"
    title: ClassVar[str] = "a Gemma"
    plain: ClassVar[Mapping[str, Any]] = {"mlp_bias": False}
    # Gemma 1 says gelu and means gelu_pytorch_tanh.
    activations: ClassVar[Mapping[str, str]] = {
        **PublishedRotaryDecoder.activations, "gelu": "gelu_tanh"
    }  # fmt: skip
    tied: ClassVar[bool] = True

    def __init__(self, folder: Any):
        super().__init__(folder)
        if self.config.get("use_bidirectional_attention"):
            raise self.wrong("use_bidirectional_attention is true; only false is known.")

    def more_options(self) -> dict[str, Any]:
        return {
            "scale_embeddings": True,
            "activation": self.activation(*self.activation_key()),
        }

    def activation_key(self) -> tuple[str, str]:
        """The key of the activation that counts, and its default."""
        new = self.config.get("hidden_activation") is not None
        return ("hidden_activation" if new else "hidden_act"), "gelu_pytorch_tanh"

    def place(self, path: str) -> Place:
        found = super().place(path)
        return found._replace(added=1.0) if path.endswith("/scale") else found


class PublishedGemma2(PublishedGemma):
    """Gemma 2 (Gemma Team, 2024): norms around sub-layers, caps, a window every other layer."""

    model_type: ClassVar[str] = "gemma2"
    title: ClassVar[str] = "a Gemma 2"
    activations: ClassVar[Mapping[str, str]] = PublishedRotaryDecoder.activations
    parts: ClassVar[Mapping[str, Any]] = {
        **PARTS,
        "decoder/{}/self_attention_out_norm": f"{_LAYER}post_attention_layernorm",
        "decoder/{}/feed_forward_norm": f"{_LAYER}pre_feedforward_layernorm",
        "decoder/{}/feed_forward_out_norm": f"{_LAYER}post_feedforward_layernorm",
    }
    caps: ClassVar[tuple[float | None, float | None]] = (50.0, 30.0)

    def windows(self, layers: int) -> tuple[int | None, list[int]]:
        return self.typed_layers(layers, [number % 2 == 0 for number in range(layers)])

    def more_options(self) -> dict[str, Any]:
        scalar = self.config.get("query_pre_attn_scalar", 256)
        size = self.config.get("head_dim", 256)
        found = {"norms": "around", **super().more_options()}
        if scalar != size:
            found["attention_scale"] = number(scalar, "query_pre_attn_scalar", self.wrong) ** -0.5
        for ours, theirs, usual in zip(
            ("attention_cap", "logit_cap"),
            ("attn_logit_softcapping", "final_logit_softcapping"),
            self.caps,
            strict=True,
        ):
            cap = self.config.get(theirs, usual)
            found[ours] = None if cap is None else float(number(cap, theirs, self.wrong))
        return found

    def activation_key(self) -> tuple[str, str]:
        return "hidden_activation", "gelu_pytorch_tanh"


class PublishedGemma3(PublishedGemma2):
    """Gemma 3's text models (Gemma Team, 2025): normed queries and keys, five layers of six with a
    window and a base of their own."""

    model_type: ClassVar[str] = "gemma3_text"
    title: ClassVar[str] = "a Gemma 3"
    normed: ClassVar[bool] = True
    caps: ClassVar[tuple[float | None, float | None]] = (None, None)

    def windows(self, layers: int) -> tuple[int | None, list[int]]:
        every = self.config.get("sliding_window_pattern", 6)
        near = [(number + 1) % every != 0 for number in range(layers)]
        return self.typed_layers(layers, near)

    def more_options(self) -> dict[str, Any]:
        found = super().more_options()
        said = self.config.get("rope_parameters") or {}
        if "full_attention" not in said and "sliding_attention" not in said:
            found |= rotary_options(self.config, self.wrong, 1000000.0)
            near = self.config.get("rope_local_base_freq", 10000.0)
            return found | {"window_theta": float(number(near, "rope_local_base_freq", self.wrong))}
        far, near = (said.get(f"{one}_attention") or {} for one in ("full", "sliding"))
        where = "rope_parameters.{}.rope_theta"
        for ours, one, usual, key in (
            ("rotary_theta", far, 1000000.0, "full_attention"),
            ("window_theta", near, 10000.0, "sliding_attention"),
        ):
            value = one.get("rope_theta", usual)
            found[ours] = float(number(value, where.format(key), self.wrong))
        key = "rope_parameters.sliding_attention"
        if scaling_of(near, key, self.config, self.wrong) is not None:
            raise self.wrong(f"{key} has a scaling; none is known there.")
        key = "rope_parameters.full_attention"
        return found | {"rotary_scaling": scaling_of(far, key, self.config, self.wrong)}
