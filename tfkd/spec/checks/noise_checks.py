"""Noise on the texts of a training's rows: whether what is learnt of them stays true."""

import math
from typing import Any

from tfkd.spec.checks.segment_checks import segments_of
from tfkd.spec.families import view_kinds
from tfkd.spec.faults import Faults
from tfkd.spec.names import Found, Parts, found_stage, known
from tfkd.spec.options.teachers import teachers_of
from tfkd.spec.options.text_noise import MOST_FORMS
from tfkd.spec.stage_kinds import gives_of
from tfkd.spec.tasks.task import task_of


def noise_of(parts: Parts, faults: Faults, path: tuple, name: str | None) -> Any:
    """The options of a view of kind noise; None for a fault, or without one.

    Args:
        parts: The spec's parts.
        faults: Takes the fault.
        path: Where the view is named.
        name: It.
    """
    if name is None or not known(parts, faults, path, "view", name, "views"):
        return None
    view = parts.views.get(name)
    if view is not None and not view.of_texts:
        kinds = " or ".join(view_kinds(lambda one: one.of_texts))
        faults.add(
            path, f"{name} ({view.kind}) changes no text", f"a view of kind {kinds}; the view of a "
            "term stands in objective",
        )  # fmt: skip
        return None
    return view


def check_fields(faults: Faults, path: tuple, view: str, name: str, corpus: Any) -> None:
    """A corpus has texts that may change."""
    fields = corpus.field_names
    if "mark" in fields:
        faults.add(path, f"{view} moves characters, and {name} has marks at their places",
                   "a corpus without the field mark")  # fmt: skip
    elif not {"source", "target"} <= {*fields} and "text" not in fields:
        faults.add(path, f"{name} has {', '.join(fields)}", "a corpus with source and target, or "
                   "text")  # fmt: skip


def check_noise(
    parts: Parts, faults: Faults, path: tuple, part: Any, corpus: Any, stage: Any
) -> None:
    """`view:` of a part of a training stage's data.

    Stored targets of a teacher that has read the text as it was stand at the words of the target,
    and of a classifier at its rows: they are what a student should say of noise, too, as long as
    the target is the same.

    Args:
        parts: The spec's parts.
        faults: Takes the faults.
        path: The data part's path.
        part: Its options.
        corpus: The corpus's options; None where they are not known.
        stage: The stage's options.
    """
    name = getattr(part, "view", None)
    path = (*path, "view")
    view = noise_of(parts, faults, path, name)
    if view is None:
        return
    if part.pack is not None:
        faults.add(path, f"{name} and pack: {part.of} is to be read in blocks of many rows",
                   "one of the two")  # fmt: skip
    if corpus is None:
        return
    check_fields(faults, path, name, part.of, corpus)
    found = Found(stage, parts)
    pairs = {"source", "target"} <= {*corpus.field_names} and segments_of(found) is None
    task = task_of(found)
    if task.each_word:
        faults.add(path, f"{name} moves words, and {stage.train} labels each of them",
                   "no such view")  # fmt: skip
    elif not pairs and not task.over_classes:
        faults.add(path, f"the words of {part.of} are what {stage.train} learns to say, and "
                   f"{name} changes them", "pairs, whose target is said, or classes")  # fmt: skip
    else:
        _predicted(parts, faults, path, name, stage)
    if view.changes_target and pairs and not task.over_classes:
        _stored(parts, faults, path, name, stage)


def check_variants(parts: Parts, faults: Faults, path: tuple, stage: Any) -> None:
    """After how many epochs a training reads all its rows in the same forms again.

    Args:
        parts: The spec's parts.
        faults: Takes the fault.
        path: The stage's path.
        stage: Its options.
    """
    views = [parts.views.get(getattr(part, "view", None)) for part in stage.data]
    found = sorted({view.forms for view in views if view is not None and view.of_texts})
    if (together := math.lcm(*found)) > MOST_FORMS:
        faults.add(
            (*path, "data"), f"noise with {' and '.join(map(str, found))} variants, together "
            f"{together:,} forms of an epoch", f"variants whose least common multiple is at most "
            f"{MOST_FORMS}, like 4 and 8",
        )  # fmt: skip


def _predicted(parts: Parts, faults: Faults, path: tuple, name: str, stage: Any) -> None:
    """What a term predicts of the source, or of a text, would be what noise made of it."""
    for term, options in stage.objective.items():
        view = parts.views.get(getattr(options, "view", None))
        if view is not None and view.predicts_source and options.kind != "hidden_states":
            faults.add(
                path, f"{term} predicts words of the source in {options.view} ({view.kind}), and "
                f"{name} changes them", "terms that predict the target or classes alone; or a "
                "stage of its own for this term, on clean texts",
            )  # fmt: skip
            return


def _stored(parts: Parts, faults: Faults, path: tuple, name: str, stage: Any) -> None:
    """Stored targets are of the words that a target had."""
    for term, options in stage.objective.items():
        for teacher in teachers_of(options):
            found = found_stage(parts, teacher)
            if found is not None and "targets" in gives_of(found.stage):
                faults.add(
                    path, f"{name} changes targets, and {teacher} (of {term}) has stored what "
                    "belongs to their words", "sides: source of upper, title, punctuation and "
                    "tags; or a teacher that is asked in each step",
                )  # fmt: skip
                return
