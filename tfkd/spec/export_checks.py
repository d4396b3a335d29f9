"""Exports: whether a stage's model can be served, and its SavedModel checked before it is."""

from typing import Any

from tfkd.spec.classifier_checks import tells_classes
from tfkd.spec.families import one_of
from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, stage_of
from tfkd.spec.segment_checks import segments_of
from tfkd.spec.wording import a

# Decodings that are written a second time, plainly: what a SavedModel answers is held against that.
_PLAIN = ("beam", "greedy", "mask_predict")


def check_export(parts: Parts, faults: Faults, path: tuple, stage: str) -> None:
    """A stage that `export:` names; it is decoded as its first evaluation with `decode:` says."""
    trained = stage_of(parts, faults, path, stage, "trained")
    model = trained.model if trained is not None else None
    decodes = [getattr(e, "decode", None) for e in parts.evaluate if e and e.of == stage]
    first = next((decode for decode in decodes if decode is not None), None)
    _check_decode(faults, path, stage, model, first)
    if trained is None:
        return
    if segments_of(trained) is not None:
        faults.add(
            path, f"{stage} learns to write segments ({segments_of(trained)})",
            "a stage that starts from it",
        )  # fmt: skip
    if model is not None and model.encoder_only and not tells_classes(trained):
        causal = one_of(lambda one: one.is_causal)
        faults.add(
            path, f"{stage} trains {a(model.kind)}, which writes no text",
            f"an encoder-decoder, {causal}, or a stage that trains a classifier",
        )  # fmt: skip


def _check_decode(faults: Faults, path: tuple, stage: str, model: Any, decode: Any) -> None:
    kind = getattr(decode, "kind", None)
    if kind == "sample":
        # Another file's model is not known here.
        if model is not None and model.encoder_decoder:
            faults.add(
                path, f"{stage} is decoded by draws in its first evaluation, and an "
                "encoder-decoder's SavedModel is checked against a search",
                "an evaluation of it with beam or greedy first",
            )  # fmt: skip
    elif kind is not None and kind not in _PLAIN:
        known = ("beam", "greedy", "sample") if model is not None and model.is_causal else _PLAIN
        faults.add(
            path, f"{stage} is decoded by {kind} of a plugin in its first evaluation, and a "
            "SavedModel is checked against a second, plain code of its decoding, which only "
            f"{', '.join(known)} have so far",
            f"an evaluation of it with {' or '.join(known[:2])} first, or no export",
        )  # fmt: skip
