"""The specs that `tfkd init` writes: a whole line on the user's own files, explained."""

from tfkd.spec.errors import UserError
from tfkd.starters.user_sets import Published, UserSet, UserSets

KINDS = ("translator", "summariser", "classifier", "tagger", "language_model")

__all__ = ["KINDS", "Published", "UserSet", "UserSets", "starter_spec"]


def starter_spec(
    source: str = "de",
    target: str = "en",
    *,
    kind: str = "translator",
    sets: UserSets | None = None,
    teacher: Published | None = None,
) -> str:
    """A commented spec of a kind of student; valid as it stands.

    Args:
        source: Of a translator: the source files' ending, usually the language's code, like `de`.
        target: Of a translator: the target files' ending.
        kind: One of `KINDS`.
        sets: The user's files and their sizes, which steps and models are fitted to; None: names
            that stand for the user's.
        teacher: A published model that teaches; None: one that is trained from scratch.

    Raises:
        UserError: An ending that cannot stand in a file's name, or the same for both sides; the
            files have too few rows; or the teacher is of another kind than the student needs.
    """
    from tfkd.starters import classifier, language_model, published_translator, translator

    if teacher is not None:
        _refuse_other(teacher, kind)
        if teacher.translates:
            return published_translator.published_writer_spec(source, target, sets, teacher, kind)
    if kind == "translator":
        return translator.translator_spec(source, target, sets, teacher)
    if kind == "summariser":
        return translator.summariser_spec(sets, teacher)
    if kind == "classifier":
        return classifier.classifier_spec(sets, teacher)
    if kind == "tagger":
        return classifier.tagger_spec(sets, teacher)
    return language_model.language_model_spec(sets, teacher)


def _refuse_other(teacher: Published, kind: str) -> None:
    """A teacher of another kind than the student needs."""
    wanted = {"language_model": "a GPT-2"}
    wanted |= dict.fromkeys(
        ("translator", "summariser"), "an encoder-decoder, or a BERT with its head over words"
    )
    fits = teacher.causal == (kind == "language_model")
    if kind in ("translator", "summariser"):
        fits &= teacher.words
    else:
        fits &= not teacher.translates
    if not fits:
        has = "" if teacher.words else " without a head over words"
        raise UserError(
            f"--teacher: {teacher.folder} is a {teacher.kind}{has}, and what teaches a {kind} is "
            f"{wanted.get(kind, 'a BERT')}. Name the folder of one, or leave --teacher out"
        )
