"""What a spec knows of a format: the options of an export, and what the format cannot hold.

The other half, what writes and reads it, is `tfkd.serving.formats.format`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from pydantic import Field

from tfkd.spec.options.base import Options, StageReference

# Nats, for models whose answers mean nothing.
_ANY = 100.0


class Served(NamedTuple):
    """A model that is to be written in a format, as a spec knows it before anything is trained.

    Attributes:
        name: The stage, as `export:` refers to it.
        model: The model's options.
        task: The options' class of what it is for; see `tfkd.spec.tasks.task.TaskOptions`.
        decode: How it is decoded, as its first evaluation says; None: nothing says it.
    """

    name: str
    model: Any
    task: Any
    decode: Any


class FormatOptions(Options):
    """An export: a stage's model in a format, whose name in the registry is what `format` says.

    A format of one's own extends it with a field `format: Literal[NAME]`, its options, and the
    reasons against models that it cannot hold. It has a class beside it, a
    `tfkd.serving.formats.format.Format`, and both are one `register("format", NAME, ...)`.

    Attributes:
        products: What evaluations can count of what it answers: outputs, classes.
        encoders: Whether it takes encoders, too, which write no text.
        packages: Those that must be installed to write and to run it, by the names that they are
            imported by, which an extra of tfkd with the format's name brings.
        searches: Whether its engine writes outputs of ids, as many of a row as are asked for, each
            with its score: translate stages can write a corpus by it then.
    """

    products: ClassVar[tuple[str, ...]] = ()
    encoders: ClassVar[bool] = False
    packages: ClassVar[tuple[str, ...]] = ()
    searches: ClassVar[bool] = False

    of: StageReference = Field(description="The stage whose model is exported.")

    @classmethod
    def smoke(cls, entry: dict[str, Any]) -> None:
        """Cuts an export's keys down to what tiny models of a few steps can be held to."""

    def answers(self, model: Any) -> tuple[str, ...]:
        """What evaluations can count of what it answers of a model (its options): `products`, or
        some of them."""
        return self.products

    @property
    def name(self) -> str:
        """What tells it from the other exports of its stage: the format, and how it is quantized.
        Evaluations refer to it, and its folder is called so."""
        parts = (self.format, getattr(self, "quantize", None))
        return "_".join(part for part in parts if part)

    def reasons_against(self, served: Served) -> Iterator[tuple[str, str]]:
        """Why it cannot hold a model: what is wrong, each with a way out. No TensorFlow here."""
        yield from ()


class HeldOptions(FormatOptions):
    """An export whose engine's log-probabilities are held to the model's."""

    tolerance: float | None = Field(
        None,
        gt=0,
        json_schema_extra={"unit": "nats"},
        examples=[0.3],
        description="Nats that the engine's log-probabilities may differ by from the float32 "
        "model's on average, and ten times as many of any one; else the export is refused. By "
        "default what each type of weights allows: 0.1 in 8 bits, 0.0001 in float32. With more, "
        "the outputs of a beam may be worse by as many times more, too; it is for who measures by "
        "an evaluation of the export what it costs.",
    )

    @classmethod
    def smoke(cls, entry: dict[str, Any]) -> None:
        if "8" in str(entry.get("quantize", "")):
            entry["tolerance"] = _ANY

    def tolerated(self, usual: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
        """Nats: the most of any log-probability, and the mean.

        Args:
            usual: The same by types of weights, of exports that ask for none.
        """
        if self.tolerance is None:
            return usual[self.quantize]
        return 10 * self.tolerance, self.tolerance
