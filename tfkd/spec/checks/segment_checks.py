"""Views of one text on both sides of an encoder-decoder (MASS): who can read them, and what."""

from typing import Any

from tfkd.spec.families import one_of
from tfkd.spec.faults import Faults
from tfkd.spec.names import Found, Parts, found_stage
from tfkd.spec.options import segment_view, sides_of
from tfkd.spec.stage_kinds import gives_of
from tfkd.spec.wording import a

# Built-in terms that predict nothing of a segment.
_OTHER_TERMS = ("causal_lm", "hidden_states", "length")


def segments_of(trained: Found | None) -> str | None:
    """The view of one text that a training stage learns in, and nothing else; see
    `segment_view`."""
    objective = getattr(getattr(trained, "stage", None), "objective", None)
    return None if not objective else segment_view(objective, trained.parts.views)


def check_segments(
    parts: Parts, faults: Faults, path: tuple, options: Any, model: Any, online: Any
) -> None:
    """A term that reads a view of one text.

    Args:
        parts: The spec's parts.
        faults: Takes the faults.
        path: The term's path.
        options: Its options.
        model: The student's options; None where they are not known.
        online: Those of a teacher that is asked in the step; None without one.
    """
    name = options.view
    where, kind = (*path, "view"), parts.views[name].kind
    if options.kind in _OTHER_TERMS:
        faults.add(
            where, f"{name} is of kind {kind}, which a {options.kind} term cannot read",
            "cross_entropy or soft_targets",
        )  # fmt: skip
    _reader(faults, where, name, kind, model)
    teacher = getattr(options, "teacher", None)
    if teacher is None:
        return
    found = found_stage(parts, teacher)
    if found is not None and "targets" in gives_of(found.stage):
        faults.add(
            (*path, "teacher"), f"{teacher} stored one prediction a word, and {name} ({kind}) "
            "hides other words in each epoch", "a train stage, which is asked in the step",
        )  # fmt: skip
    elif online is not None and online.encoder_only:
        faults.add(
            (*path, "teacher"), f"{teacher} is {a(online.kind)}, and {name} ({kind}) predicts what "
            "a decoder writes", f"a stage of {_readers()}",
        )  # fmt: skip


def _reader(faults: Faults, path: tuple, name: str, kind: str, model: Any) -> None:
    """A decoder that goes from left to right, and one tokenizer for what both sides read."""
    if model is None:
        return
    if model.single_sequence or model.made_of:
        what = f"{name} ({kind}) is for {_readers()}, not for {a(model.kind)}"
        faults.add(path, what, "a model of such a kind")
        return
    if model.fills_in:
        faults.add(
            path, f"{name} ({kind}) is written from left to right, and this decoder sees both "
            "sides of each word", "decoder_attention: causal of the model",
        )  # fmt: skip
    sides = sides_of(model)
    if len({*sides.values()}) > 1:
        faults.add(
            path, f"{name} ({kind}) predicts words that the source shows, and the sides have two "
            f"tokenizers, {sides['source']} and {sides['target']}",
            "one tokenizer for both, learnt from the text of both",
        )  # fmt: skip


def _readers() -> str:
    """Encoder-decoders whose encoder is their own, as a message has them."""
    return one_of(lambda one: not one.single_sequence and not one.made_of)
