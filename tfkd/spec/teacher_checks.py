"""The teachers of terms: stored targets, and models that are asked in the step."""

from typing import Any

from tfkd.spec.classifier_checks import check_class_teacher
from tfkd.spec.faults import Faults
from tfkd.spec.layer_pairs import layer_pairs
from tfkd.spec.names import Found, Parts, found_stage, stage_of
from tfkd.spec.options import (
    fills_in,
    goes_on,
    own_vocabulary,
    reads_pairs,
    reads_streams,
    sides_of,
    term_module,
)
from tfkd.spec.options.parts import OF_SOURCE, OWN_ENCODER
from tfkd.spec.start_checks import MODELS
from tfkd.spec.wording import a

NO_HEAD = "has no head, and predicts nothing"
SOURCE_VIEWS = f"a view of kind {' or '.join(OF_SOURCE)}"


def predicted(model: Any) -> str | None:
    """The tokenizer whose pieces a model predicts."""
    return own_vocabulary(model) or sides_of(model).get("target")


def source_alone(model: Any, view: Any) -> bool:
    return getattr(model, "kind", None) in OWN_ENCODER and getattr(view, "kind", "") in OF_SOURCE


def check_teacher(
    parts: Parts, faults: Faults, path: tuple, options: Any, model: Any, stage: Any
) -> Any:
    """Checks a term's teacher; returns the model of one that is asked in the step, or None."""
    name = getattr(options, "teacher", None)
    if name is None:
        return None
    where = (*path, "teacher")
    kinds = MODELS if options.kind == "hidden_states" else ("score", *MODELS)
    found = stage_of(parts, faults, where, name, kinds=kinds)
    if found is None:
        return None
    classes = check_class_teacher(parts, faults, path, options, model, found)
    if found.stage.kind == "score":
        _stored(faults, where, name, found, stage, None if classes else model)
        view = getattr(options, "view", None)
        if source_alone(model, parts.views.get(view)):
            faults.add(
                (*path, "view"), f"{view} hides words of the source, and {name} scored the target",
                "no view, or a train or load stage as the teacher",
            )  # fmt: skip
        for key in ("at", "top_k"):
            value = getattr(options, key, None)
            if value not in (None, "selected"):
                faults.add(
                    (*path, key), f"{value}, and {name} is a score stage, whose targets are stored",
                    "a train or load stage as the teacher, or no such option",
                )  # fmt: skip
        return None
    if found.headless and options.kind == "soft_targets":
        faults.add(where, f"{name} {NO_HEAD}", "one with a head")
    teacher = found.model
    if teacher is not None:
        _live(found.parts, faults, path, name, options, teacher, model)
    return teacher


def check_positions(
    faults: Faults, path: tuple, options: Any, view: Any, model: Any, live: Any
) -> None:
    """Where a live teacher is asked: at positions that the view has, and that it has room for."""
    kind = getattr(view, "kind", "none")
    if term_module(model, view, live) is not None and kind == "none":
        for key in ("at", "divide_by"):
            if getattr(options, key, None) == "selected":
                faults.add(
                    (*path, key), "selected, and the plain view selects no word of the source",
                    f"{'at: all' if key == 'at' else 'another divisor'}, or {SOURCE_VIEWS}",
                )  # fmt: skip
    if live.kind in OWN_ENCODER and kind in OF_SOURCE:
        faults.add(
            (*path, "view"), f"{options.view} is read by an encoder alone, and {options.teacher} "
            f"is {a(live.kind)}", "a stage of a bert as the teacher, or no view",
        )  # fmt: skip
    soft = options.kind == "soft_targets"
    if soft and goes_on(live) and options.at == "all":
        faults.add(
            (*path, "at"), "all leaves the ends out, and a gpt2 predicts them too", "at: selected, "
            "which is every position of its text",
        )  # fmt: skip
    reads = getattr(view, "max_length", None) or getattr(model, "max_length", 0)
    if goes_on(live) and goes_on(model) and live.max_length < reads:
        faults.add(
            (*path, "teacher"), f"{options.teacher} has positions for {live.max_length} tokens, "
            f"and this student reads {reads}", "a smaller max_length of the student",
        )  # fmt: skip
    if kind == "prefix_lm" and getattr(options, "at", None) == "all":
        faults.add(
            (*path, "at"), f"all, and {options.view} (prefix_lm) predicts the next word of the "
            "target alone", "at: selected",
        )  # fmt: skip
    if _kind(model) == live.kind == "bert" and view is not None:
        longest = getattr(view, "max_length", 0)
        if longest > live.max_length:
            faults.add(
                (*path, "teacher"),
                f"{options.teacher} has positions for {live.max_length} tokens, and "
                f"{options.view} makes {longest}",
                "a smaller max_length of the view",
            )


def check_top_k(
    parts: Parts, faults: Faults, path: tuple, top_k: int | None, name: str | None
) -> None:
    """No more words than a vocabulary has, as far as its size is known: a learnt one's."""
    pieces = parts.tokenizers.get(name)
    if top_k and getattr(pieces, "learn_from", None) and top_k > pieces.size:
        faults.add(path, f"{top_k} of the {pieces.size} pieces of {name}", "no more than those")


def _live(
    parts: Parts, faults: Faults, path: tuple, name: str, options: Any, teacher: Any, model: Any
) -> None:
    """A teacher that is asked in the step reads what its student reads, in the same pieces."""
    where = (*path, "teacher")
    if not reads_streams(teacher) and not reads_pairs(teacher):
        return  # a plugin's
    if goes_on(teacher) != goes_on(model) and model is not None:
        theirs = "from left to right" if goes_on(teacher) else "both sides of a word"
        faults.add(
            where, f"{name} is {a(teacher.kind)}, which reads {theirs}",
            f"a stage of a {'gpt2' if goes_on(model) else 'bert'}",
        )  # fmt: skip
        return
    if teacher.kind == "bert" and reads_pairs(model) and _kind(model) not in OWN_ENCODER:
        faults.add(
            where, f"{name} is a bert, which reads the source, and terms of {a(model.kind)} are of "
            "its target", "a stage that trains a model like this student",
        )  # fmt: skip
        return
    if reads_pairs(teacher) and reads_pairs(model) and fills_in(teacher) != fills_in(model):
        does, other = ("fills in", "goes from left to right")[:: 1 if fills_in(teacher) else -1]
        faults.add(
            where, f"{name} {does}, and this student {other}",
            "a teacher that sees as much of the target; or a translate stage of it as this "
            "stage's data",
        )  # fmt: skip
        return
    if not reads_streams(teacher) and (options.kind == "hidden_states" or reads_streams(model)):
        faults.add(where, f"{name} is {a(teacher.kind)}", "a stage of a bert")
        return
    if options.kind == "hidden_states":
        _layers(faults, path, options, teacher, model)
    if options.kind == "soft_targets":
        theirs = sides_of(teacher).get("target")
        check_top_k(parts, faults, (*path, "top_k"), options.top_k, theirs)
        ours = own_vocabulary(model) if _kind(model) == "bert" else None
        if ours is not None:
            faults.add(
                where, f"{name} predicts the pieces that it reads, this student those of {ours}",
                "a student without a head of its own vocabulary, or a score stage",
            )  # fmt: skip
        if (other := own_vocabulary(teacher)) is not None:
            faults.add(
                where, f"{name} predicts the pieces of {other}, not of what it reads",
                "a teacher without a head of its own vocabulary, or a score stage of it",
            )  # fmt: skip
        if options.rest == "bucket" and options.top_k is None:
            faults.add(
                (*path, "rest"), "bucket, of a whole distribution", "a top_k beside it, or drop"
            )
    if model is None:
        return
    theirs, ours = sides_of(teacher), sides_of(model)
    sides = ("source",) if reads_streams(teacher) else ("source", "target")
    unlike = [side for side in sides if theirs.get(side) != ours.get(side)]
    if unlike and theirs and ours:
        faults.add(
            where, f"{name} reads the pieces of {theirs[unlike[0]]}, this student those of "
            f"{ours[unlike[0]]}: the same text would be cut otherwise",
            f"tokenizer {theirs[unlike[0]]} for the student's {unlike[0]}",
        )  # fmt: skip


def _layers(faults: Faults, path: tuple, options: Any, teacher: Any, model: Any) -> None:
    """The states that are compared, and their widths."""
    ours = getattr(model, "encoder_layers", getattr(model, "layers", None))
    if ours is not None:
        try:
            layer_pairs(options.layers, ours, teacher.layers)
        except ValueError as error:
            said = str(error).removeprefix("Invalid value for argument `layers`. ")
            faults.add((*path, "layers"), said)
    widths = getattr(model, "width", None), teacher.width
    if options.projection == "none" and widths[0] not in (None, widths[1]):
        faults.add(
            (*path, "projection"), f"none, between widths {widths[0]} and {widths[1]}", "linear"
        )


def _stored(faults: Faults, path: tuple, name: str, scored: Found, stage: Any, model: Any) -> None:
    """A stored teacher must speak of the student's words, and of some of its rows."""
    teacher = found_stage(scored.parts, scored.stage.score)
    theirs = predicted(teacher.model) if teacher is not None else None
    ours = predicted(model)
    if model is not None and theirs and ours and theirs != ours:
        faults.add(
            path, f"{name} predicts the pieces of {theirs}, this student those of {ours}",
            f"a teacher with tokenizer: {ours} (or a head with it)",
        )  # fmt: skip
    rows = [part.of for part in scored.stage.data]
    reads = [part.of for part in stage.data]
    if None not in (*rows, *reads) and not set(rows) & set(reads):
        faults.add(
            path, f"{name} scored {', '.join(rows)}, this stage reads {', '.join(reads)}",
            "a teacher that scored what its student reads",
        )  # fmt: skip
    turned = [part.of for part in stage.data if part.swap and part.of in rows]
    if turned:
        faults.add(
            path, f"{name} scored {', '.join(turned)} as it is, this stage reads it swapped",
            "no swap where soft targets are stored",
        )  # fmt: skip


def _kind(model: Any) -> str | None:
    return getattr(model, "kind", None)
