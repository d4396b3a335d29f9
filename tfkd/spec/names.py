"""A spec's parts, and what its names lead to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfkd.spec.errors import SpecErrors
from tfkd.spec.faults import Faults
from tfkd.spec.other_specs import OtherSpecs, check_other_spec
from tfkd.spec.references import parse
from tfkd.spec.wording import shown


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
    export: list[str]
    names: dict[str, list[str]]
    variant: str | None
    of_variant: Callable[[str], "Parts"]
    others: OtherSpecs


@dataclass(frozen=True)
class Found:
    """A stage that a reference names, and the parts of the variant that it stands in."""

    stage: Any
    parts: Parts

    @property
    def headless(self) -> bool:
        """Whether it loads a checkpoint without its word-prediction head."""
        return getattr(self.stage, "head", None) == "none"

    @property
    def model(self) -> Any:
        """The model that it trains or loads; None where it has none or a faulty one."""
        return self.parts.models.get(getattr(self.stage, "train", None))


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


def _listed(faults: Faults, path: tuple, what: str, name: str, names: list[str]) -> bool:
    if name in names:
        return True
    expected = f"one of {', '.join(names)}" if names else f"a {what}; the spec has none"
    faults.add(path, f"there is no {what} {shown(name)}", expected, names, name)
    return False


def stage_of(
    parts: Parts, faults: Faults, path: tuple, reference: str | None, kinds: tuple[str, ...]
) -> Found | None:
    """The stage of this spec that a reference names, as it is in the variant that it names; None
    for a fault, a faulty stage or another file's stage."""
    if reference is None:
        return None
    try:
        parsed = parse(reference)
    except ValueError as error:
        faults.add(path, str(error))
        return None
    if parsed.spec is not None:
        check_other_spec(parts.others, faults, path, parsed, kinds)
        return None
    if parsed.variant is not None and not known(
        parts, faults, path, "variant", parsed.variant, "variants"
    ):
        return None
    theirs = _in_variant(parts, parsed.variant)
    if theirs is None or not _has_stage(theirs, faults, path, parsed.stage, parsed.variant):
        return None
    stage = theirs.stages.get(parsed.stage)
    if stage is not None and stage.kind not in kinds:
        expected = f"a {' or '.join(kinds)} stage"
        faults.add(path, f"{parsed} is a {stage.kind} stage", expected)
        return None
    return None if stage is None else Found(stage, theirs)


def found_stage(parts: Parts, reference: str | None) -> Found | None:
    """The same without a word: None for what is a fault where the reference stands."""
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


def _has_stage(parts: Parts, faults: Faults, path: tuple, name: str, variant: str | None) -> bool:
    names = parts.names["stages"]
    if name in names:
        return True
    where = f" in variant {variant}" if variant is not None else ""
    expected = f"one of {', '.join(names)}" if names else "a stage; the spec has none"
    faults.add(path, f"there is no stage {shown(name)}{where}", expected, names, name)
    return False


def found_corpus(parts: Parts, name: str | None) -> Any:
    """What has a corpus's `field_names`: a corpus, or a translate stage; None without one, or with
    a faulty one."""
    if name in parts.names["data"]:
        return parts.data.get(name)
    stage = parts.stages.get(name)
    return stage if hasattr(stage, "field_names") else None


def corpus_of(
    parts: Parts, faults: Faults, path: tuple, place: str | None, *, whole: bool = False
) -> Any:
    """The corpus of `CORPUS` or `CORPUS.FIELD`, which a translate stage may write; None for a
    fault. `whole`: what reads all fields takes no `CORPUS.FIELD`."""
    if place is None:
        return None
    name, dot, field = place.partition(".")
    stage = None if name in parts.names["data"] else parts.stages.get(name)
    if stage is not None and stage.kind != "translate":
        faults.add(path, f"{name} is a {stage.kind} stage", "a corpus or a translate stage")
        return None
    if stage is None and name in set(parts.names["stages"]) - set(parts.names["data"]):
        return None  # a stage of no known kind: a fault of its own
    written_by = [name for name, one in parts.stages.items() if one.kind == "translate"]
    if not _listed(faults, path, "corpus", name, [*parts.names["data"], *written_by]):
        return None
    if whole and dot:
        faults.add(path, f"{shown(place)} is one field of a corpus", f"{name}, the whole corpus")
        return None
    corpus = found_corpus(parts, name)
    if corpus is not None and dot and field not in corpus.field_names:
        fields = corpus.field_names
        faults.add(
            path,
            f"{name} has no field {shown(field)}",
            f"one of {', '.join(fields)}",
            fields,
            field,
        )
    return corpus
