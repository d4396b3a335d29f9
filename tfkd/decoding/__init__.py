"""From a model to outputs: beam, greedy, Mask-Predict, and the decoding of whole corpora."""

import importlib
from typing import Any

_PLACES = {
    "BeamSearch": "searches",
    "Continuer": "continuation",
    "Decoded": "decoder",
    "Decoder": "decoder",
    "GreedySearch": "searches",
    "Hypotheses": "hypotheses",
    "LengthLimit": "length_limit",
    "MaskPredict": "mask_predict_search",
    "Sampling": "searches",
    "beam_search": "beam",
    "build_search": "searches",
    "greedy_search": "greedy",
    "length_penalty": "hypotheses",
    "mask_predict": "passes",
}
__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'tfkd.decoding' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"tfkd.decoding.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
