"""LiteRT (TensorFlow Lite): one model file for phones, browsers and small computers."""

from typing import ClassVar, Literal

from pydantic import Field

from tfkd.spec.formats.graph import GraphOptions


class LiteRTOptions(GraphOptions):
    """A folder for LiteRT: a model with labels, an encoder, or a model that fills in
    words."""

    packages: ClassVar[tuple[str, ...]] = ("ai_edge_litert",)

    format: Literal["litert"] = Field(description="The format.")
