"""CTranslate2's models: Transformers on CPUs and GPUs, in 8 bits if asked for."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from tfkd.spec.formats.format import HeldOptions, Served
from tfkd.spec.metrics import OUTPUTS, TEACHER_FORCED, WORDS
from tfkd.spec.options import (
    BeamOptions,
    Gpt2Options,
    GreedyOptions,
    LlamaOptions,
    TransformerOptions,
)

_SEARCHES = (BeamOptions, GreedyOptions)
# The families whose weights it has a place for.
_FAMILIES = (TransformerOptions, Gpt2Options, LlamaOptions)
# The length penalties by which the best output is among those that its search finds, which knows
# none: of 150 captions' outputs none was worse than those of a wider search up to 1.7, five were at
# 2.0, and of other models' more.
_PENALTIES = (0.0, 1.5)
_SAVED_MODEL = "a SavedModel: {{of: {}, format: saved_model}}"


class CTranslate2Options(HeldOptions):
    """A folder of CTranslate2: Transformers and GPT-2s, with their tokenizers' files."""

    products: ClassVar[tuple[str, ...]] = (OUTPUTS, TEACHER_FORCED, WORDS)
    packages: ClassVar[tuple[str, ...]] = ("ctranslate2",)
    searches: ClassVar[bool] = True

    format: Literal["ctranslate2"] = Field(description="The format.")
    quantize: Literal["float32", "float16", "bfloat16", "int8", "int8_float32"] = Field(
        "float32",
        description="The type that weights are stored in. int8: matrices in 8 bits, with a scale "
        "a row; all else in float32 on a CPU, and on a GPU as it has it fastest. int8_float32: in "
        "float32 everywhere.",
    )

    def answers(self, model: Any) -> tuple[str, ...]:
        """What a translator writes; how a language model predicts each next word."""
        return (OUTPUTS,) if model.encoder_decoder else (TEACHER_FORCED, WORDS)

    def reasons_against(self, served: Served) -> Iterator[tuple[str, str]]:
        """Models, adapters and searches that CTranslate2 does not have."""
        model, instead = served.model, _SAVED_MODEL.format(served.name)
        if type(model) not in _FAMILIES:
            held = " or a ".join(one.model_fields["kind"].default for one in _FAMILIES)
            yield f"{served.name} is of kind {model.kind}", f"a {held}, or {instead}"
            return
        if model.fills_in or getattr(model, "lengths", None) is not None:
            yield (
                f"{served.name} fills in hidden tokens, and does not write from left to right",
                (f"decoder_attention: causal, or {instead}"),
            )
        if isinstance(model, LlamaOptions):
            for what in _unlike(model):
                yield f"{served.name} has {what}", f"a model without, or {instead}"
        beside = [side for side, one in model.adapters.items() if not _folded(one)]
        if beside:
            sides = " and ".join(beside)
            yield f"{served.name} has adapters on its {sides}", f"a model without, or {instead}"
        if served.decode is not None and type(served.decode) not in _SEARCHES:
            kinds = " or ".join(one.model_fields["kind"].default for one in _SEARCHES)
            yield (
                f"{served.name} is decoded by {served.decode.kind}",
                (f"decode: {{kind: {kinds}}} in its first evaluation, or {instead}"),
            )
        elif getattr(served.decode, "beam", 2) == 1 and served.decode.length_penalty:
            yield (
                f"{served.name} is decoded by one beam with a length penalty",
                (f"decode: {{kind: greedy}} in its first evaluation, or {instead}"),
            )
        elif isinstance(served.decode, BeamOptions):
            least, most = _PENALTIES
            if not least <= served.decode.length_penalty <= most:
                yield (
                    f"{served.name} is decoded with a length penalty of "
                    f"{served.decode.length_penalty:g}",
                    (
                        f"length_penalty from {least:g} to {most:g} in its first evaluation, or "
                        f"{instead}"
                    ),
                )


def _folded(adapter: Any) -> bool:
    """Whether an adapter becomes a part of the projection that it stands on."""
    return adapter.folds and adapter.place.startswith("on_")


def _unlike(model: LlamaOptions) -> Iterator[str]:
    """What a rotary decoder has, and CTranslate2 has not."""
    if model.attention_cap is not None:
        yield f"attention_cap {model.attention_cap:g}"
    if model.attention_window is not None:
        yield f"attention_window {model.attention_window}"
    if model.unrotated_layers:
        yield f"unrotated_layers {model.unrotated_layers}"
    if model.rotary_scaling is not None and model.rotary_scaling.kind != "linear":
        yield f"rotary_scaling of kind {model.rotary_scaling.kind}"
