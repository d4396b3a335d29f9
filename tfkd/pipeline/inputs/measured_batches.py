"""The rows that a model is measured on, in batches."""

from typing import Any

from tfkd.data.batches.sequential import Sequential
from tfkd.data.examples import ExampleSet

BATCH_TOKENS = 4096
_VALIDATION_SEED = 0


def batches_of(examples: ExampleSet, view: Any) -> Sequential:
    """All rows once, in the view, with the same masks each time."""
    return Sequential(
        examples, {view.name: view}, size=BATCH_TOKENS, unit="joint_tokens", seed=_VALIDATION_SEED
    )
