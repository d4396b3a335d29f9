"""The head that a term reads, and whether that is over what the term's labels are."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfkd.models.classifier_head import ClassifierHead
from tfkd.models.heads import VocabularyHead, cap_of
from tfkd.objectives.term import Batch, Record, Term, is_classified
from tfkd.objectives.token_terms import DenseMean, DenseTeacher


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


def online_distribution(
    term: Term,
    batch: Batch,
    record: Record,
    take: Callable[[tf.Tensor], tf.Tensor],
    temperature: float = 1.0,
) -> DenseTeacher | DenseMean:
    """What the online teacher that a term asks says at some positions, over what the term's labels
    are; of several teachers their mean.

    Args:
        term: The term.
        batch: With the teacher's states, `taught`.
        record: The term's view of it.
        take: Gathers `[B, T, ...]` at the positions: `[N, ...]`.
        temperature: T.

    Raises:
        ValueError: Several teachers predict vocabularies of several sizes.
    """
    members, said = term.online.members, batch["taught"][term.teacher]
    found = []
    for member, states in zip(members, said if len(members) > 1 else [said], strict=True):
        head = member.head_named(term.head)
        check_head(head, term, record, f"the head of the teacher {term.teacher!r}")
        hidden = head.transform(take(states["hidden"]))
        found.append(DenseTeacher(hidden, head.matrix(), head.bias(), temperature, cap_of(head)))
    if len(found) == 1:
        return found[0]
    if len(sizes := {one.matrix.shape[0] for one in found}) > 1:
        raise ValueError(
            f"The teachers {term.teacher!r} of the term {term.name} have no mean: they predict "
            f"{' and '.join(f'{size:,}' for size in sorted(sizes))} words. Expected one vocabulary"
        )
    return DenseMean(tuple(found), term.online.weights, temperature)


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
