"""Translate stages: whether their model writes text, and their corpora have text to read."""

from typing import Any

from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, corpus_of, stage_of, written
from tfkd.spec.options import TranslateOptions
from tfkd.spec.stage_checks import check_decode
from tfkd.spec.wording import a


def check_translate(parts: Parts, faults: Faults, path: tuple, stage: Any) -> None:
    """A translate stage: its model and data."""
    where = (*path, "translate")
    trained = stage_of(parts, faults, where, stage.translate, kinds=("train",))
    model = None if trained is None else trained.model
    if model is not None and model.single_sequence:
        does = "goes on with its text instead" if model.is_causal else "writes no text"
        what = f"{stage.translate} trains {a(model.kind)}, which {does}"
        faults.add(where, what, "an encoder-decoder")
    if trained is not None:
        decode = getattr(stage, "decode", None)
        check_decode(faults, (*path, "decode"), stage.translate, trained.model, decode)
    seen: set[str] = set()
    for index, part in enumerate(stage.data):
        where = written(faults, (*path, "data", index))
        corpus = corpus_of(parts, faults, where, part.of, whole=True)
        if corpus is not None:
            _read(faults, where, part, corpus.field_names)
        if getattr(part, "pack", None) is not None:
            faults.add(where, f"pack: {part.of} is translated row by row", "no pack here")
        if getattr(part, "weight", 1) != 1:
            faults.add(
                where, f"weight: {part.of} is translated once", "no weight in a translate stage"
            )
        if part.of in seen:
            faults.add(where, f"{part.of} stands here twice", "each corpus once")
        seen.add(part.of)


def _read(faults: Faults, path: tuple, part: Any, fields: tuple[str, ...]) -> None:
    if TranslateOptions.read_field(fields, part.swap) is None:
        found = ", ".join(fields)
        if part.swap:
            faults.add(path, f"swap: {part.of} has {found}", "a corpus with a target to read")
        else:
            faults.add(path, f"{part.of} has {found}", "a corpus with a source, or text alone")
