"""A spec's parts, and what its names lead to."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from tfkd.spec.checks.other_specs import OtherSpecs, check_other_spec
from tfkd.spec.errors import SpecErrors
from tfkd.spec.faults import Faults
from tfkd.spec.references import parse
from tfkd.spec.stage_kinds import givers, gives_of, kinds
from tfkd.spec.wording import a, shown

# What is said of a stage with `folds:` where one model is needed.
SEVERAL = "has folds, and is several models"
WAY_OUT = "one of them, a stage {fold: 1, of: STAGE}; a score stage of it; or one without folds"


@dataclass(frozen=True)
class Parts:
    """A spec's sections as far as they are right, and the names of all their parts.

    Attributes:
        names: By section: the names of parts, right or faulty; a faulty part is missing from its
            section (or, a stage, stands in with the names that it refers to).
        variant: The variant that was applied, or None.
        of_variant: Gives the parts of another variant; SpecErrors where its paths lead nowhere.
        others: Other specs.
    """

    data: dict[str, Any]
    tokenizers: dict[str, Any]
    models: dict[str, Any]
    adapters: dict[str, Any]
    views: dict[str, Any]
    stages: dict[str, Any]
    evaluate: list[Any]
    export: list[Any]
    names: dict[str, list[str]]
    variant: str | None
    of_variant: Callable[[str], "Parts"]
    others: OtherSpecs


@dataclass(frozen=True)
class Found:
    """A stage that a reference names, and the parts of the variant that it stands in.

    Attributes:
        stage: Its options.
        parts: The parts.
        several: Whether it has folds, and is several models.
    """

    stage: Any
    parts: Parts
    several: bool = False

    @property
    def headless(self) -> bool:
        """Whether it loads a checkpoint without its word-prediction head."""
        return getattr(self.stage, "head", None) == "none"

    @property
    def model(self) -> Any:
        """The model that it trains or loads; None where it has none or a faulty one."""
        return self.parts.models.get(getattr(self.stage, "train", None))


@dataclass(frozen=True)
class WrittenCorpus:
    """The corpus that a stage writes: the stage's options, and the corpus's fields."""

    stage: Any
    field_names: tuple[str, ...]


def written(faults: Faults, path: tuple) -> tuple:
    """The path as far as it was written: `data: train` is short for a list of one."""
    node = faults.tree
    for depth, key in enumerate(path):
        child = node.child(key)
        if child is None:
            return path[:depth]
        node = child
    return path


def known(parts: Parts, faults: Faults, path: tuple, what: str, name: str, section: str) -> bool:
    """Whether a part has a name; a fault where none has."""
    return _listed(faults, path, what, name, parts.names[section])


def _listed(
    faults: Faults, path: tuple, what: str, name: str, names: list[str], where: str = ""
) -> bool:
    if name in names:
        return True
    none = f"a {what}; the spec has none"
    faults.unknown(path, f"there is no {what} {shown(name)}{where}", names, name, none)
    return False


def stage_of(
    parts: Parts,
    faults: Faults,
    path: tuple,
    reference: str | None,
    *given: str,
    of_folds: bool = False,
) -> Found | None:
    """The stage of this spec that a reference names, as it is in the variant that it names; None
    for a fault, a faulty stage or another file's stage.

    Args:
        parts: The spec's parts.
        faults: Takes the fault.
        path: Where the reference stands.
        reference: It; None for none.
        given: What the stage has to give, one of them; see `StageOptions`. What gives a model or
            targets like another stage's is found as that stage.
        of_folds: Whether it may be one that is trained in folds, and so is several models.
    """
    if reference is None:
        return None
    try:
        parsed = parse(reference)
    except ValueError as error:
        faults.add(path, str(error))
        return None
    if parsed.spec is not None:
        check_other_spec(parts.others, faults, path, parsed, given)
        return None
    if parsed.variant is not None and not known(
        parts, faults, path, "variant", parsed.variant, "variants"
    ):
        return None
    theirs = _in_variant(parts, parsed.variant)
    where = f" in variant {parsed.variant}" if parsed.variant is not None else ""
    if theirs is None or not _listed(
        faults, path, "stage", parsed.stage, theirs.names["stages"], where
    ):
        return None
    stage = theirs.stages.get(parsed.stage)
    found = None if stage is None else _origin(Found(stage, theirs))
    if found is not None and not gives_of(found.stage) & {*given}:
        faults.add(path, f"{parsed} is {a(stage.kind)} stage", f"{a(givers(given))} stage")
        return None
    several = bool(getattr(stage, "folds", None))
    if several and not of_folds:
        faults.add(path, f"{parsed} {SEVERAL}", WAY_OUT)
        return None
    return None if found is None else replace(found, several=several)


def _origin(found: Found) -> Found | None:
    """The stage that says what a stage's model or targets are like: most often itself; None where
    that leads nowhere, or to another file."""
    seen: list[Any] = []
    while (kind := kinds()[found.stage.kind]).is_alike():
        seen.append(found.stage)
        named = named_stage(found.parts, kind.alike(found.stage))
        if named is None or named.stage in seen:
            return None
        found = named
    return found


def elsewhere(reference: str | None) -> bool:
    """Whether a reference names a stage of another spec: what that one's model is for, only a run
    knows."""
    try:
        return parse(reference or "").spec is not None
    except ValueError:
        return False


def found_stage(parts: Parts, reference: str | None) -> Found | None:
    """The same without a word: None for what is a fault where the reference stands."""
    found = named_stage(parts, reference)
    return None if found is None else _origin(found)


def named_stage(parts: Parts, reference: str | None) -> Found | None:
    """The very stage that a reference names, whatever its model is like; None where there is none,
    or it is another file's."""
    try:
        parsed = parse(reference or "")
    except ValueError:
        return None
    theirs = None if parsed.spec is not None else _in_variant(parts, parsed.variant)
    stage = theirs.stages.get(parsed.stage) if theirs is not None else None
    return None if stage is None else Found(stage, theirs)


def _in_variant(parts: Parts, variant: str | None) -> Parts | None:
    """The parts of a variant; None where there is none or its changes are faults of their own."""
    if variant is None or variant == parts.variant:
        return parts
    try:
        return parts.of_variant(variant)
    except SpecErrors:
        return None


def found_corpus(parts: Parts, name: str | None, before: tuple[str | None, ...] = ()) -> Any:
    """What has a corpus's `field_names`: a corpus, or what a stage writes; None without one, or
    with a faulty one."""
    if name in parts.names["data"]:
        return parts.data.get(name)
    stage = parts.stages.get(name)
    if not hasattr(stage, "corpus_fields") or "corpus" not in gives_of(stage) or name in before:
        return None  # with `before`, what asks for its fields: a circle is a fault of its own
    with suppress(AttributeError):  # of a corpus that is none
        way = (*before, name)
        fields = stage.corpus_fields(lambda other: found_corpus(parts, other, way).field_names)
        return WrittenCorpus(stage, fields)
    return None


def corpus_of(
    parts: Parts, faults: Faults, path: tuple, place: str | None, *, whole: bool = False
) -> Any:
    """The corpus of `CORPUS` or `CORPUS.FIELD`, which a stage may write; None for a
    fault. `whole`: what reads all fields takes no `CORPUS.FIELD`."""
    if place is None:
        return None
    name, dot, field = place.partition(".")
    stage = None if name in parts.names["data"] else parts.stages.get(name)
    if stage is not None and "corpus" not in gives_of(stage):
        expected = f"a corpus or a {givers(['corpus'])} stage"
        faults.add(path, f"{name} is {a(stage.kind)} stage", expected)
        return None
    if stage is None and name in set(parts.names["stages"]) - set(parts.names["data"]):
        return None  # a stage of no known kind: a fault of its own
    if stage is None and name not in parts.names["data"]:
        writers = {kind for kind, options in kinds().items() if "corpus" in options.gives}
        written_by = [name for name, one in parts.stages.items() if one.kind in writers]
        _listed(faults, path, "corpus", name, [*parts.names["data"], *written_by])
        return None
    if whole and dot:
        faults.add(path, f"{shown(place)} is one field of a corpus", f"{name}, the whole corpus")
        return None
    corpus = found_corpus(parts, name)
    if corpus is not None and dot and field not in corpus.field_names:
        faults.unknown(path, f"{name} has no field {shown(field)}", corpus.field_names, field)
    return corpus
