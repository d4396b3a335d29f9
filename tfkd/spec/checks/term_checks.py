"""The terms of an objective: whether view, teacher, model and data fit each other."""

from typing import Any

from tfkd.spec.checks.guided_checks import check_guided
from tfkd.spec.checks.mean_checks import check_teachers
from tfkd.spec.checks.segment_checks import check_segments
from tfkd.spec.checks.teacher_checks import (
    check_positions,
    encoders,
    source_alone,
    source_views,
)
from tfkd.spec.families import kinds, view_kinds
from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, found_corpus, known, written
from tfkd.spec.options import (
    BySideOptions,
    PlainOptions,
    ViewOptions,
    classifier,
    reads_classes,
    sides_of,
)
from tfkd.spec.options.views import Reader
from tfkd.spec.wording import a

# Terms that predict what a view hides, or leaves to be said.
_OF_VIEWS = ViewOptions.terms


def check_terms(parts: Parts, faults: Faults, path: tuple, stage: Any, model: Any) -> None:
    """All terms of a training stage, and how their gradients combine."""
    for name, options in stage.objective.items():
        _term(parts, faults, (*path, "objective", name), options, model, stage)
    _groups(faults, path, stage)


def paired(corpus: Any) -> bool:
    """Whether a corpus has two sides."""
    return {"source", "target"} <= set(corpus.field_names)


def check_hides(
    parts: Parts, faults: Faults, path: tuple, view: Any, name: str, corpus: str
) -> None:
    """A view that hides words of the target needs one."""
    if view is None or not view.of_pairs:
        return
    found = found_corpus(parts, corpus)
    if found is not None and not paired(found):
        fields = ", ".join(found.field_names)
        faults.add(
            path, f"{name} ({view.kind}) hides words of the target, and {corpus} has {fields}",
            "corpora with source and target",
        )  # fmt: skip


def _groups(faults: Faults, path: tuple, stage: Any) -> None:
    """Each term in one list of `gradients`."""
    gradients = getattr(stage, "gradients", None)
    if gradients is None:
        return
    where = written(faults, (*path, "gradients", gradients.kind))
    terms, seen = list(stage.objective), set()
    for key in ("main", "auxiliary"):
        for name in getattr(gradients, key):
            if name not in terms:
                faults.unknown((*where, key), f"there is no term {name}", terms, name)
            elif name in seen:
                faults.add((*where, key), f"{name} stands here twice", "each term in one list")
            seen.add(name)
    if left := [name for name in terms if name not in seen]:
        faults.add(where, f"{', '.join(left)} in neither list", "each term in main or auxiliary")


def _term(parts: Parts, faults: Faults, path: tuple, options: Any, model: Any, stage: Any) -> None:
    name = getattr(options, "view", None)
    view = None
    encoder_only = model is not None and model.encoder_only
    fills_in = model is not None and model.fills_in
    if name is None:
        if model is not None and model.is_causal and options.kind != "masked_lm":
            pass  # its plain view has every next word predicted
        elif options.kind in _OF_VIEWS:
            which = _filling() if fills_in else _read_by(options.kind)
            faults.add(path, "no view", f"view: one of kind {which}")
        elif classifier(model) is not None:
            pass  # the plain view of a classifier
        elif options.kind == "cross_entropy" and encoder_only:
            faults.add(
                path, f"{a(model.kind)} predicts words that a view hides",
                "masked_lm with a view, or a head: {kind: classifier} of the model",
            )  # fmt: skip
        elif fills_in and options.kind in ("cross_entropy", "soft_targets"):
            faults.add(
                path, f"{stage.train} sees both sides of each word, and the plain view hides none",
                f"masked_lm with a view of kind {_filling()}",
            )  # fmt: skip
    elif known(parts, faults, (*path, "view"), "view", name, "views"):
        view = parts.views.get(name)
        if view is not None and view.of_texts:
            faults.add(
                (*path, "view"), f"{name} ({view.kind}) changes texts before they are cut into "
                "pieces", f"it in data: [{{of: CORPUS, view: {name}}}], and another view here",
            )  # fmt: skip
            return
        _view(faults, (*path, "view"), view, name, options, model)
        _hides_by_mask(parts, faults, (*path, "view"), view, name, model)
        for part in stage.data:
            check_hides(parts, faults, (*path, "view"), view, name, part.of)
    if options.kind == "length" and encoder_only:
        faults.add(path, f"{a(model.kind)} predicts no lengths", "the term of an encoder-decoder")
    elif options.kind == "length" and getattr(model, "lengths", 0) is None:
        faults.add(path, f"{stage.train} predicts no lengths", "lengths: 1024 of the model")
    if hasattr(options, "alignments"):
        check_guided(parts, faults, path, options, model, stage)
    asked = check_teachers(parts, faults, path, options, model, stage)
    if name is not None and view is None:
        return
    _of_classes(faults, path, view, options, model)
    if view is not None and view.of_one_text:
        for alone, online in asked:
            check_segments(parts, faults, path, alone, model, online)
        return
    for alone, online in asked:
        if online is not None:
            check_positions(faults, path, alone, view, model, online)
    if getattr(options, "divide_by", None) == "target_tokens" and source_alone(model, view):
        faults.add(
            (*path, "divide_by"), f"target_tokens, and {name} is a view of the source alone",
            "own, selected, tokens or rows",
        )  # fmt: skip


def _of_classes(faults: Faults, path: tuple, view: Any, term: Any, model: Any) -> None:
    """The view fits the head, and the term fits classes."""
    if view is not None and view.of_classes and model is not None and classifier(model) is None:
        faults.add(
            (*path, "view"), f"{term.view} ({view.kind}) is of classes",
            "a model with head: {kind: classifier}",
        )  # fmt: skip
    if isinstance(view, PlainOptions) and classifier(model) is not None:
        faults.add(
            (*path, "view"), f"{term.view} (none) hides no words, and predicts no classes",
            "a view of kind classify, or no view",
        )  # fmt: skip
    smooths = term.kind == "cross_entropy" and term.label_smoothing and term.smoothing == "opennmt"
    if smooths and reads_classes(model, view):
        faults.add(
            (*path, "smoothing"), "opennmt, which leaves out the padding of a vocabulary: of "
            "classes it would be the first", "smoothing: fairseq",
        )  # fmt: skip


def _hides_by_mask(
    parts: Parts, faults: Faults, path: tuple, view: Any, name: str, model: Any
) -> None:
    """Words are hidden by [MASK], which a byte-level vocabulary lacks, but for a RoBERTa's: what a
    preset has, its folder tells."""
    if view is None or not view.masks or model is None or model.whole_parts:
        return  # its parts are stages of their own, with terms of their own
    for tokenizer in dict.fromkeys(sides_of(model).values()):
        options = parts.tokenizers.get(tokenizer)
        if getattr(options, "kind", None) == "byte_bpe" and not options.preset:
            faults.add(
                path, f"{name} ({view.kind}) hides words by [MASK], and {tokenizer} (byte_bpe) has "
                "none", "a tokenizer of kind wordpiece or sentencepiece",
            )  # fmt: skip


def _of_pairs(faults: Faults, path: tuple, view: Any, name: str, model: Any) -> None:
    """The views of an encoder-decoder: by its decoder's attention, and of its encoder alone."""
    if Reader.WRITING not in view.readers and Reader.FILLING in view.readers:
        if not model.fills_in:
            faults.add(
                path, f"{name} ({view.kind}) is for a decoder that sees both sides",
                "no view, or decoder_attention: full of the model",
            )  # fmt: skip
        if isinstance(view, BySideOptions):
            _sides(faults, path, view, name)
    elif not view.readers & {Reader.WRITING, Reader.FILLING, Reader.SOURCE}:
        faults.add(
            path, f"{name} ({view.kind}) is for {encoders()}",
            f"{f'a view of kind {_filling()}' if model.fills_in else 'no view'} for an "
            f"encoder-decoder, or, for its encoder, {source_views()}",
        )  # fmt: skip
    elif Reader.SOURCE in view.readers and not model.encoder_terms:
        readers = kinds(lambda one: one.encoder_terms)
        faults.add(
            path, f"{name} ({view.kind}) is of the source alone, and {model.kind} has no terms "
            "on its encoder", f"a student of kind {' or '.join(readers)}, or another view",
        )  # fmt: skip


def _sides(faults: Faults, path: tuple, view: BySideOptions, name: str) -> None:
    """What hides words of a side by itself."""
    for side, one in (("source", view.source), ("target", view.target)):
        if one is not None and not _of_a_text(one):
            known_ones = ", ".join(view_kinds(_of_a_text))
            faults.add(path, f"the {side} of {name} is of kind {one.kind}", f"one of {known_ones}")
    if view.target is None:
        faults.add(path, f"{name} hides nothing of the target", "target: {kind: uniform_count}")


def _of_a_text(view: Any) -> bool:
    return view.masks and not view.of_pairs and Reader.ENCODER in view.readers


def _read_by(term: str) -> str:
    return " or ".join(view_kinds(lambda one: term in one.terms))


def _filling() -> str:
    """The views in which words are hidden of a decoder that fills in."""
    return " or ".join(view_kinds(lambda one: one.masks and Reader.FILLING in one.readers))


def _view(faults: Faults, path: tuple, view: Any, name: str, term: Any, model: Any) -> None:
    if view is None or view.of_one_text:
        return
    if term.kind in _OF_VIEWS and term.kind not in view.terms:
        faults.add(
            path, f"{name} is of kind {view.kind}, which a {term.kind} term cannot read",
            f"a view of kind {_read_by(term.kind)}",
        )  # fmt: skip
    if model is None:
        return
    if model.encoder_decoder:
        _of_pairs(faults, path, view, name, model)
    elif model.is_causal and Reader.CAUSAL not in view.readers:
        faults.add(
            path, f"{name} ({view.kind}) is for {encoders()}, and {a(model.kind)} sees earlier "
            "words alone", "no view, or one of kind causal_lm",
        )  # fmt: skip
    elif model.encoder_only and Reader.ENCODER not in view.readers:
        what, other = "has two sides", "reads one sequence"
        advice = "mlm, spans, uniform_count or conditional_mlm"
        if Reader.CAUSAL in view.readers:
            what, other, advice = "predicts each next word", "sees it", "prefix_lm"
        faults.add(
            path, f"{name} ({view.kind}) {what}, and {a(model.kind)} {other}",
            f"a view of kind {advice}",
        )  # fmt: skip
    longest, limit = getattr(view, "max_length", 0) or 0, getattr(model, "max_length", None)
    if model.single_sequence and limit is not None and longest > limit:
        faults.add(
            path, f"{name} makes {longest} tokens, more than the model's max_length of {limit}",
            "a smaller max_length of the view, or a larger one of the model",
        )  # fmt: skip
