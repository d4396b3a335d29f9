"""ONNX: one model file for ONNX Runtime and whatever else reads it."""

from typing import ClassVar, Literal

from pydantic import Field

from tfkd.spec.formats.graph import GraphOptions


class OnnxOptions(GraphOptions):
    """A folder for ONNX Runtime: a model with labels, an encoder, or a model that fills in
    words."""

    packages: ClassVar[tuple[str, ...]] = ("onnxruntime", "onnx", "tf2onnx")

    format: Literal["onnx"] = Field(description="The format.")
