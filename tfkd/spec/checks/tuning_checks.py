"""`choose:` of an evaluation: whether its settings can be judged, and by what is no test set."""

from typing import Any

from tfkd.spec.checks.term_checks import paired
from tfkd.spec.faults import Faults
from tfkd.spec.metrics import OUTPUTS, names_of
from tfkd.spec.names import Found, Parts, corpus_of, found_corpus, found_stage


def check_tuning(parts: Parts, faults: Faults, path: tuple, entry: Any) -> None:
    """An evaluation's `choose:`: its model writes outputs, `by` measures them, and on other rows
    than it is scored on or learns from; its baseline is decoded by the same kind of search."""
    choose = getattr(entry, "choose", None)
    if choose is None:
        return
    where = (*path, "choose")
    if not names_of(OUTPUTS, among=entry.metrics):
        faults.add(
            where, f"nothing of {', '.join(entry.metrics)} is decoded",
            f"metrics of outputs ({', '.join(names_of(OUTPUTS))}) beside it, or no choose",
        )  # fmt: skip
        return
    stage = found_stage(parts, entry.of)
    if stage is not None and stage.model is not None and stage.model.single_sequence:
        return  # has no such metrics: a fault of its own
    _judge(parts, faults, (*where, "by"), entry, choose)
    if entry.against_decode is not None:
        faults.add(
            (*path, "against_decode"), "beside choose, by which the baseline takes its own best of "
            "the same settings", "choose or against_decode, not both",
        )  # fmt: skip
    _alike(faults, where, entry, stage, found_stage(parts, entry.against))


def _judge(parts: Parts, faults: Faults, where: tuple, entry: Any, choose: Any) -> None:
    """`by`: CORPUS.METRIC."""
    if not names_of(OUTPUTS, among=[choose.metric]):
        known = names_of(OUTPUTS)
        faults.add(
            where, f"{choose.by}, and settings of decode are judged by outputs",
            f"CORPUS.METRIC, METRIC one of {', '.join(known)}", known, choose.metric,
        )  # fmt: skip
    corpus = corpus_of(parts, faults, where, choose.corpus, whole=True)
    if corpus is None:
        return
    if not paired(corpus):
        fields = ", ".join(corpus.field_names)
        faults.add(
            where, f"{choose.corpus} has {fields}, and no references",
            "a corpus with source and target",
        )  # fmt: skip
    same = [name for name in entry.on if name == choose.corpus]
    same += [name for name in entry.on if name not in same and found_corpus(parts, name) == corpus]
    if same:
        which = "" if same[0] == choose.corpus else f", which has the same rows as {same[0]}"
        faults.add(
            where, f"{choose.corpus}{which}: settings that are chosen on the rows that are scored "
            "make the scores look better than they are", "a validation corpus that is not in `on`",
        )  # fmt: skip
    for name in filter(None, (entry.of, entry.against)):
        if _learns_from(found_stage(parts, name), corpus):
            faults.add(
                where, f"{name} is trained on {choose.corpus}: what is chosen on rows that a model "
                "knows already suits these rows alone", "a validation corpus",
            )  # fmt: skip
            return


def _learns_from(found: Found | None, corpus: Any) -> bool:
    """Whether a stage is trained on the rows of a corpus."""
    data = getattr(found.stage, "data", ()) if found is not None else ()
    return any(found_corpus(found.parts, part.of) == corpus for part in data)


def _alike(
    faults: Faults, where: tuple, entry: Any, stage: Found | None, beside: Found | None
) -> None:
    """A model and its baseline are tuned alike only where both are decoded by one kind of
    search."""
    models = [one.model if one is not None else None for one in (stage, beside)]
    if any(model is None or model.single_sequence for model in models):
        return
    if models[0].fills_in != models[1].fills_in:
        ours, theirs = (
            "fills in" if model.fills_in else "goes from left to right" for model in models
        )
        faults.add(
            where, f"{entry.of} {ours} and {entry.against} {theirs}: they are decoded by other "
            "searches, and cannot be tuned alike",
            "an evaluation of each with its own choose, or no against",
        )  # fmt: skip
