"""Which of several outputs of a row a translate stage keeps."""

from typing import Annotated, Any

from pydantic import Field

from tfkd.spec import registry
from tfkd.spec.faults import Faults
from tfkd.spec.metrics import OUTPUTS, about
from tfkd.spec.options.base import FieldName, Name, Options
from tfkd.spec.options.text_metrics import METRIC_OPTIONS
from tfkd.spec.wording import shown

_METRIC = "metric"
# What a search goes through, of which at most as many outputs are given.
_WIDTHS = ("beam", "length_candidates")


class BestOfOptions(Options):
    """The output that a metric likes best: held against the corpus's own (by), or against all
    others (mbr)."""

    best_of: Annotated[int, Field(ge=2, le=1000)] | None = Field(
        None,
        description="Outputs of each row that one is chosen from; default: n_best of decode.",
        examples=[8],
        json_schema_extra={"unit": "outputs"},
    )
    by: Name | None = Field(
        None,
        description="The metric of outputs, bleu, chrf or a plugin's, by whose score of a sentence "
        "an output is chosen: that most like `against` (sequence-level interpolation: Kim and "
        "Rush, 2016, section 3.3).",
        examples=["bleu"],
    )
    against: FieldName = Field(
        "target", description="The corpus's field that outputs are held against.",
        examples=["target"],
    )  # fmt: skip
    mbr: Name | None = Field(
        None,
        description="Or the metric by which an output is to be most like all outputs of its row "
        "(minimum Bayes risk: Kumar and Byrne, 2004; of draws, Eikema and Aziz, 2020).",
        examples=["chrf"],
    )
    metric_options: dict[str, Any] = Field({}, description=METRIC_OPTIONS)

    @property
    def metric(self) -> str:
        """The metric's name."""
        return self.by or self.mbr or ""

    def decoding(self, decode: Any, given: bool) -> Any:
        """A decoding that gives as many outputs as one is chosen from.

        Args:
            decode: Its options.
            given: Whether the spec says it; else the search is as wide as it must be.
        """
        if self.best_of is None or not hasattr(decode, "n_best"):
            return decode
        update = {"n_best": self.best_of}
        for width in () if given else _WIDTHS:
            if hasattr(decode, width):
                update[width] = max(getattr(decode, width), self.best_of)
        return decode.model_copy(update=update)

    def check(self, faults: Faults, path: tuple, decode: Any) -> None:
        """A metric of outputs, and a search that gives several.

        Args:
            faults: Takes the faults.
            path: Where this stands.
            decode: The stage's `decode:`; None: there is none.
        """
        if (self.by is None) == (self.mbr is None):
            said = "by and mbr" if self.by is not None else "neither by nor mbr"
            faults.add(path, said, "one of the two, like {best_of: 8, by: bleu}")
            return
        if self.mbr is not None and self.against != "target":
            faults.add(
                (*path, "against"), f"{self.against} beside mbr, which holds the outputs of a row "
                "against each other", "by in place of mbr, or no such key",
            )  # fmt: skip
            return
        key, known = "by" if self.by else "mbr", registry.names(_METRIC)
        fitting = [name for name in known if OUTPUTS in about(name).products]
        if self.metric not in known:
            faults.unknown((*path, key), f"{shown(self.metric)} is no metric", fitting, self.metric)
        elif self.metric not in fitting:
            faults.add((*path, key), f"{self.metric} is of no outputs",
                       f"one of {', '.join(fitting)}")  # fmt: skip
        number = getattr(decode, "n_best", 1)
        if decode is not None and not hasattr(decode, "n_best"):
            faults.add(path, f"{decode.kind} gives one output", "beam or sample")
        elif self.best_of is None and number == 1:
            faults.add(path, "of one output there is no choice", "best_of: 8, or n_best in decode")
        elif self.best_of is not None and number not in (1, self.best_of):
            faults.add((*path, "best_of"), f"{self.best_of}, and decode has n_best: {number}",
                       "one of the two")  # fmt: skip
        else:
            for width in _WIDTHS:
                most = getattr(decode, width, None)
                if most is not None and self.best_of is not None and most < self.best_of:
                    faults.add((*path, "best_of"), f"{self.best_of} of {width}: {most}",
                               f"{width}: {self.best_of} in decode")  # fmt: skip
