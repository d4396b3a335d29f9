"""A spec's parts, and what its names lead to."""

from dataclasses import dataclass
from typing import Any

from tfkd.spec.faults import Faults
from tfkd.spec.other_specs import check_other_spec
from tfkd.spec.references import parse


@dataclass(frozen=True)
class Parts:
    """A spec's sections as far as they are right, and the names of all their parts.

    Attributes:
        names: By section: the names of parts, right or faulty; a faulty part is missing from its
            section (or, a stage, stands in with the names that it refers to).
        variant: The variant that was applied, or None.
    """

    data: dict[str, Any]
    tokenizers: dict[str, Any]
    models: dict[str, Any]
    views: dict[str, Any]
    stages: dict[str, Any]
    evaluate: list[Any]
    export: list[str]
    names: dict[str, list[str]]
    variant: str | None


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
    names = parts.names[section]
    if name in names:
        return True
    expected = f"one of {', '.join(names)}" if names else f"a {what}; the spec has none"
    faults.add(path, f"there is no {what} {name!r}", expected, names, name)
    return False


def stage_of(
    parts: Parts, faults: Faults, path: tuple, reference: str | None, kinds: tuple[str, ...]
) -> Any:
    """The stage of this spec that a reference names; None for a fault or another file's stage."""
    if reference is None:
        return None
    try:
        parsed = parse(reference)
    except ValueError as error:
        faults.add(path, str(error))
        return None
    if parsed.spec is not None:
        check_other_spec(faults, path, parsed, kinds)
        return None
    if parsed.variant is not None and not known(
        parts, faults, path, "variant", parsed.variant, "variants"
    ):
        return None
    if not known(parts, faults, path, "stage", parsed.stage, "stages"):
        return None
    stage = parts.stages.get(parsed.stage)
    if stage is not None and stage.kind not in kinds:
        faults.add(path, f"{parsed.stage} is a {stage.kind} stage", f"a {' or '.join(kinds)} stage")
        return None
    return stage


def corpus_of(parts: Parts, faults: Faults, path: tuple, place: str | None) -> Any:
    """The corpus of `CORPUS` or `CORPUS.FIELD`; None for a fault."""
    if place is None:
        return None
    name, dot, field = place.partition(".")
    if not known(parts, faults, path, "corpus", name, "data"):
        return None
    corpus = parts.data.get(name)
    if corpus is not None and dot and field not in corpus.field_names:
        fields = corpus.field_names
        faults.add(
            path, f"{name} has no field {field!r}", f"one of {', '.join(fields)}", fields, field
        )
    return corpus
