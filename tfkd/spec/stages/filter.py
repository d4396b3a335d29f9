"""The options of filter stages."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from tfkd.spec import registry
from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, corpus_of, stage_of, written
from tfkd.spec.options.base import CorpusName
from tfkd.spec.sections import of_kind
from tfkd.spec.stage import Named, StageOptions, refers_of
from tfkd.spec.wording import a
from tfkd.spec.wording import shown as in_short

_RULE = "filter"


class FilterOptions(StageOptions):
    """Keeps the rows of a corpus that meet all rules; its name is that of a corpus with the same
    fields. A row is counted under the first rule that drops it."""

    kind: ClassVar[str] = "filter"
    gives: ClassVar[frozenset[str]] = frozenset({"corpus"})
    filter: CorpusName = Field(
        description="The corpus, or a stage that writes one.", examples=["train"]
    )
    rules: Annotated[list[Any], Field(min_length=1, max_length=100)] = Field(
        description="What each row must be like, in this order, like [{kind: length, most: 100}, "
        "same, {kind: duplicates, near: 0.8}]; one without options may stand as its kind alone.",
        examples=[["same"]],
    )

    @classmethod
    def typed(cls, faults: Faults, path: tuple, value: dict[str, Any]) -> dict[str, Any]:
        """With the options of each rule."""
        value = super().typed(faults, path, value)
        if isinstance(value.get("rules"), list):
            value["rules"] = [
                of_kind(faults, (*path, "rules", index), _RULE, rule)
                for index, rule in enumerate(_with_kinds(value["rules"]))
            ]
        return value

    @classmethod
    def places(cls) -> tuple[tuple[tuple[str, ...], str], ...]:
        """Those of the rules' options, too."""
        return *super().places(), *_places()

    @classmethod
    def named(cls, stage: Mapping[str, Any]) -> list[Named]:
        rules = stage.get("rules")
        rules = _with_kinds(rules) if isinstance(rules, list) else None
        return super().named({**stage, "rules": rules})

    @classmethod
    def smoke(cls, stage: dict[str, Any]) -> None:
        """Generated words are of no language, and need no package of the extra."""
        rules = _with_kinds(stage["rules"]) if isinstance(stage.get("rules"), list) else []
        plain = [rule for rule in rules if isinstance(rule, dict)]
        for rule in plain:
            rule.pop("near", None)
        left = [rule for rule in plain if rule.get("kind") != "language"]
        stage["rules"] = left or [{"kind": "length"}]

    def asked(self) -> Iterator[tuple[int, str, str]]:
        """What the rules refer to: the rule's number, the option, the name."""
        for place, name, _ in self.named(self.model_dump(mode="json", by_alias=True)):
            if place[0] == "rules":
                yield place[1], place[2], name

    @classmethod
    def check(cls, stage: Any, parts: Parts, faults: Faults, path: tuple) -> None:
        """A filter stage: its corpus, and rules that fit it."""
        if not isinstance(stage, cls):  # a stand-in: what it names is there
            super().check(stage, parts, faults, path)
            return
        corpus = corpus_of(parts, faults, (*path, "filter"), stage.filter, whole=True)
        seen: dict[str, int] = {}
        for index, rule in enumerate(stage.rules):
            where = (*path, "rules", index)
            if rule.called in seen:
                faults.add(
                    written(faults, (*where, "name")), f"{in_short(rule.called)} is the name of "
                    f"rule {seen[rule.called] + 1}, too", "name: with another for one of them",
                )  # fmt: skip
            seen.setdefault(rule.called, index)
            for place, what, expected in () if corpus is None else rule.faults(corpus.field_names):
                faults.add(written(faults, (*where, *place)), what, expected)
            if rule.reads == "scores":
                fields = None if corpus is None else corpus.field_names
                _model(parts, faults, (*where, "of"), rule, fields)


def _with_kinds(rules: list[Any]) -> list[Any]:
    """Rules of which none is a word alone."""
    return [{"kind": rule} if isinstance(rule, str) else rule for rule in rules]


def _places() -> tuple[tuple[tuple[str, ...], str], ...]:
    found = dict.fromkeys(
        (("rules", "*", *place), to)
        for entry in registry.entries(_RULE)
        for place, to in refers_of(entry.options)
    )
    return tuple(found)


def _model(parts: Parts, faults: Faults, path: tuple, rule: Any, fields: Any) -> None:
    """A rule's model, which reads words from the left, and what it reads."""
    found = stage_of(parts, faults, path, rule.of, "model")
    model = None if found is None else found.model
    if model is None:
        return
    if found.headless or not (model.encoder_decoder or model.is_causal) or model.fills_in:
        faults.add(
            path, f"{rule.of} is {a(model.kind)}, which tells no likelihood of a text",
            "a translator that writes from left to right, or a language model",
        )  # fmt: skip
        return
    where = written(faults, (*path[:-1], "on"))
    if model.encoder_decoder:
        if fields is not None and not {"source", "target"} <= set(fields):
            faults.add(path, f"{rule.of} reads pairs, and the corpus has {', '.join(fields)}",
                       "a corpus with source and target, or a language model")  # fmt: skip
        if rule.on is not None:
            faults.add(where, f"{rule.on}, and {rule.of} reads both sides", "no such option")
        return
    if rule.swap:
        faults.add((*path[:-1], "swap"), f"{rule.of} reads one text", "on: target, say")
    field = rule.on or "text"
    if fields is not None and field not in fields:
        faults.add(where, f"the corpus has no {field}, but {', '.join(fields)}",
                   "on: the field that the language model reads")  # fmt: skip
