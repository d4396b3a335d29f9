"""Exports: whether a stage's model can be served."""

from tfkd.spec.classifier_checks import tells_classes
from tfkd.spec.families import one_of
from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, stage_of
from tfkd.spec.segment_checks import segments_of
from tfkd.spec.wording import a


def check_export(parts: Parts, faults: Faults, path: tuple, stage: str) -> None:
    """A stage that `export:` names."""
    trained = stage_of(parts, faults, path, stage, "trained")
    if trained is None:
        return
    if segments_of(trained) is not None:
        faults.add(
            path, f"{stage} learns to write segments ({segments_of(trained)})",
            "a stage that starts from it",
        )  # fmt: skip
    model = trained.model
    if model is not None and model.encoder_only and not tells_classes(trained):
        causal = one_of(lambda one: one.is_causal)
        faults.add(
            path, f"{stage} trains {a(model.kind)}, which writes no text",
            f"an encoder-decoder, {causal}, or a stage that trains a classifier",
        )  # fmt: skip
