"""Stages and evaluations: sections whose parts are chosen by name."""

from typing import Any

from tfkd.spec.options import EvaluateOptions, ScoreOptions, TrainOptions
from tfkd.spec.sections import Faults, of_kind

_KINDS = {"train": TrainOptions, "score": ScoreOptions}


def stage(faults: Faults, path: tuple[Any, ...], value: Any) -> Any:
    """One stage; its kind is the key that says what it does."""
    if not isinstance(value, dict):
        faults.add(path, "no mapping", f"a stage: one of {', '.join(_KINDS)} and its options")
        return None
    kinds = [kind for kind in _KINDS if kind in value]
    if len(kinds) != 1:
        word = next(iter(value), "")
        faults.add(
            path, f"{len(kinds) or 'no'} kinds of stage", f"exactly one of {', '.join(_KINDS)}",
            _KINDS, str(word),
        )  # fmt: skip
        return None
    before = len(faults.errors)
    value = dict(value)
    if kinds[0] == "train":
        value["objective"] = _objective(faults, (*path, "objective"), value.get("objective"))
        optimizer = value.get("optimizer") or {}
        value["optimizer"] = of_kind(
            faults, (*path, "optimizer"), "optimizer", optimizer, default="adam"
        )
        _decode_of_validation(faults, path, value)
    options = faults.options(path, _KINDS[kinds[0]], value)
    return options if len(faults.errors) == before else None


def _objective(faults: Faults, path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        faults.add(path, "no terms" if value is not None else "missing", "terms by name")
        return {}
    terms = {}
    for name, term in value.items():
        options = of_kind(faults, (*path, name), "objective", {} if term is None else term, name)
        # A term of weight 0 leaves the graph, with its teacher.
        if options is not None and options.weight > 0:
            terms[name] = options
    if not terms and all(
        isinstance(term, dict) and term.get("weight") == 0 for term in value.values()
    ):
        faults.add(path, "every term has weight 0", "at least one that counts")
    return terms


def _decode_of_validation(faults: Faults, path: tuple[Any, ...], value: dict[str, Any]) -> None:
    validate = value.get("validate")
    if isinstance(validate, dict) and validate.get("decode") is not None:
        place = (*path, "validate", "decode")
        decode = of_kind(faults, place, "decode", validate["decode"])
        value["validate"] = {**validate, "decode": decode}


def evaluation(faults: Faults, path: tuple[Any, ...], value: Any) -> Any:
    """One entry of `evaluate:`."""
    if not isinstance(value, dict):
        faults.add(path, "no mapping", "{of: STAGE, on: [CORPUS], metrics: [...]}")
        return None
    before = len(faults.errors)
    value = dict(value)
    if value.get("decode") is not None:
        value["decode"] = of_kind(faults, (*path, "decode"), "decode", value["decode"])
    options = faults.options(path, EvaluateOptions, value)
    return options if len(faults.errors) == before else None
