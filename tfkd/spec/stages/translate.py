"""The options of translate stages."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from tfkd.spec.checks.export_checks import check_engine
from tfkd.spec.checks.mean_checks import check_mean, without_lists
from tfkd.spec.checks.reading_checks import check_decode
from tfkd.spec.faults import Faults
from tfkd.spec.names import Found, Parts, corpus_of, stage_of, written
from tfkd.spec.options.base import NOT_TEXT, ModelReference, OfKind, Positive
from tfkd.spec.options.best_of import BestOfOptions
from tfkd.spec.options.stages import LIST_FIELDS, Data
from tfkd.spec.options.teachers import TEACHERS
from tfkd.spec.sections import with_metric_options
from tfkd.spec.stages.asked import AskedOptions
from tfkd.spec.wording import a


class TranslateOptions(AskedOptions):
    """Writes a model's outputs for a corpus; its name is that of a corpus of source and target
    (sequence-level distillation: Kim and Rush, 2016; back-translation: Sennrich et al., 2016)."""

    kind: ClassVar[str] = "translate"
    gives: ClassVar[frozenset[str]] = frozenset({"corpus"})
    translate: Annotated[ModelReference, TEACHERS] = Field(
        description="The training stage of an encoder-decoder; or several, [A, B] or {A: 0.7, "
        "B: 0.3}, that write together: each token is searched in the mean of their distributions."
    )
    beside: list[ModelReference] = Field(
        [], description="The other models, where `translate:` is not a list of all."
    )
    weights: list[Positive] | None = Field(
        None, description="Of the models, in their order; they need not add up to 1."
    )
    data: Data = Field(
        description="What it reads: the source, or a text without sides; with swap, the target."
    )
    keep_source: bool = Field(
        True,
        description="true: fields source (what was read) and target (the outputs); false: the "
        "outputs alone, as text.",
    )
    keep: Literal["best", "n_best"] = Field(
        "best",
        description="n_best: all outputs that the search gives (n_best of decode), likeliest "
        "first, each a row of its own; fields list (the number of the row that it was made of) and "
        "score (as the search ranks by: log p over its length penalty) stand beside source and "
        "target, and a training's row_weights reads them.",
    )
    choose: BestOfOptions | None = Field(
        None,
        description="Which of several outputs of a row is kept, like {best_of: 8, by: bleu, "
        "against: target} or {best_of: 16, mbr: chrf}. Default: the likeliest.",
        examples=[{"best_of": 8, "by": "bleu"}],
    )
    decode: Annotated[Any, OfKind("decode")] = Field(
        None, description="How outputs are made; default: beam."
    )

    @classmethod
    def typed(cls, faults: Faults, path: tuple, value: dict[str, Any]) -> dict[str, Any]:
        """With the options of the metric that chooses."""
        value = super().typed(faults, path, value)
        choose = value.get("choose")
        if isinstance(choose, dict):
            key = "mbr" if choose.get("by") is None else "by"
            value["choose"] = with_metric_options(faults, (*path, "choose"), choose, key)
        return value

    def decoding(self, default: Any) -> Any:
        """How outputs are made: as many as are chosen from, of the search that `decode:` says or
        the default."""
        decode = self.decode or default
        return decode if self.choose is None else self.choose.decoding(decode, bool(self.decode))

    @property
    def field_names(self) -> tuple[str, ...]:
        """The fields of the corpus that it writes."""
        fields = ("source", "target") if self.keep_source else ("text",)
        return fields if self.keep == "best" else (*fields, *LIST_FIELDS)

    def corpus_fields(self, fields_of: Any) -> tuple[str, ...]:
        return self.field_names

    @staticmethod
    def read_field(fields: Sequence[str], swap: bool) -> str | None:
        """The field that is read of a corpus with these fields; None where it has none to read."""
        if swap or "source" in fields:
            side = "target" if swap else "source"
            return side if side in fields else None
        return "text" if set(fields) - NOT_TEXT == {"text"} else None

    @classmethod
    def check(cls, stage: Any, parts: Parts, faults: Faults, path: tuple) -> None:
        """A translate stage: its model and data."""
        before, first = len(faults.errors), None
        names = [stage.translate, *getattr(stage, "beside", ())]
        for index, name in enumerate(names):
            where = cls.place_of(faults, path, name, index)
            found = _writer(parts, faults, path, where, stage, name, several=len(names) > 1)
            if names[1:]:
                without_lists(faults, where, parts, name)
            if index:
                check_mean(faults, where, stage.translate, first, name, found)
            else:
                first = found
        # What is said of its search is the same of each model.
        faults.errors[before:] = dict.fromkeys(faults.errors[before:])
        if getattr(stage, "keep", "best") == "n_best":
            _several(faults, path, getattr(stage, "decode", None))
        choose = getattr(stage, "choose", None)
        if choose is not None:
            choose.check(faults, (*path, "choose"), getattr(stage, "decode", None))
            if getattr(stage, "keep", "best") == "n_best":
                faults.add((*path, "keep"), "n_best beside choose, which keeps one", "one of them")
        seen: set[str] = set()
        for index, part in enumerate(stage.data):
            where = written(faults, (*path, "data", index))
            corpus = corpus_of(parts, faults, where, part.of, whole=True)
            if corpus is not None:
                _read(faults, where, part, corpus.field_names)
                if choose is not None and choose.by is not None:
                    _against(faults, (*path, "choose", "against"), choose, part, corpus.field_names)
            if getattr(part, "pack", None) is not None:
                faults.add(where, f"pack: {part.of} is translated row by row", "no pack here")
            if getattr(part, "row_weights", None) is not None:
                faults.add(where, f"row_weights: {part.of} is translated once",
                           "none in a translate stage")  # fmt: skip
            if getattr(part, "weight", 1) != 1:
                faults.add(
                    where, f"weight: {part.of} is translated once", "no weight in a translate stage"
                )
            if part.of in seen:
                faults.add(where, f"{part.of} stands here twice", "each corpus once")
            seen.add(part.of)


def _writer(
    parts: Parts, faults: Faults, path: tuple, where: tuple, stage: Any, name: str, several: bool
) -> Found | None:
    """One of a stage's models, which can write, alone or with the others."""
    found = stage_of(parts, faults, where, name, "trained", "model")
    model = None if found is None else found.model
    if model is not None and model.single_sequence:
        does = "goes on with its text instead" if model.is_causal else "writes no text"
        faults.add(where, f"{name} trains {a(model.kind)}, which {does}", "an encoder-decoder")
    elif model is not None and several and model.fills_in:
        faults.add(
            where, f"{name} fills in all words of an output at once, and several models write word "
            "by word", "models that go from left to right, or it alone",
        )  # fmt: skip
    decode = getattr(stage, "decode", None)
    if found is not None:
        check_decode(faults, (*path, "decode"), name, model, decode, engine=True)
    if getattr(decode, "engine", None) is not None:
        place = written(faults, (*path, "decode", "engine"))
        if several:
            faults.add(place, "an engine, which runs one model", "no engine: TensorFlow")
        elif found is not None:
            check_engine(faults, place, name, found, decode)
    return found


def _several(faults: Faults, path: tuple, decode: Any) -> None:
    """A search that gives several outputs of a row."""
    if decode is not None and getattr(decode, "n_best", 1) > 1:
        return
    gives = "beam search" if decode is None else f"{decode.kind}"
    faults.add(
        (*path, "keep"), f"n_best, and {gives} is to give one output of each row",
        "n_best in decode, like {kind: beam, beam: 4, n_best: 4} or {kind: sample, n_best: 4}",
    )  # fmt: skip


def _against(
    faults: Faults, path: tuple, choose: BestOfOptions, part: Any, fields: tuple[str, ...]
) -> None:
    """What outputs are held against is there, and is not what is read."""
    if choose.against not in fields or choose.against in NOT_TEXT:
        faults.add(written(faults, path), f"{part.of} has no text {choose.against}, but "
                   f"{', '.join(fields)}", "a corpus with it, or mbr: chrf")  # fmt: skip
    elif choose.against == TranslateOptions.read_field(fields, part.swap):
        other = "source" if part.swap else "target"
        faults.add(written(faults, path), f"{choose.against}, which is read of {part.of}",
                   f"against: {other}")  # fmt: skip


def _read(faults: Faults, path: tuple, part: Any, fields: tuple[str, ...]) -> None:
    if TranslateOptions.read_field(fields, part.swap) is None:
        found = ", ".join(fields)
        if part.swap:
            faults.add(path, f"swap: {part.of} has {found}", "a corpus with a target to read")
        else:
            faults.add(path, f"{part.of} has {found}", "a corpus with a source, or text alone")
