"""The precision of a training's products."""

from typing import Any, Literal, get_args

from pydantic import Field, model_validator

from tfkd.spec.options.base import Options

Products = Literal["float32", "bfloat16", "float16"]


class PrecisionOptions(Options):
    """The precision of a training's products, in its long form."""

    products: Products = Field(
        "float32", description="What products are made in; weights stay float32."
    )
    fake_quantize: Literal["int8"] = Field(
        description="What the engine that it is exported to will hold matrices in: in the forward "
        "pass and in validations products are those of matrices and states that are rounded so. "
        "For a short tuning before an export with quantize: int8."
    )

    @model_validator(mode="before")
    @classmethod
    def _rounded(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("fake_quantize") is None and "products" in given:
            known = given["products"] in get_args(Products)
            short = given["products"] if known else "bfloat16"
            raise ValueError(
                f"products alone; expected precision: {short}, or fake_quantize: int8 beside it"
            )
        return given


class HasPrecision:
    """What is read of a stage's `precision`, in its short or its long form."""

    precision: Any

    @property
    def products(self) -> str:
        """What products are made in."""
        return getattr(self.precision, "products", self.precision)

    @property
    def fake_quantize(self) -> str | None:
        """What products are rounded to in the forward pass; None: nothing."""
        return getattr(self.precision, "fake_quantize", None)
