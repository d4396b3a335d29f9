"""Packed data: whether a model reads one text, and no token of a block is cut off again."""

from typing import Any

from tfkd.spec.families import one_of
from tfkd.spec.faults import Faults
from tfkd.spec.metrics import TEACHER_CHECK, TEACHER_FORCED, names_of
from tfkd.spec.names import Found, Parts
from tfkd.spec.wording import a


def check_packing(
    parts: Parts, faults: Faults, path: tuple, part: Any, corpus: Any, stage: Any, model: Any
) -> None:
    """`pack:` of a part of a training stage's data.

    Args:
        parts: The spec's parts.
        faults: Takes the faults.
        path: The data part's path.
        part: Its options.
        corpus: The corpus's options; None where they are not known.
        stage: The stage's options.
        model: The options of the model that the stage trains; None where they are not known.
    """
    packing = getattr(part, "packing", None)  # a faulty part has none
    if packing is None:
        return
    path = (*path, "pack")
    length = packing.length
    if corpus is not None and ("text" not in corpus.field_names or "text_b" in corpus.field_names):
        found = ", ".join(corpus.field_names)
        faults.add(path, f"{part.of} has {found}", "a corpus of one text a row")
    if model is None:
        return
    if not model.single_sequence:
        faults.add(
            path, f"{stage.train} is {a(model.kind)}, which reads rows with two sides",
            one_of(lambda one: one.single_sequence),
        )  # fmt: skip
        return
    if length > model.max_length:
        faults.add(
            path, f"{length} tokens, more than the model's max_length of {model.max_length}",
            "no more than that",
        )  # fmt: skip
    for name in dict.fromkeys(getattr(term, "view", None) for term in stage.objective.values()):
        limit = getattr(parts.views.get(name), "max_length", None)
        if limit is not None and length > limit:
            faults.add(
                path, f"{length} tokens, and the view {name} reads the first {limit}",
                f"a max_length of the view of at least {length}",
            )  # fmt: skip


def check_words(
    faults: Faults,
    path: tuple,
    where: tuple,
    entry: Any,
    found: Found | None,
    name: str,
    corpus: Any,
) -> None:
    """`word_perplexity`: a model that goes on with a text, and a text whose words are counted.

    Args:
        faults: Takes the faults.
        path: The evaluation's path.
        where: The corpus's.
        entry: The evaluation's options.
        found: Its stage; None where it is not known.
        name: The corpus's name.
        corpus: Its options; None where they are not known.
    """
    model = None if found is None else found.model
    if model is not None and not model.is_causal:
        causal = f"a stage of {one_of(lambda one: one.is_causal)}"
        faults.add((*path, "metrics"), f"word_perplexity of {a(model.kind)}", causal)
        return
    if corpus is not None and getattr(corpus, "detokenize", None) is None:
        faults.add(
            where, f"word_perplexity, and {name} counts no words",
            "detokenize: ptb, wikitext, moses or plain of the corpus",
        )  # fmt: skip
    elif corpus is not None and not corpus.counted:
        faults.add(
            where, f"word_perplexity, and {name} is some rows of a text: nobody counted words",
            "a corpus without part, sample and max_rows",
        )  # fmt: skip
    if corpus is not None and "text" not in corpus.field_names:
        faults.add(where, f"{name} has {', '.join(corpus.field_names)}", "a corpus of text")
    length = None if model is None else model.window(found.stage)
    if length is not None and entry.context is not None and entry.context >= length:
        faults.add(
            (*path, "context"), f"{entry.context}, of {length} positions",
            "less than the model's max_length, and than the blocks of its training",
        )  # fmt: skip


def check_separators(faults: Faults, path: tuple, entry: Any, found: Found, beside: Found) -> None:
    """Language models that are compared token by token: each text's first and last tokens are the
    same only where both have read documents with the same between them.

    Args:
        faults: Takes the faults.
        path: Of `against`.
        entry: The evaluation's options.
        found: Its stage.
        beside: What it is compared with.
    """
    by_token = [
        *names_of(TEACHER_FORCED, among=entry.metrics),
        *({TEACHER_CHECK} & {*entry.metrics}),
    ]
    ours, theirs = (getattr(one.stage, "newlines", None) for one in (found, beside))
    causal = found.model is not None and found.model.is_causal
    if by_token and causal and None not in (ours, theirs) and ours != theirs:
        faults.add(
            path, f"{entry.against} has read documents with {_between(theirs)} between them, "
            f"{entry.of} with {_between(ours)}",
            "the same separator of pack in the first corpus of both, or word_perplexity alone",
        )  # fmt: skip


def _between(newlines: bool) -> str:
    return "newlines" if newlines else "ends of texts"
