"""Published checkpoints of Llama, Mistral, Qwen 2 and 3 and SmolLM3."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar

from tfkd.models.published.architecture import ACTIVATIONS, Place, PublishedModel
from tfkd.models.published.rotary import number, rotary_options

_HEAD, _TABLE = "lm_head.weight", "embed_tokens.weight"
_LAYER = "layers.{}."
_ATTENTION = f"{_LAYER}self_attn."
PARTS: Mapping[str, Any] = {
    "embedding/tokens": "embed_tokens",
    "head/matrix": _HEAD,
    "decoder/final_norm": "norm",
    "decoder/{}/self_attention/query": f"{_ATTENTION}q_proj",
    "decoder/{}/self_attention/key_value": (f"{_ATTENTION}k_proj", f"{_ATTENTION}v_proj"),
    "decoder/{}/self_attention/output_projection": f"{_ATTENTION}o_proj",
    "decoder/{}/self_attention/query_norm": f"{_ATTENTION}q_norm",
    "decoder/{}/self_attention/key_norm": f"{_ATTENTION}k_norm",
    "decoder/{}/feed_forward/gate_up": (f"{_LAYER}mlp.gate_proj", f"{_LAYER}mlp.up_proj"),
    "decoder/{}/feed_forward/down": f"{_LAYER}mlp.down_proj",
    "decoder/{}/self_attention_norm": f"{_LAYER}input_layernorm",
    "decoder/{}/feed_forward_norm": f"{_LAYER}post_attention_layernorm",
}
_ROWS = ("embedding/tokens/table", "head/matrix")
# What says that something else is computed, whatever its value.
_UNKNOWN = ("quantization_config", "num_experts", "num_local_experts", "moe_intermediate_size")


class PublishedRotaryDecoder(PublishedModel):
    """What these have in common.

    Attributes:
        tied: Whether the head is the embedding where `config.json` does not say.
        biases: What `attention_bias` here is with and without `attention_bias` there.
        normed: Whether queries and keys are normed.
        theta: Base of the rotary angles where it is not said.
    """

    cuts: ClassVar[bool] = True
    kind: ClassVar[str] = "llama"
    sizes: ClassVar[Mapping[str, str]] = {
        "vocabulary_size": "vocab_size",
        "layers": "num_hidden_layers",
        "width": "hidden_size",
        "heads": "num_attention_heads",
        "feed_forward": "intermediate_size",
        "max_length": "max_position_embeddings",
    }
    activations: ClassVar[Mapping[str, str]] = ACTIVATIONS | {"silu": "silu", "swish": "silu"}
    body: ClassVar[tuple[str, ...]] = ("",)
    unread: ClassVar[tuple[str, ...]] = (".rotary_emb.inv_freq",)
    parts: ClassVar[Mapping[str, Any]] = PARTS
    tied: ClassVar[bool] = False
    biases: ClassVar[tuple[str, str]] = ("none", "all")
    normed: ClassVar[bool] = False
    theta: ClassVar[float] = 10000.0

    def options(self) -> dict[str, Any]:
        for key in _UNKNOWN:
            if self.config.get(key) is not None:
                raise self.wrong(f"{key} is {self.config[key]!r}; no such model is known here.")
        sizes = self.whole_numbers()
        heads, width = sizes["heads"], sizes["width"]
        head_width = self.config.get("head_dim") or width // max(heads, 1)
        keys = self.config.get("num_key_value_heads") or heads
        for key, value in (("head_dim", head_width), ("num_key_value_heads", keys)):
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise self.wrong(f"{key} is {value!r}; expected a whole number.")
        if heads % keys:
            raise self.wrong(f"num_key_value_heads ({keys}) does not divide {heads} heads.")
        window, layers = self.windows(sizes["layers"])
        return {
            **sizes,
            "vocabulary_size": self.vocabulary,
            "key_value_heads": keys,
            "head_width": head_width,
            "norm_epsilon": float(number(self.config.get("rms_norm_eps", 1e-6), "rms_norm_eps",
                                         self.wrong)),
            "activation": self.activation("hidden_act", "silu"),
            "attention_bias": self.biases[self.said("attention_bias", False)],
            "feed_forward_bias": self.said("mlp_bias", False),
            "query_key_norm": self.normed,
            "tie_embeddings": self.said("tie_word_embeddings", self.tied),
            "attention_window": window,
            "window_layers": layers,
            **rotary_options(self.config, self.wrong, self.theta),
            **self.more_options(),
        }  # fmt: skip

    def more_options(self) -> dict[str, Any]:
        """Options that only this one has."""
        return {}

    def windows(self, layers: int) -> tuple[int | None, list[int]]:
        """How many tokens a window has, and the numbers of the layers that have one."""
        return None, []

    def said(self, key: str, default: bool) -> bool:
        """A key that is true or false.

        Raises:
            UserError: It is something else.
        """
        value = self.config.get(key, default)
        value = default if value is None else value
        if not isinstance(value, bool):
            raise self.wrong(f"{key} is {value!r}; expected true or false.")
        return value

    def typed_layers(self, layers: int, default: list[bool]) -> tuple[int | None, list[int]]:
        """`windows` by `layer_types`, or by default where it is not said.

        Args:
            layers: Their number.
            default: Whether each has a window.
        """
        types = self.config.get("layer_types")
        if types is not None:
            known = ("full_attention", "sliding_attention")
            if not isinstance(types, list) or len(types) != layers or not {*types} <= {*known}:
                raise self.wrong(
                    f"layer_types is {types!r}; expected {layers} of {' and '.join(known)}."
                )
            default = [one == known[1] for one in types]
        numbers = [number for number, near in enumerate(default, start=1) if near]
        window = self.config.get("sliding_window")
        if not numbers or window is None:
            return None, []
        return int(number(window, "sliding_window", self.wrong)), numbers

    @cached_property
    def vocabulary(self) -> int:
        """Rows that stand for pieces: all, or as many as the folder's tokenizer has pieces, where
        these are fewer: rows behind them are padding, which no text is cut into."""
        rows = self.whole_numbers()["vocabulary_size"]
        pieces = self.pieces()
        return rows if pieces is None else min(rows, pieces)

    def pieces(self) -> int | None:
        """How many pieces the folder's tokenizer has; None without one."""
        from tfkd.data.tokenizers.folder_tokenizer import pieces_of_folder

        return pieces_of_folder(self.folder)

    @property
    def tokenizer(self) -> str:  # type: ignore[override]
        """The kind of its tokenizer, which the same model_type has in two."""
        from tfkd.data.tokenizers.folder_tokenizer import kind_of_folder

        return kind_of_folder(self.folder)

    def place(self, path: str) -> Place:
        found = self.usual_place(path)
        if path not in _ROWS:
            return found
        rows = self.whole_numbers()["vocabulary_size"]
        return found if rows == self.vocabulary else found._replace(rows=rows)

    def spelled(self, name: str) -> str | None:
        """Without the prefix `model.`; a head that is stored too is the embedding again."""
        name = name.removeprefix("model.")
        tied = name == _HEAD and self.said("tie_word_embeddings", self.tied)
        return None if tied or name.endswith(self.unread) else name

    def heads(self) -> tuple[str, ...]:
        known = self.said("tie_word_embeddings", self.tied) or _HEAD in self.tensors
        return ("causal_lm",) if known else ()

    def refuse_lacking(self, kind: str) -> None:
        if kind not in self.heads():
            raise self.wrong(
                f"tie_word_embeddings is false, and there is no {_HEAD}: it has no head over "
                "words. Expected a checkpoint of the whole model."
            )

    def check(self) -> None:
        stored = [one for one in (_HEAD, f"model.{_HEAD}") if one in self.checkpoint.tensors]
        if not stored or _HEAD in self.tensors:
            return
        if not self.checkpoint.same(stored[0], self.tensors[_TABLE]):
            raise self.wrong(
                f"tie_word_embeddings is true, and {_HEAD} is not {_TABLE}; expected the same."
            )

    def build(self, heads: tuple[str, ...], **more: Any) -> Any:
        from tfkd.models.llama import Llama

        return Llama(**{**self.options(), **more})

    def facts(self) -> Iterator[str]:
        rows = self.whole_numbers()["vocabulary_size"]
        if rows > self.vocabulary:
            yield (
                f"Its matrices have {rows:,} rows, its tokenizer {self.vocabulary:,} pieces: the "
                "rows behind them are padding, and are not read."
            )


class PublishedLlama(PublishedRotaryDecoder):
    """Llama 1 to 3 (Touvron et al., 2023; Dubey et al., 2024)."""

    model_type: ClassVar[str] = "llama"
    title: ClassVar[str] = "a Llama"


class PublishedMistral(PublishedRotaryDecoder):
    """Mistral (Jiang et al., 2023), all of whose layers have a window where it has one."""

    model_type: ClassVar[str] = "mistral"
    title: ClassVar[str] = "a Mistral"
    plain: ClassVar[Mapping[str, Any]] = {"attention_bias": False, "mlp_bias": False}

    def windows(self, layers: int) -> tuple[int | None, list[int]]:
        return self.typed_layers(layers, [True] * layers)


class PublishedQwen2(PublishedRotaryDecoder):
    """Qwen 2 and 2.5 (Yang et al., 2024): queries, keys and values have biases."""

    model_type: ClassVar[str] = "qwen2"
    title: ClassVar[str] = "a Qwen 2"
    plain: ClassVar[Mapping[str, Any]] = {"mlp_bias": False}
    biases: ClassVar[tuple[str, str]] = ("inputs", "inputs")

    def windows(self, layers: int) -> tuple[int | None, list[int]]:
        if not self.said("use_sliding_window", False):
            return None, []
        first = self.config.get("max_window_layers", layers)
        return self.typed_layers(layers, [number >= first for number in range(layers)])


class PublishedQwen3(PublishedQwen2):
    """Qwen 3 (Yang et al., 2025): queries and keys are normed."""

    model_type: ClassVar[str] = "qwen3"
    title: ClassVar[str] = "a Qwen 3"
    biases: ClassVar[tuple[str, str]] = ("none", "all")
    normed: ClassVar[bool] = True


class PublishedSmolLm3(PublishedRotaryDecoder):
    """SmolLM3 (Bakouch et al., 2025), every fourth layer of which has no positions."""

    model_type: ClassVar[str] = "smollm3"
    title: ClassVar[str] = "a SmolLM3"
    tied: ClassVar[bool] = True
    theta: ClassVar[float] = 2000000.0

    def _turned(self, layers: int) -> list[int]:
        found = self.config.get("no_rope_layers")
        if found is None:
            every = self.config.get("no_rope_layer_interval", 4)
            return [int((number + 1) % every != 0) for number in range(layers)]
        if not isinstance(found, list) or len(found) != layers or not {*found} <= {0, 1}:
            raise self.wrong(f"no_rope_layers is {found!r}; expected {layers} of 0 and 1.")
        return found

    def windows(self, layers: int) -> tuple[int | None, list[int]]:
        near = self.said("use_sliding_window", False)
        return self.typed_layers(layers, [near and not one for one in self._turned(layers)])

    def more_options(self) -> dict[str, Any]:
        turned = self._turned(self.whole_numbers()["layers"])
        return {"unrotated_layers": [at for at, one in enumerate(turned, start=1) if not one]}
