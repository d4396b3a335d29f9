"""The terms of a training stage, from plain values."""

from collections.abc import Collection, Mapping
from typing import Any

from tfkd.spec import registry
from tfkd.spec.faults import Faults
from tfkd.spec.options.teachers import checked, spread
from tfkd.spec.sections import check_name, of_kind
from tfkd.spec.wording import shown as in_short


def objective_of(faults: Faults, path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The terms by name, as options; those of weight 0 are left out."""
    if not isinstance(value, dict) or not value:
        shown = "missing" if value is None else f"found {in_short(value)}" if value else "no terms"
        faults.add(path, shown, "terms by name, like {cross_entropy: {}}")
        return {}
    terms = {}
    for name, term in value.items():
        check_name(faults, (*path, name))
        options = _term(faults, (*path, name), {} if term is None else term, name)
        # A term of weight 0 leaves the graph, with its teacher.
        if options is not None and getattr(options, "weight", 1) > 0:
            terms[name] = options
    if not terms and all(
        isinstance(term, dict) and term.get("weight") == 0 for term in value.values()
    ):
        faults.add(path, "every term has weight 0", "at least one that counts")
    return terms


def _term(faults: Faults, path: tuple[Any, ...], term: Any, name: str) -> Any:
    """A term's options, its several teachers as the first and those beside it."""
    teacher = mapping_of(term).get("teacher")
    kind = mapping_of(term).get("kind") or name
    if kind in registry.names("objective") and isinstance(term, dict):
        fields = registry.lookup("objective", kind).options.model_fields
        if "beside" in fields:
            if teacher in ([], {}):
                faults.add((*path, "teacher"), "none", "a stage, [A, B] or {A: 0.7, B: 0.3}")
                return None
            term = checked(faults, path, term, "teacher")
        elif isinstance(teacher, list | dict):
            faults.add(
                (*path, "teacher"), f"{in_short(teacher)}, and a {kind} term has one teacher",
                "one stage; the mean of several distributions is what soft_targets takes",
            )  # fmt: skip
            return None
    return of_kind(faults, path, "objective", term, name)


def named_terms(terms: Mapping[str, Any], gone: Collection[str]) -> dict[str, Any]:
    """Terms in plain values with the names of all their teachers, `beside` the first; those that
    are `gone` left out."""
    return {
        name: spread(mapping_of(term), "teacher")
        for name, term in terms.items()
        if name not in gone
    }


def all_teachers(value: Any) -> list[Any]:
    """The references in what stands as a term's teacher."""
    found = spread({"teacher": value}, "teacher")
    return [found["teacher"], *found.get("beside", ())]


def mapping_of(value: Any) -> Mapping[str, Any]:
    """A value that may be a mapping."""
    return value if isinstance(value, Mapping) else {}
