"""COMET (Rei et al., 2020), by the package `unbabel-comet` and a checkpoint that you have.

Joined by `--plugin comet_metric`; COMET's checkpoints are pickles, which can run code as they are
loaded: name one that you trust.

    metrics: [bleu, comet], metric_options: {comet: {checkpoint: wmt22/checkpoints/model.ckpt}}
"""

import functools
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from tfkd.evaluation import Mean
from tfkd.spec.errors import UserError
from tfkd.spec.options import MetricOptions
from tfkd.spec.registry import register as add


class CometOptions(MetricOptions):
    """Which model scores, and how fast."""

    checkpoint: str = Field(min_length=1, description="The checkpoint's file, model.ckpt.")
    batch: int = Field(16, ge=1, description="Rows that are scored together.")
    gpus: int = Field(0, ge=0, description="GPUs that PyTorch may use.")


@functools.cache
def _model(checkpoint: str) -> Any:
    try:
        from comet import load_from_checkpoint
    except ImportError as error:
        raise UserError(
            f"comet: {error}; pip install unbabel-comet, best in an environment of its own"
        ) from error
    return load_from_checkpoint(checkpoint)


class Comet(Mean):
    """The mean over rows of what a COMET model says of source, output and reference."""

    name = "comet"
    title = "COMET"
    proper = True
    decimals = 4
    reads_sources = True
    in_training = False

    def rows(
        self, product: Sequence[str], references: Sequence[str], sources: Sequence[str]
    ) -> list[float]:
        triples = zip(sources, product, references, strict=True)
        data = [dict(zip(("src", "mt", "ref"), one, strict=True)) for one in triples]
        asked = {"batch_size": self.options.batch, "gpus": self.options.gpus}
        return list(_model(self.options.checkpoint).predict(data, **asked).scores)


def register() -> None:
    """Called when the plugin joins."""
    summary = "What a COMET model says of source, output and reference"
    add("metric", Comet.name, options=CometOptions, target="comet_metric:Comet", summary=summary)
