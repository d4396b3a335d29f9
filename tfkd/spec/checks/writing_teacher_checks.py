"""Teacher checks of models that are asked in their students' steps and write from left to right."""

from typing import Any

from tfkd.spec.checks.packing_checks import check_separators
from tfkd.spec.checks.segment_checks import segments_of
from tfkd.spec.checks.teacher_checks import predicted
from tfkd.spec.faults import Faults
from tfkd.spec.names import Found, Parts, stage_of
from tfkd.spec.wording import a

_SAME = "a model without a teacher that predicts the same words"


def writes(found: Found) -> bool:
    """Whether a stage's model is a language model, or an encoder-decoder from left to right."""
    return found.model is not None and found.model.writes


def check_writing_teacher(
    parts: Parts, faults: Faults, path: tuple, entry: Any, teacher: Found
) -> None:
    """The check of such a teacher: beside a model without a teacher at the same positions, or, of a
    language model and of segments, beside itself without context."""
    segments = segments_of(teacher)
    if entry.against is None:
        if not teacher.model.is_causal and segments is None:
            faults.add(
                (*path, "of"), f"{entry.of} writes whole outputs, and nothing stands beside it",
                "against: STAGE, a model without a teacher",
            )  # fmt: skip
        return
    where = (*path, "against")
    beside = stage_of(parts, faults, where, entry.against, "trained")
    if beside is None or beside.model is None:
        return
    theirs = segments_of(beside)
    if not writes(beside) or beside.model.is_causal != teacher.model.is_causal:
        faults.add(where, f"{entry.against} has {a(beside.model.kind)}", _SAME)
    elif _view(teacher, segments) != _view(beside, theirs):
        faults.add(
            where, f"{entry.against} is measured in other views of a text than {entry.of}", _SAME
        )
    elif predicted(beside.model) != predicted(teacher.model):
        faults.add(
            where, f"{entry.of} predicts the pieces of {predicted(teacher.model)}, "
            f"{entry.against} those of {predicted(beside.model)}", _SAME,
        )  # fmt: skip
    else:
        check_separators(faults, where, entry, teacher, beside)


def _view(found: Found, segments: str | None) -> Any:
    """What a model is measured in: its segments, how much of a text it reads, or whole outputs."""
    if segments is not None:
        return found.parts.views[segments]
    if not found.model.is_causal:
        return None
    terms = getattr(found.stage, "objective", {}).values()
    views = [found.parts.views.get(getattr(term, "view", None)) for term in terms]
    limit = getattr(next(iter(views), None), "max_length", None)
    return limit or found.model.max_length
