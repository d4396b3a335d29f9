"""A metric of one's own: how many words of the sources an output copies instead of translating.

Joined by `--plugin copied_metric` (this folder on PYTHONPATH); then specs name it like any other:

    validate: {on: valid, metrics: [loss, copied], keep: {best: copied}}
    evaluate:
      - {of: learn, on: test, metrics: [bleu, copied], metric_options: {copied: {least: 3}}}
"""

from collections.abc import Sequence

from pydantic import Field

from tfkd.evaluation import Mean
from tfkd.spec.options import MetricOptions
from tfkd.spec.registry import register as add


def copied(
    outputs: Sequence[str], references: Sequence[str], sources: Sequence[str], least: int = 1
) -> list[float]:
    """Of each output the share of its words that stand in its source and not in its reference.

    Args:
        outputs, references, sources: A line a row.
        least: Letters of the shortest word that counts.
    """
    found = []
    for output, reference, source in zip(outputs, references, sources, strict=True):
        words = [word for word in output.split() if len(word) >= least]
        wrong = {*source.split()} - {*reference.split()}
        found.append(sum(word in wrong for word in words) / max(1, len(words)))
    return found


class CopiedOptions(MetricOptions):
    """What counts as a word."""

    least: int = Field(1, ge=1, description="Letters of the shortest word that counts.")


class Copied(Mean):
    """The mean over rows of `copied`: any function of outputs, references and sources would do."""

    name = "copied"
    title = "Copied words"
    higher_is_better = False
    percent = True
    reads_sources = True

    def rows(
        self, product: Sequence[str], references: Sequence[str], sources: Sequence[str]
    ) -> list[float]:
        return copied(product, references, sources, self.options.least)


def register() -> None:
    """Called when the plugin joins."""
    summary = "The share of words that outputs copy from their sources"
    add(
        "metric", Copied.name, options=CopiedOptions, target="copied_metric:Copied", summary=summary
    )
