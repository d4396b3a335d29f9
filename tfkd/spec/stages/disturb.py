"""The options of stages that put noise on a corpus."""

from typing import Any, ClassVar

from pydantic import Field

from tfkd.spec.checks.noise_checks import check_fields, noise_of
from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, corpus_of, written
from tfkd.spec.options.base import CorpusName, Name
from tfkd.spec.stage import StageOptions


class DisturbOptions(StageOptions):
    """A corpus with noise on its texts; its name is that of a corpus with the same fields."""

    kind: ClassVar[str] = "disturb"
    gives: ClassVar[frozenset[str]] = frozenset({"corpus"})
    disturb: CorpusName = Field(
        description="The corpus, or a stage that writes one.", examples=["test"]
    )
    view: Name = Field(description="A view of kind noise.", examples=["robust"])

    @classmethod
    def check(cls, stage: Any, parts: Parts, faults: Faults, path: tuple) -> None:
        """A disturb stage: its corpus, and noise that fits it."""
        if not isinstance(stage, cls):  # a stand-in: what it names is there
            super().check(stage, parts, faults, path)
            return
        corpus = corpus_of(parts, faults, (*path, "disturb"), stage.disturb, whole=True)
        where = written(faults, (*path, "view"))
        if noise_of(parts, faults, where, stage.view) is not None and corpus is not None:
            check_fields(faults, where, stage.view, stage.disturb, corpus)
