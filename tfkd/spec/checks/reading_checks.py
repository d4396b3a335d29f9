"""Whether a model can read a corpus, be measured on it, and be decoded as a spec asks."""

import contextlib
from typing import Any

from tfkd.spec import registry
from tfkd.spec.checks.term_checks import check_hides, paired
from tfkd.spec.faults import Faults
from tfkd.spec.metrics import OUTPUTS, names_of
from tfkd.spec.names import Found, Parts, corpus_of
from tfkd.spec.options.stages import LIST_FIELDS
from tfkd.spec.wording import a


def check_scored(parts: Parts, faults: Faults, path: tuple, name: str | None) -> None:
    """What a teacher scores are pairs."""
    corpus = corpus_of(parts, faults, path, name, whole=True)
    if corpus is not None and not paired(corpus):
        found = ", ".join(corpus.field_names)
        faults.add(path, f"{name} has {found}", "a corpus with source and target")


def check_measured(parts: Parts, faults: Faults, path: tuple, trained: Found, corpus: str) -> None:
    """A bert is measured in its first term's view; an encoder-decoder, in the plain one."""
    if trained.model is None or not trained.model.encoder_only:
        return
    first = next(iter(trained.stage.objective.values()), None)
    name = getattr(first, "view", None)
    if name is not None:
        check_hides(parts, faults, path, trained.parts.views.get(name), name, corpus)


def check_reads(
    faults: Faults, path: tuple, model: Any, name: str, corpus: Any, segments: str | None
) -> None:
    if model is None or corpus is None or not model.encoder_decoder:
        return
    if segments is not None and "text" in corpus.field_names:
        return
    if not paired(corpus):
        fields = ", ".join(corpus.field_names)
        faults.add(
            path, f"an encoder-decoder cannot read {name}, which has {fields}",
            "a corpus with source and target",
        )  # fmt: skip


def check_row_weights(faults: Faults, path: tuple, part: Any, corpus: Any) -> None:
    """Rows are weighed within n-best lists, which a corpus says by its fields."""
    if getattr(part, "row_weights", None) is None:
        return
    path = (*path, "row_weights")
    if corpus is not None and not set(LIST_FIELDS) <= set(corpus.field_names):
        fields = ", ".join(corpus.field_names)
        faults.add(
            path, f"{part.of} has {fields}", "a corpus with list and score, like that of a "
            "translate stage with keep: n_best",
        )  # fmt: skip
    if getattr(part, "pack", None) is not None:
        faults.add(path, f"row_weights and pack: {part.of} is to be read in blocks of many rows",
                   "one of the two")  # fmt: skip


def check_weighed(faults: Faults, path: tuple, stage: Any) -> None:
    """A plugin's terms that read weighed rows say that they weigh them: their class does, which is
    imported for that, where it can be."""
    if not any(getattr(part, "row_weights", None) for part in stage.data):
        return
    for name, options in stage.objective.items():
        target = registry.lookup("objective", options.kind).target
        if target.startswith("tfkd."):
            continue
        term = None
        with contextlib.suppress(ImportError, AttributeError):  # a machine that may never run it
            term = registry.load_target(target)
        if term and not (hasattr(term, "request") or getattr(term, "weighs_rows", False)):
            faults.add(
                (*path, "objective", name), f"{options.kind} counts each row as much, and data has "
                "row_weights", "a term whose sum is of `weighed` positions, and that says so: "
                "weighs_rows = True",
            )  # fmt: skip


def check_decode(
    faults: Faults, path: tuple, name: str, model: Any, decode: Any, engine: bool = False
) -> None:
    """Mask-Predict fills in; beam and greedy search, and draws, go from left to right; an engine
    runs translate stages alone (`engine`)."""
    kind = getattr(decode, "kind", None)
    if getattr(decode, "engine", None) is not None and not engine:
        faults.add(
            (*path, "engine"), "an engine, which runs translate stages alone",
            "no engine here; what an engine answers is measured by an evaluation with export:",
        )  # fmt: skip
    if model is None:
        return
    if model.is_causal and kind == "mask_predict":
        faults.add(path, f"{kind}, and {name} goes from left to right", "beam, greedy or sample")
    if not model.encoder_decoder or kind not in ("beam", "greedy", "sample", "mask_predict"):
        return
    if model.fills_in != (kind == "mask_predict"):
        faults.add(
            path,
            f"{kind}, and {name} " + ("fills in" if model.fills_in else "goes from left to right"),
            "mask_predict" if model.fills_in else "beam, greedy or sample",
        )


def check_writes(
    faults: Faults, path: tuple, model: Any, metrics: list[str], segments: str | None
) -> None:
    texts = sorted({*names_of(OUTPUTS, among=metrics)})
    if texts and segments is not None:
        faults.add(
            path, f"{', '.join(texts)} of a stage that learns to write segments ({segments})",
            "loss, perplexity or accuracy, or a stage that starts from it",
        )  # fmt: skip
    if texts and model is not None and model.single_sequence:
        faults.add(
            path, f"{', '.join(texts)} of {a(model.kind)}, which has no references",
            "loss, perplexity or accuracy" + (", or word_perplexity" if model.is_causal else ""),
        )  # fmt: skip
