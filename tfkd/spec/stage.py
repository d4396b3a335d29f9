"""What a spec knows of a kind of stage: its options, what they refer to, and what it gives.

The other half, what a stage does, is `tfkd.pipeline.engine.stage`, which says why there are two.
"""

import functools
import types
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, Field

from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, corpus_of, known, stage_of, written
from tfkd.spec.options.base import OfKind, Options, Refers
from tfkd.spec.options.stages import listed
from tfkd.spec.sections import of_kind

Path = tuple[str, ...]


class Named(NamedTuple):
    """A name in a stage's options.

    Attributes:
        path: Where it stands in the stage.
        name: What is written there.
        to: What it refers to, see `Refers`.
    """

    path: tuple[Any, ...]
    name: str
    to: str


class StageOptions(Options):
    """The options of one kind of stage; its kind is the key in `stages:` that names it.

    A key that names another stage, a corpus or a model says so by its type (`ModelReference`,
    `TargetsReference`, `CorpusName`, `ModelName`; in lists and mappings, too). By these types the
    names are checked, circles and what a run needs are found, and the default node has its inputs.
    One of type Any that is marked `OfKind("decode")` is a class of the registry with its options.

    Attributes:
        kind: The kind's name.
        gives: `model`, `trained` (a model with terms that it is measured in), `corpus`, `targets`.
            What gives a model and declares none has that of the first stage that it refers to.
    """

    kind: ClassVar[str]
    gives: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def parse(cls, faults: Faults, path: Path, value: Mapping[str, Any]) -> Any:
        """A stage's options from plain values.

        Returns:
            Where they have faults, a stand-in with the names that it refers to, so that those are
            checked at once.
        """
        before = len(faults.errors)
        given = cls.typed(faults, path, dict(value))
        options = faults.options(path, cls, given)
        return options if len(faults.errors) == before else cls.stand_in(given)

    @classmethod
    def typed(cls, faults: Faults, path: Path, value: dict[str, Any]) -> dict[str, Any]:
        """Plain values with those parts as options that are chosen by name."""
        for name, kind in cls.of_kinds():
            if value.get(name) is not None:
                value[name] = of_kind(faults, (*path, name), kind, value[name])
        return value

    @classmethod
    def of_kinds(cls) -> list[tuple[str, str]]:
        """The options that are classes of the registry, each with the kind of class."""
        return [
            (name, one.kind)
            for name, field in cls.model_fields.items()
            for one in field.metadata
            if isinstance(one, OfKind)
        ]

    @classmethod
    def stand_in(cls, value: Mapping[str, Any]) -> SimpleNamespace:
        """What faulty options refer to, as far as it can be read."""
        data = []
        for part in listed(value.get("data")):
            part = part if isinstance(part, dict) else {}
            data.append(SimpleNamespace(of=word(part.get("of")), swap=part.get("swap") is True))
        origins = value.get("from")
        if isinstance(origins, dict):
            origins = {part: word(name) for part, name in origins.items() if word(name)}
        validate = value.get("validate")
        if isinstance(validate, dict):
            metrics = validate.get("metrics")
            metrics = [one for one in metrics if word(one)] if isinstance(metrics, list) else []
            validate = SimpleNamespace(on=word(validate.get("on")), metrics=metrics)
        return SimpleNamespace(
            kind=cls.kind, written=value, data=data, objective=value.get("objective") or {},
            batch=None, balance=None, choose=None,
            train=word(value.get("train", value.get("into", value.get("model")))),
            score=word(value.get("score")), translate=word(value.get("translate")),
            from_=origins if isinstance(origins, dict) else word(origins),
            validate_=validate if isinstance(validate, SimpleNamespace) else None,
        )  # fmt: skip

    @classmethod
    def places(cls) -> tuple[tuple[Path, str], ...]:
        """Where names of other parts may stand in a stage, `*` for any key, with what they refer
        to."""
        return _places_of(cls)

    @classmethod
    def named(cls, stage: Mapping[str, Any]) -> list[Named]:
        """The names of other parts in a stage in plain values, right or wrong: what cannot be read
        is passed over."""
        found = [
            Named(path, value, to)
            for place, to in cls.places()
            for path, value in _at(stage, place)
            if isinstance(value, str) and value
        ]
        return list(dict.fromkeys(found))  # a mapping where a list may stand is read as both

    @classmethod
    def is_alike(cls) -> bool:
        """Whether its model, with terms and tokenizers, or its stored targets are like those of
        another stage; else it says them itself."""
        places = {to for _, to in cls.places()}
        return "declared" not in places and bool(places & cls.gives - {"corpus"})

    @classmethod
    def alike(cls, stage: Any) -> str | None:
        """The stage that it is like, of its options, a stand-in or plain values."""
        named = cls.named(_plain(stage))
        return next((one.name for one in named if one.to in cls.gives - {"corpus"}), None)

    def corpus_fields(self, fields_of: Callable[[str], tuple[str, ...]]) -> tuple[str, ...]:
        """The fields of the corpus that it gives, by those of other corpora; default: those of the
        first that it reads."""
        named = self.named(_plain(self))
        return fields_of(next(one.name for one in named if one.to == "corpus"))

    @classmethod
    def smoke(cls, stage: dict[str, Any]) -> None:
        """Cuts a stage in plain values down to what `--smoke` has time for, in place."""

    @classmethod
    def check(cls, stage: Any, parts: Parts, faults: Faults, path: Path) -> None:
        """Adds a fault for each name that leads nowhere, or to what does not fit.

        Args:
            stage: The options; or a stand-in for faulty ones, which may lack any.
            parts: The spec's parts.
            faults: Takes the faults.
            path: The stage's path.
        """
        for place, name, to in cls.named(_plain(stage)):
            where = written(faults, (*path, *place))
            if to == "corpus":
                corpus_of(parts, faults, where, name, whole=True)
            elif to == "declared":
                known(parts, faults, where, "model", name, "models")
            else:
                stage_of(parts, faults, where, name, to)


class TaughtOptions(StageOptions):
    """Options of a stage that uses a teacher."""

    on_failed_check: Literal["warn", "stop"] = Field(
        "warn",
        description="When a `teacher_check` evaluation has found its teacher not clearly better "
        "than a model without one: warn and go on, or stop before this stage's hours are spent.",
    )


def word(value: Any) -> str | None:
    """A value that may be a name."""
    return value if isinstance(value, str) and value else None


def _plain(stage: Any) -> Mapping[str, Any]:
    if isinstance(stage, SimpleNamespace):
        return stage.written
    if isinstance(stage, Mapping):
        return stage
    return stage.model_dump(mode="json", by_alias=True)


def refers_of(options: type[BaseModel]) -> tuple[tuple[Path, str], ...]:
    """Where names of other parts may stand in some options, `*` for any key, with what they refer
    to."""
    return _places_of(options)


@functools.cache
def _places_of(options: type[BaseModel]) -> tuple[tuple[Path, str], ...]:
    found: dict[tuple[Path, str], None] = {}
    for name, field in options.model_fields.items():
        for place, to in _marked(field.annotation, field.metadata):
            found[(field.alias or name, *place), to] = None
    return tuple(found)


def _marked(annotation: Any, metadata: Any = ()) -> Iterator[tuple[Path, str]]:
    for one in metadata:
        if isinstance(one, Refers):
            yield (), one.to
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _marked(inner[0], inner[1:])
    elif origin in (list, dict):
        yield from ((("*", *place), to) for place, to in _marked(inner[-1]))
    elif origin in (Union, types.UnionType):
        for one in inner:
            yield from _marked(one)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _places_of(annotation)


def _at(value: Any, place: Path) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The values at a place, with their paths. `train` is short for `[train]` and, of a corpus, for
    `{of: train}`."""
    if not place:
        yield (), value
        return
    key, *rest = place
    if isinstance(value, Mapping):
        inner = value.items() if key == "*" else [(key, value.get(key))]
    elif isinstance(value, list) and key == "*":
        inner = list(enumerate(value))
    elif isinstance(value, str) and (key == "of" or rest):
        yield from _at(value, tuple(rest))
        return
    else:
        return
    for name, one in inner:
        for path, found in _at(one, tuple(rest)):
            yield (name, *path), found
