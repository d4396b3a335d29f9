"""How a model is decoded where a spec does not say it."""

from typing import Any

from tfkd.spec.options import BeamOptions, GreedyOptions, MaskPredictOptions

# Tokens that a language model goes on with, whatever its prompt.
_WRITTEN = 64


def default_decode(model: Any) -> BeamOptions | GreedyOptions | MaskPredictOptions:
    """Mask-Predict for a decoder that sees both sides, greedy search of at most 64 tokens for a
    language model, which repeats itself in a beam, else beam search.

    Args:
        model: The model's options.
    """
    if model.is_causal:
        return GreedyOptions(max_length=_WRITTEN)
    return MaskPredictOptions() if model.fills_in else BeamOptions()
