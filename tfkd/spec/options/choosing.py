"""Options of a stage that is trained, or a model that is decoded, with several settings, of which
the best is kept."""

from typing import Any

from pydantic import Field, PrivateAttr, model_serializer

from tfkd.spec.options.base import Options, Text


class ChooseOptions(Options):
    """Settings to try, and what they are judged by: `{balance.soft: [0.3, 0.5], by: valid.f1}`."""

    by: Text = Field(description="CORPUS.METRIC of a validation.")
    settings: dict[str, list[Any]] = Field(
        description="Dotted paths in the stage or the evaluation, and the values of each."
    )
    _trials: list[tuple[dict[str, Any], Any]] = PrivateAttr(default_factory=list)

    @property
    def trials(self) -> list[tuple[dict[str, Any], Any]]:
        """Each setting by path, and the options with it: the stage's, or the decoding's."""
        return self._trials

    def with_trials(self, trials: list[tuple[dict[str, Any], Any]]) -> "ChooseOptions":
        """The same, with the options of each setting."""
        self._trials = trials
        return self

    @property
    def metric(self) -> str:
        """The metric's name."""
        return self.by.partition(".")[2]

    @property
    def corpus(self) -> str:
        """The validation's corpus."""
        return self.by.partition(".")[0]

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        return {**self.settings, "by": self.by}
