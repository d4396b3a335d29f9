"""From a model to outputs: beam, greedy, Mask-Predict, and the decoding of whole corpora."""

from tfkd.lazy import lazy

_PLACES = {
    "BeamSearch": "searches",
    "Continuer": "continuation",
    "Decoded": "decoder",
    "Decoder": "decoder",
    "GreedySearch": "searches",
    "Hypotheses": "hypotheses",
    "LengthLimit": "length_limit",
    "MaskPredict": "mask_predict_search",
    "NumpyModel": "numpy_decoding",
    "NumpyOutput": "numpy_decoding",
    "Sampling": "searches",
    "Search": "search",
    "Shortlist": "shortlist",
    "beam_search": "beam",
    "build_search": "searches",
    "decode_greedily": "greedy",
    "greedy_search": "greedy",
    "left_to_right": "numpy_decoding",
    "length_penalty": "hypotheses",
    "mask_predict": "mask_predict_passes",
}
__getattr__, __dir__, __all__ = lazy(__name__, _PLACES)
