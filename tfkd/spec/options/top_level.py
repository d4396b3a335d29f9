"""Options of a spec's top level: the paper that it follows, model cards, and where it runs."""

from typing import Annotated, Literal

from pydantic import Field

from tfkd.spec.options.base import Count, Name, Options, Text


class PaperOptions(Options):
    """The paper that a spec follows."""

    title: Text = Field(description="Its title.")
    table: int | str | None = Field(None, description="The table.")
    published: dict[Name, float] = Field({}, description="Published figures.")


class CardOptions(Options):
    """What the model cards of exports say of the models that no run can know."""

    licence: Text | None = Field(
        None, description="The models' licence, as its SPDX identifier or in words."
    )
    languages: list[Text] = Field(
        [], description="Languages: of a translator that which it reads, then that which it writes."
    )


class RuntimeOptions(Options):
    """Where it runs. Batches and masks stay the same everywhere; on several devices, and with
    jit_compile, rounding and what dropout leaves out do not. Finished stages are used wherever
    they were made."""

    devices: Literal["auto"] | Count = Field(
        "auto",
        description="Devices to use. With another number of them rounding and dropout's masks "
        "differ.",
    )
    hosts: Literal["auto"] | Count = Field(
        "auto",
        description="Hosts that train together: those that TF_CONFIG names, if it is set; a number "
        "refuses any other.",
    )
    steps_per_execution: Annotated[int, Field(ge=1, le=64)] = Field(
        1,
        description="Steps that one call of the graph makes; more keep a fast device from waiting.",
    )
    streams: Literal["auto"] | Count = Field(
        "auto",
        description="On a CPU: parts of a batch that its cores compute side by side. auto: one a "
        "core, at most 4, where steps are large enough. Dropout's masks differ with the number.",
    )
    fuse: Literal["auto"] | bool = Field(
        "auto",
        description="On a CPU: compile chains of elementwise operations by XLA, a second or so "
        "for each new shape of batch. auto: where steps are large and many.",
    )
    jit_compile: bool = Field(
        False,
        description="Compile the step by XLA, anew for each shape of batch. Batches are padded "
        "wider, to fewer shapes, so dropout's masks differ as well.",
    )

    @property
    def may_share_cores(self) -> bool:
        """Whether trainings may take parts of a batch side by side."""
        return self.streams != 1 and not self.jit_compile and self.devices in ("auto", 1)
