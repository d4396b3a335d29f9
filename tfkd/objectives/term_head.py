"""The head that a term reads, and whether that is over what the term's labels are."""

from typing import Any

from tfkd.models.classifier_head import ClassifierHead
from tfkd.models.heads import VocabularyHead
from tfkd.objectives.term import Record, Term, is_classified


def head_of(model: Any, term: Term) -> Any:
    """The head that a term reads: the term's own, else the model's.

    Raises:
        ValueError: The model has none of the name that the term gives.
    """
    if getattr(term, "classifier", None) is not None:
        return term.classifier
    if term.head is None:
        return model.head
    if term.head not in model.heads:
        raise ValueError(
            f"The term {term.name} reads the head {term.head!r}. Expected one of the student's: "
            f"{', '.join(model.heads) or 'it has none'}"
        )
    return model.heads[term.head]


def online_head(term: Term, record: Record) -> Any:
    """The head of the online teacher that a term asks, over what the term's labels are."""
    head = term.online.head_named(term.head)
    check_head(head, term, record, f"the head of the teacher {term.teacher!r}")
    return head


def check_head(head: Any, term: Term, record: Record, whose: str = "the student's head") -> None:
    """Refuses a head over words for a term of classes, and one over classes for a term of words.

    Args:
        head: What the term reads.
        term: The term.
        record: Its view of a batch.
        whose: For the message.

    Raises:
        ValueError: The term's labels are other ids than the head's.
    """
    classes = is_classified(term.side(record))
    if not isinstance(head, VocabularyHead if classes else ClassifierHead):
        return
    labels, over = ("classes", "words") if classes else ("words", "classes")
    raise ValueError(
        f"The labels of the view {term.view} are {labels}, and {whose} that the term {term.name} "
        f"reads is over {head.vocabulary_size:,} {over}. Expected "
        f"{type(term).__name__}(head={'classifier' if classes else 'masked_lm'!r}), of a model "
        "with such a head: `output_heads` of tfkd.models.Bert, `classes` of tfkd.build"
    )
