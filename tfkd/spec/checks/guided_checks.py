"""Terms that guide a decoder's attention by alignments."""

from typing import Any

from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, stage_of
from tfkd.spec.options.models.transformer import TransformerOptions
from tfkd.spec.wording import a


def check_guided(
    parts: Parts, faults: Faults, path: tuple, options: Any, model: Any, stage: Any
) -> None:
    """The alignments are there, and stand at the places that the student attends to.

    Args:
        parts: The spec's parts.
        faults: Takes the faults.
        path: The term's.
        options: Its options.
        model: The student's; None: not known.
        stage: The training's.
    """
    links = stage_of(parts, faults, (*path, "alignments"), options.alignments, "alignments")
    if options.view is not None:
        faults.add(
            (*path, "view"), f"{options.view}, and links are of texts as they stand", "no view"
        )
    for part in stage.data:
        if getattr(part, "view", None) is not None:
            faults.add(
                path, f"attention guided by the links of {part.of}, and {part.view} changes its "
                "texts", "one of them; or a disturb stage of it, which is aligned itself",
            )  # fmt: skip
    if getattr(stage, "on_policy", None) is not None:
        faults.add(
            path, "attention guided by a corpus's links, and on_policy has targets of the "
            "student's own", "one of them",
        )  # fmt: skip
    if links is not None and links.parts is parts and hasattr(links.stage, "align"):
        for part in stage.data:
            if part.of is not None and part.of != links.stage.align:
                faults.add(
                    (*path, "alignments"), f"{options.alignments} aligns {links.stage.align}, and "
                    f"the stage reads {part.of}", "an align stage of the corpus that is read",
                )  # fmt: skip
            elif part.of is not None and part.swap != getattr(links.stage, "swap", part.swap):
                ways = {True: "swapped", False: "as it stands"}
                faults.add(
                    (*path, "alignments"), f"{options.alignments} aligns {part.of} "
                    f"{ways[links.stage.swap]}, and the stage reads it {ways[part.swap]}",
                    "an align stage with" + "out" * (not part.swap) + " swap: true",
                )  # fmt: skip
    if model is None:
        return
    if not isinstance(model, TransformerOptions):
        faults.add(
            path, f"{stage.train} is {a(model.kind)}, which has no heads that attend to a source",
            f"a student of kind {TransformerOptions.model_fields['kind'].default}",
        )  # fmt: skip
        return
    for key, most in (("layer", model.decoder_layers), ("heads", model.heads)):
        if (getattr(options, key) or 1) > most:
            faults.add(
                (*path, key), f"{getattr(options, key)}, and {stage.train} has {most}",
                f"1 to {most}",
            )  # fmt: skip
