"""T5's published checkpoints, and those of mT5 and FLAN-T5."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar

from tfkd.models.published.architecture import Place, PublishedModel, place_in

_SHARED, _HEAD = "shared.weight", "lm_head.weight"
_TABLES = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
# What comes before the first dash of `feed_forward_proj`, and our name of what comes after it.
_ACTIVATIONS = {"relu": "relu", "gelu": "gelu", "gelu_new": "gelu_tanh", "silu": "silu"}


def _attention(ours: str, layer: str, theirs: str) -> dict[str, Any]:
    return {
        f"{ours}/query": f"{layer}.{theirs}.q",
        f"{ours}/key_value": (f"{layer}.{theirs}.k", f"{layer}.{theirs}.v"),
        f"{ours}/output_projection": f"{layer}.{theirs}.o",
        f"{ours}_norm": f"{layer}.layer_norm",
    }


def _parts(gated: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"embedding": "shared", "head/matrix": _HEAD}
    for side in ("encoder", "decoder"):
        block = f"{side}.block.{{}}.layer"
        last = 2 if side == "decoder" else 1
        dense = f"{block}.{last}.DenseReluDense"
        layer = _attention("self_attention", f"{block}.0", "SelfAttention")
        if side == "decoder":
            layer |= _attention("cross_attention", f"{block}.1", "EncDecAttention")
        layer |= {
            "inner": (f"{dense}.wi_0", f"{dense}.wi_1") if gated else f"{dense}.wi",
            "outer": f"{dense}.wo",
            "feed_forward_norm": f"{block}.{last}.layer_norm",
        }
        found |= {f"{side}/{{}}/{ours}": theirs for ours, theirs in layer.items()}
        found[f"{side}/final_norm"] = f"{side}.final_layer_norm"
        first = f"{side}.block.0.layer.0.SelfAttention"
        found[f"{side}_bias"] = f"{first}.relative_attention_bias"
    return found


_PLAIN, _GATED = _parts(gated=False), _parts(gated=True)


class PublishedT5(PublishedModel):
    """T5 (Raffel et al., 2020), T5 1.1 and FLAN-T5 (Chung et al., 2022).

    Its head is the embedding, with states that are scaled, or not (as `config.json` says); or a
    matrix of its own, where the folder has one that is not the embedding.
    """

    model_type: ClassVar[str] = "t5"
    title: ClassVar[str] = "a T5"
    kind: ClassVar[str] = "t5"
    tokenizer: ClassVar[str] = "sentencepiece"
    sizes: ClassVar[Mapping[str, str]] = {
        "vocabulary_size": "vocab_size",
        "encoder_layers": "num_layers",
        "width": "d_model",
        "heads": "num_heads",
        "head_size": "d_kv",
        "feed_forward": "d_ff",
    }
    body: ClassVar[tuple[str, ...]] = ("shared.", "encoder.", "decoder.", "lm_head.")
    unread: ClassVar[tuple[str, ...]] = ("EncDecAttention.relative_attention_bias.weight",)
    parts: ClassVar[Mapping[str, Any]] = _PLAIN
    # Whether one whose head is its embedding scales states before it.
    scales: ClassVar[bool] = True

    def options(self) -> dict[str, Any]:
        sizes = self.whole_numbers()
        gated, activation = self._feed_forward()
        for key, expected in (("pad_token_id", 0), ("decoder_start_token_id", 0)):
            if (found := self.config.get(key, expected)) not in (expected, None):
                raise self.wrong(f"{key} is {found!r}; only {expected} is known.")
        decoder = self.config.get("num_decoder_layers")
        return {
            **sizes,
            "decoder_layers": sizes["encoder_layers"] if decoder is None else decoder,
            "gated": gated,
            "activation": activation,
            "dropout": self.config.get("dropout_rate", 0.1),
            "norm_epsilon": self.config.get("layer_norm_epsilon", 1e-6),
            "buckets": self.config.get("relative_attention_num_buckets", 32),
            "max_distance": self.config.get("relative_attention_max_distance", 128),
            "output": self._output(),
        }

    def _feed_forward(self) -> tuple[bool, str]:
        """Whether it is gated, and its activation."""
        said = self.config.get("feed_forward_proj", "relu")
        gate, _, name = str(said).rpartition("-")
        name = "gelu_new" if said == "gated-gelu" else name
        if gate not in ("", "gated") or name not in _ACTIVATIONS:
            known = ", ".join([*_ACTIVATIONS, *(f"gated-{one}" for one in _ACTIVATIONS)])
            raise self.wrong(f"feed_forward_proj is {said!r}; known are {known}.")
        return bool(gate), _ACTIVATIONS[name]

    def _output(self) -> str:
        if self._own_head:
            return "own"
        tied = self.config.get("tie_word_embeddings", True) is not False
        scaled = self.scales and self.config.get("scale_decoder_outputs", tied)
        return "scaled" if scaled else "tied"

    @cached_property
    def _own_head(self) -> bool:
        """Whether its head is another matrix than its embedding."""
        stored = self.checkpoint.tensors
        if _HEAD not in stored or _SHARED not in stored:
            return _HEAD in stored
        return not self.checkpoint.same(_HEAD, _SHARED)

    def place(self, path: str) -> Place:
        gated = self._feed_forward()[0]
        if path == "head/matrix":
            return Place((_HEAD,))
        if not gated:
            return self.usual_place(path)
        found = place_in(_GATED, path, self.kernels_transposed)
        return self.usual_place(path) if found is None else found

    def spelled(self, name: str) -> str | None:
        if name.endswith(self.unread):
            return None
        alike = name in _TABLES or (name == _HEAD and not self._own_head)
        return _SHARED if alike else name

    def heads(self) -> tuple[str, ...]:
        return ("translation",)

    def build(self, heads: tuple[str, ...], **more: Any) -> Any:
        from tfkd.models.t5 import T5

        return T5(**self.options(), **more)

    def facts(self) -> Iterator[str]:
        yield "What it is to do stands in its sources, like `translate German to English: ...`."


class PublishedMt5(PublishedT5):
    """mT5 (Xue et al., 2021)."""

    model_type: ClassVar[str] = "mt5"
    title: ClassVar[str] = "an mT5"
    scales: ClassVar[bool] = False
