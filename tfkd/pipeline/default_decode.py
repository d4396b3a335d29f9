"""How a model is decoded where a spec does not say it."""

from typing import Any

from tfkd.spec.options import BeamOptions, MaskPredictOptions, fills_in


def default_decode(model: Any) -> BeamOptions | MaskPredictOptions:
    """Mask-Predict for a decoder that sees both sides, else beam search.

    Args:
        model: The model's options.
    """
    return MaskPredictOptions() if fills_in(model) else BeamOptions()
