"""What formats of numeric graphs have in common: LiteRT and ONNX."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from tfkd.spec.formats.format import FormatOptions, Served
from tfkd.spec.metrics import CLASSES
from tfkd.spec.options import BertOptions

_SAVED_MODEL = "a SavedModel: {{of: {}, format: saved_model}}"
_CTRANSLATE2 = "a Transformer or a GPT-2 as {{of: {}, format: ctranslate2}}, or "


class GraphOptions(FormatOptions):
    """A graph that computes on ids, with the tokenizer's files beside it: classifiers."""

    products: ClassVar[tuple[str, ...]] = (CLASSES,)

    quantize: Literal["float32", "int8"] = Field(
        "float32",
        description="The type that weights are stored in. int8: matrices in 8 bits with a scale "
        "each, or one a row of them; what they are multiplied by is brought to 8 bits as it comes.",
    )

    def reasons_against(self, served: Served) -> Iterator[tuple[str, str]]:
        """Models that write word by word, and families whose graph is not known to be held."""
        name, model = served.name, served.model
        instead = _SAVED_MODEL.format(name)
        if not served.task.over_classes:
            yield (
                f"{name} writes text word by word",
                f"a classifier, {_CTRANSLATE2.format(name)}{instead}",
            )
        elif not isinstance(model, BertOptions):
            yield f"{name} is of kind {model.kind}", f"a classifier of kind bert, or {instead}"
