"""What formats of numeric graphs have in common: LiteRT and ONNX."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from tfkd.spec.formats.format import HeldOptions, Served
from tfkd.spec.metrics import CLASSES, OUTPUTS
from tfkd.spec.options import AbNetOptions, BertOptions, MaskPredictOptions, TransformerOptions

_SAVED_MODEL = "a SavedModel: {{of: {}, format: saved_model}}"
_CTRANSLATE2 = "a Transformer or a GPT-2 as {{of: {}, format: ctranslate2}}, or "
# The families whose graphs are held against NumPy.
_LABELLING, _FILLING = (BertOptions,), (TransformerOptions, AbNetOptions)


class GraphOptions(HeldOptions):
    """Graphs that compute on ids, with the tokenizers' files beside them: models with labels,
    encoders, and models that fill in words by Mask-Predict."""

    encoders: ClassVar[bool] = True

    products: ClassVar[tuple[str, ...]] = (CLASSES, OUTPUTS)

    quantize: Literal["float32", "int8"] = Field(
        "float32",
        description="The type that weights are stored in. int8: matrices in 8 bits with a scale "
        "each, or one a row of them; what they are multiplied by is brought to 8 bits as it comes.",
    )

    def answers(self, model: Any) -> tuple[str, ...]:
        """Outputs of a translator, nothing that is counted of an encoder, and of a model with a
        head what its task makes of a row."""
        if model.encoder_decoder:
            return (OUTPUTS,)
        return self.products if getattr(model, "head", None) is not None else ()

    @model_validator(mode="before")
    @classmethod
    def _not_calibrated(cls, given: Any) -> Any:
        """Static 8 bits are refused. Of a BERT of two layers of width 128 on SST-2, a row alone on
        one core: float32 0.40 ms, int8 as it is here 0.25 ms and 99.7 % of the labels, calibrated
        on 200 rows 1.6 ms and 98.3 %, products alone 1.3 ms and 99.9 % (ONNX Runtime 1.32)."""
        if isinstance(given, dict) and given.get("calibrate") is not None:
            raise ValueError(
                "calibrate: scales that are fixed by a corpus made ONNX Runtime three times as "
                "slow as float32, and LiteRT's converter has none for texts of any length; "
                "expected quantize: int8 alone, whose scales are found as states come"
            )
        return given

    def reasons_against(self, served: Served) -> Iterator[tuple[str, str]]:
        """Models that write from left to right, other searches, and families whose graph is not
        known to be held."""
        name, model = served.name, served.model
        instead = _SAVED_MODEL.format(name)
        labels = served.task.over_classes or served.task.encodes
        fills = model.encoder_decoder and model.fills_in
        families = _LABELLING if labels else _FILLING
        if not (labels or fills):
            yield (
                f"{name} writes text from left to right",
                (
                    "a classifier, a model that fills in words (decoder_attention: full), "
                    f"{_CTRANSLATE2.format(name)}{instead}"
                ),
            )
        elif not isinstance(model, families):
            known = " or ".join(one.model_fields["kind"].default for one in families)
            yield f"{name} is of kind {model.kind}", f"a model of kind {known}, or {instead}"
        elif not isinstance(served.decode, MaskPredictOptions | None):
            yield (
                f"{name} is decoded by {served.decode.kind}",
                f"decode: {{kind: mask_predict}} in its first evaluation, or {instead}",
            )
