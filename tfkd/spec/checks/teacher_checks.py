"""The teachers of terms: stored targets, and online ones, asked in the step."""

from typing import Any

from tfkd.spec.checks.layer_pairs import layer_pairs
from tfkd.spec.families import one_of, view_kinds
from tfkd.spec.faults import Faults
from tfkd.spec.names import Found, Parts, stage_of
from tfkd.spec.options import PlainOptions, reads_classes, sides_of
from tfkd.spec.options.objectives import SoftTargetsOptions
from tfkd.spec.options.views import Reader
from tfkd.spec.stage_kinds import gives_of
from tfkd.spec.tasks.task import asked_of, named, task_of
from tfkd.spec.wording import a

_BETA = SoftTargetsOptions.model_fields["beta"].default
NO_HEAD = "has no head, and predicts nothing"


def source_views() -> str:
    """What an encoder-decoder's encoder alone can read, as a message has it."""
    return f"a view of kind {' or '.join(view_kinds(lambda one: Reader.SOURCE in one.readers))}"


def predicted(model: Any) -> str | None:
    """The tokenizer whose pieces a model predicts."""
    own = None if model is None else model.own_vocabulary
    return own or sides_of(model).get("target")


def source_alone(model: Any, view: Any) -> bool:
    """Whether a view shows a model's encoder its source, and its decoder nothing."""
    reads = model is not None and view is not None and model.encoder_terms
    return reads and Reader.SOURCE in view.readers


def check_teacher(
    parts: Parts, faults: Faults, path: tuple, options: Any, model: Any, stage: Any
) -> tuple[Found | None, Any]:
    """Checks a term's one teacher; returns it, and the model of one that is asked in the step."""
    name = getattr(options, "teacher", None)
    if name is None:
        return None, None
    where = (*path, "teacher")
    given = ("model",) if options.kind == "hidden_states" else ("targets", "model")
    found = stage_of(parts, faults, where, name, *given, of_folds=over_vocabulary(options))
    if found is None:
        return None, None
    classes = _of_classes(parts, faults, path, options, model, found)
    stored = "targets" in gives_of(found.stage)
    _divergence(faults, path, options, stored and not classes)
    if stored:
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
                    (*path, key), f"{value}, and {name} is {a(found.stage.kind)} stage, whose "
                    "targets are stored",
                    "a train or load stage as the teacher, or no such option",
                )  # fmt: skip
        return found, None
    if found.headless and over_vocabulary(options):
        faults.add(where, f"{name} {NO_HEAD}", "one with a head")
    teacher = found.model
    if teacher is not None:
        _live(found.parts, faults, path, name, options, teacher, model)
    return found, teacher


def _divergence(faults: Faults, path: tuple, options: Any, stored: bool) -> None:
    """A divergence that a top K can tell; `beta` where it is read."""
    kind = getattr(options, "divergence", "forward_kl")
    cut = (stored or options.top_k is not None) if kind == "reverse_kl" else False
    if cut and options.rest == "drop":
        whose = f"of {options.teacher} the top K is {'stored' if stored else 'asked'}"
        faults.add(
            (*path, "divergence"), f"reverse_kl, and {whose}: of a student's words beyond it the "
            "divergence is infinite", "rest: bucket beside it, or an online teacher without top_k",
        )  # fmt: skip
    # A resolved spec has every key: the default says nothing.
    if getattr(options, "beta", _BETA) != _BETA and kind != "jensen_shannon":
        faults.add(
            (*path, "beta"), f"{options.beta}, and {kind} has none", "divergence: jensen_shannon"
        )


def check_positions(
    faults: Faults, path: tuple, options: Any, view: Any, model: Any, online: Any
) -> None:
    """Where an online teacher is asked: at positions that the view and the teacher have."""
    plain = view is None or isinstance(view, PlainOptions)
    if plain and model is not None and model.term_module(view, online) is not None:
        for key in ("at", "divide_by"):
            if getattr(options, key, "selected" if key == "at" else None) == "selected":
                faults.add(
                    (*path, key), "selected, and the plain view selects no word of the source",
                    f"{'at: all' if key == 'at' else 'another divisor'}, or {source_views()}",
                )  # fmt: skip
    if source_alone(online, view):
        faults.add(
            (*path, "view"), f"{options.view} is read by an encoder alone, and {options.teacher} "
            f"is {a(online.kind)}", f"a stage of {encoders()} as the teacher, or no view",
        )  # fmt: skip
    if options.kind == "soft_targets" and online.is_causal and options.at == "all":
        faults.add(
            (*path, "at"), f"all leaves the ends out, and {a(online.kind)} predicts them too",
            "at: selected, "
            "which is every position of its text",
        )  # fmt: skip
    reads = getattr(view, "max_length", None) or getattr(model, "max_length", 0)
    both = model is not None and online.is_causal and model.is_causal
    if both and online.max_length < reads:
        faults.add(
            (*path, "teacher"), f"{options.teacher} has positions for {online.max_length} tokens, "
            f"and this student reads {reads}", "a smaller max_length of the student",
        )  # fmt: skip
    next_of_target = view is not None and view.of_pairs and "causal_lm" in view.terms
    if next_of_target and getattr(options, "at", None) == "all":
        faults.add(
            (*path, "at"), f"all, and {options.view} ({view.kind}) predicts the next word of the "
            "target alone", "at: selected",
        )  # fmt: skip
    both = model is not None and online.encoder_only and model.encoder_only
    if both and view is not None:
        longest = getattr(view, "max_length", 0)
        if longest > online.max_length:
            faults.add(
                (*path, "teacher"),
                f"{options.teacher} has positions for {online.max_length} tokens, and "
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
    pairs = model is not None and model.encoder_decoder
    if model is not None and teacher.is_causal != model.is_causal:
        theirs = "from left to right" if teacher.is_causal else "both sides of a word"
        same = one_of(lambda one: one.is_causal) if model.is_causal else encoders()
        faults.add(
            where, f"{name} is {a(teacher.kind)}, which reads {theirs}", f"a stage of {same}"
        )
        return
    if teacher.encoder_only and pairs and not model.encoder_terms:
        faults.add(
            where, f"{name} is {a(teacher.kind)}, which reads the source, and terms of "
            f"{a(model.kind)} are of its target", "a stage that trains a model like this student",
        )  # fmt: skip
        return
    if teacher.encoder_decoder and pairs and teacher.fills_in != model.fills_in:
        does, other = ("fills in", "goes from left to right")[:: 1 if teacher.fills_in else -1]
        faults.add(
            where, f"{name} {does}, and this student {other}",
            "a teacher that sees as much of the target; or a translate stage of it as this "
            "stage's data",
        )  # fmt: skip
        return
    one_sequence = model is not None and model.single_sequence
    if teacher.encoder_decoder and (options.kind == "hidden_states" or one_sequence):
        faults.add(where, f"{name} is {a(teacher.kind)}", f"a stage of {encoders()}")
        return
    if options.kind == "hidden_states":
        _layers(faults, path, options, teacher, model)
    if over_vocabulary(options):
        theirs, top_k = sides_of(teacher).get("target"), getattr(options, "top_k", None)
        check_top_k(parts, faults, (*path, "top_k"), top_k, theirs)
        ours = model.own_vocabulary if one_sequence else None
        if ours is not None:
            faults.add(
                where, f"{name} predicts the pieces that it reads, this student those of {ours}",
                "a student without a head of its own vocabulary, or a score stage",
            )  # fmt: skip
        if (other := teacher.own_vocabulary) is not None:
            faults.add(
                where, f"{name} predicts the pieces of {other}, not of what it reads",
                "a teacher without a head of its own vocabulary, or a score stage of it",
            )  # fmt: skip
        if getattr(options, "rest", None) == "bucket" and top_k is None:
            faults.add(
                (*path, "rest"), "bucket, of a whole distribution", "a top_k beside it, or drop"
            )
    if model is None:
        return
    theirs, ours = sides_of(teacher), sides_of(model)
    sides = ("source",) if teacher.single_sequence else ("source", "target")
    unlike = [side for side in sides if theirs.get(side) != ours.get(side)]
    if unlike and theirs and ours:
        faults.add(
            where, f"{name} reads the pieces of {theirs[unlike[0]]}, this student those of "
            f"{ours[unlike[0]]}: the same text would be cut otherwise",
            f"tokenizer {theirs[unlike[0]]} for the student's {unlike[0]}",
        )  # fmt: skip


def _layers(faults: Faults, path: tuple, options: Any, teacher: Any, model: Any) -> None:
    """The states that are compared, and their widths."""
    ours = None if model is None else model.depth
    if None not in (ours, teacher.depth):
        try:
            layer_pairs(options.layers, ours, teacher.depth)
        except ValueError as error:
            said = str(error).removeprefix("Invalid value for argument `layers`. ")
            faults.add((*path, "layers"), said)
    widths = getattr(model, "width", None), getattr(teacher, "width", None)
    if options.projection == "none" and None not in widths and widths[0] != widths[1]:
        faults.add(
            (*path, "projection"), f"none, between widths {widths[0]} and {widths[1]}", "linear"
        )


def _blocks(packing: Any) -> str:
    if packing is None:
        return "row by row"
    return f"in blocks of {packing.length} with separator: {packing.separator}"


def _stored(faults: Faults, path: tuple, name: str, scored: Found, stage: Any, model: Any) -> None:
    """A stored teacher must speak of the student's words, and of some of its rows."""
    teacher = asked_of(scored)
    theirs = predicted(teacher.model) if teacher is not None else None
    ours = predicted(model)
    if model is not None and theirs and ours and theirs != ours:
        faults.add(
            path, f"{name} predicts the pieces of {theirs}, this student those of {ours}",
            f"a teacher with tokenizer: {ours} (or a head with it)",
        )  # fmt: skip
    if getattr(scored.stage, "prompt", None) and model is not None and model.encoder_only:
        faults.add(
            path, f"{name} stored each word of targets, read from the left, and {a(model.kind)} "
            "reads both sides of a word", "an encoder-decoder or a language model as the student",
        )  # fmt: skip
    rows = [part.of for part in scored.stage.data]
    reads = [part.of for part in stage.data]
    if None not in (*rows, *reads) and not set(rows) & set(reads):
        faults.add(
            path, f"{name} scored {', '.join(rows)}, this stage reads {', '.join(reads)}",
            "a teacher that scored what its student reads",
        )  # fmt: skip
    # A faulty part has no packing.
    packings = {part.of: getattr(part, "packing", None) for part in scored.stage.data}
    for part in stage.data:
        here, there = getattr(part, "packing", None), packings.get(part.of)
        if part.of in packings and here != there:
            faults.add(
                path, f"{name} scored {part.of} {_blocks(there)}, this stage reads it "
                f"{_blocks(here)}: its rows are other rows", "the same pack: in both",
            )  # fmt: skip
    turned = [part.of for part in stage.data if part.swap and part.of in rows]
    if turned:
        faults.add(
            path, f"{name} scored {', '.join(turned)} as it is, this stage reads it swapped",
            "no swap where soft targets are stored",
        )  # fmt: skip


def encoders() -> str:
    """The families that read both sides of a word, as a message has them."""
    return one_of(lambda one: one.single_sequence and not one.is_causal)


def over_vocabulary(term: Any) -> bool:
    """Whether a teacher of a term is asked for words or classes; a plugin's may ask for others."""
    return getattr(term, "over_vocabulary", False)


def _of_classes(
    parts: Parts, faults: Faults, path: tuple, term: Any, model: Any, teacher: Found
) -> bool:
    """Whether a term and its teacher speak of the same things, classes or words.

    Returns:
        Whether these are classes.
    """
    if not over_vocabulary(term) or model is None:
        return False
    ours = reads_classes(model, parts.views.get(term.view))
    asked = asked_of(teacher)
    if asked is None or asked.model is None:
        return ours
    theirs = task_of(asked).over_classes
    if ours and not theirs:
        faults.add(
            (*path, "teacher"), f"{term.teacher} predicts words, and this term classes",
            "a teacher that was tuned with a classifier, or a view of kind mlm",
        )  # fmt: skip
    if theirs and not ours and not _tells_words(asked):
        faults.add(
            (*path, "teacher"), f"{term.teacher} predicts classes, and this term words",
            "a pre-trained teacher, or a student with head: {kind: classifier}",
        )  # fmt: skip
    if ours and theirs and task_of(asked) is not named(model.head.kind):
        faults.add(
            (*path, "teacher"), f"{term.teacher} has a head of kind {asked.model.head.kind}, and "
            f"this student one of kind {model.head.kind}", "a teacher of the same task",
        )  # fmt: skip
    if ours and getattr(term, "rest", None) == "bucket":
        faults.add((*path, "rest"), "bucket, of a whole distribution over classes", "drop")
    return ours


def _tells_words(found: Found) -> bool:
    return "masked_lm" in found.model.heads_needed(found.stage, found.parts.views)
