"""Stages and evaluations: sections whose parts are chosen by name."""

from types import SimpleNamespace
from typing import Any

from tfkd.spec.balance import check_balance, outweighed, untried
from tfkd.spec.choosing import chosen
from tfkd.spec.faults import Faults
from tfkd.spec.options import (
    EvaluateOptions,
    LoadOptions,
    ScoreOptions,
    TrainOptions,
    TranslateOptions,
)
from tfkd.spec.sections import check_name, named, of_kind
from tfkd.spec.tree import Node
from tfkd.spec.tuning import tuned
from tfkd.spec.wording import shown as in_short

_KINDS = {
    "train": TrainOptions,
    "score": ScoreOptions,
    "load": LoadOptions,
    "translate": TranslateOptions,
}


# A run's folder has these beside its stages.
_TAKEN = ("evaluation", "export")


def stages(faults: Faults, tree: Node) -> dict[str, Any]:
    """`stages:`."""
    found = {}
    for name, value in named(faults, tree, "stages").items():
        if name in _TAKEN:
            faults.add(("stages", name), f"{name} is a folder of every run", "another name")
        found[name] = stage(faults, ("stages", name), value)
    return {name: options for name, options in found.items() if options is not None}


def evaluations(faults: Faults, tree: Node) -> list[Any]:
    """`evaluate:`; None for an entry that cannot be read at all."""
    node = tree.value.get("evaluate")
    if node is None or node.value is None:
        return []
    plain = node.plain()
    if not isinstance(plain, list):
        faults.add(("evaluate",), f"found {in_short(plain)}", "a list of evaluations")
        return []
    return [evaluation(faults, ("evaluate", index), value) for index, value in enumerate(plain)]


def stage(faults: Faults, path: tuple[Any, ...], value: Any) -> Any:
    """One stage; its kind is the key that says what it does.

    Returns:
        Its options; where they have faults, a stand-in with the names that it refers to, so that
        those are checked at once; None where not even its kind is known.
    """
    if not isinstance(value, dict):
        expected = f"a stage: one of {', '.join(_KINDS)} and its options"
        faults.add(path, f"found {in_short(value)}", expected)
        return None
    kinds = [kind for kind in _KINDS if kind in value]
    if len(kinds) != 1:
        faults.add(
            path, "two kinds of stage in one" if kinds else "no kind of stage",
            f"exactly one of the keys {', '.join(_KINDS)}", _KINDS, str(next(iter(value), "")),
        )  # fmt: skip
        return None
    before = len(faults.errors)
    written, value = value, dict(value)
    if kinds[0] == "train":
        terms = value.get("objective")
        value["objective"] = _objective(faults, (*path, "objective"), terms)
        _balance(faults, path, value, terms if isinstance(terms, dict) else {})
        if value.get("choose") is not None:
            value["choose"] = chosen(faults, path, written, lambda one: _parsed(faults, path, one))
        optimizer = value.get("optimizer")
        value["optimizer"] = of_kind(
            faults, (*path, "optimizer"), "optimizer", {} if optimizer is None else optimizer,
            default="adam",
        )  # fmt: skip
        if value.get("gradients") is not None:
            gone = set(terms if isinstance(terms, dict) else ()) - set(value["objective"])
            value["gradients"] = _combiner(
                faults, (*path, "gradients"), value["gradients"], gone, set(value["objective"])
            )
        _decode_of_validation(faults, path, value)
    if kinds[0] == "translate" and value.get("decode") is not None:
        value["decode"] = of_kind(faults, (*path, "decode"), "decode", value["decode"])
    options = faults.options(path, _KINDS[kinds[0]], value)
    return options if len(faults.errors) == before else _stand_in(kinds[0], value)


def _parsed(faults: Faults, path: tuple[Any, ...], value: dict[str, Any]) -> Any:
    """A stage's options; None where they have faults."""
    before = len(faults.errors)
    options = stage(faults, path, value)
    return options if len(faults.errors) == before else None


def _stand_in(kind: str, value: dict[str, Any]) -> SimpleNamespace:
    """What a faulty stage refers to, as far as it can be read."""
    parts = value.get("data")
    data = []
    for part in parts if isinstance(parts, list) else [parts]:
        swap = False
        if isinstance(part, dict):
            part, swap = part.get("of"), part.get("swap") is True
        data.append(SimpleNamespace(of=_word(part), swap=swap))
    origins = value.get("from")
    if isinstance(origins, dict):
        origins = {part: _word(name) for part, name in origins.items() if _word(name)}
    validate = value.get("validate")
    if isinstance(validate, dict):
        metrics = validate.get("metrics")
        metrics = [one for one in metrics if _word(one)] if isinstance(metrics, list) else []
        validate = SimpleNamespace(on=_word(validate.get("on")), metrics=metrics)
    return SimpleNamespace(
        kind=kind, data=data, objective=value.get("objective") or {}, batch=None,
        balance=None, choose=None,
        train=_word(value.get("into" if kind == "load" else "train")),
        score=_word(value.get("score")), translate=_word(value.get("translate")),
        from_=origins if isinstance(origins, dict) else _word(origins),
        validate_=validate if isinstance(validate, SimpleNamespace) else None,
    )  # fmt: skip


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _objective(faults: Faults, path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        shown = "missing" if value is None else f"found {in_short(value)}" if value else "no terms"
        faults.add(path, shown, "terms by name, like {cross_entropy: {}}")
        return {}
    terms = {}
    for name, term in value.items():
        check_name(faults, (*path, name))
        options = of_kind(faults, (*path, name), "objective", {} if term is None else term, name)
        # A term of weight 0 leaves the graph, with its teacher.
        if options is not None and getattr(options, "weight", 1) > 0:
            terms[name] = options
    if not terms and all(
        isinstance(term, dict) and term.get("weight") == 0 for term in value.values()
    ):
        faults.add(path, "every term has weight 0", "at least one that counts")
    return terms


def _balance(faults: Faults, path: tuple, value: dict[str, Any], terms: dict[str, Any]) -> None:
    """`balance:`, and the terms that it leaves something."""
    if value.get("balance") is None:
        return
    check_balance(faults, (*path, "balance"), value["balance"], terms)
    gone = outweighed(value["objective"], untried(value["balance"], value.get("choose")))
    if value["objective"] and gone >= value["objective"].keys():
        faults.add((*path, "balance"), "every term has weight 0", "at least one that counts")
        return
    value["objective"] = {k: term for k, term in value["objective"].items() if k not in gone}
    if isinstance(value["balance"], dict):
        # A term that is gone anyway needs no share.
        left = {
            k: share
            for k, share in value["balance"].items()
            if share != 0 or k in value["objective"]  # one that is tried
        }
        value["balance"] = left or None


def _combiner(
    faults: Faults, path: tuple[Any, ...], value: Any, gone: set[str], terms: set[str]
) -> Any:
    """`{gated: {main: ..}}`, or in one mapping `{kind: gated, main: ..}`.

    Terms of weight 0 are taken out of its lists; None where one of them is empty then: there is
    nothing to combine.
    """
    if isinstance(value, dict) and "kind" not in value and len(value) == 1:
        ((kind, inner),) = value.items()
        path, value = (*path, kind), {"kind": kind, **inner} if isinstance(inner, dict) else inner
    options = of_kind(faults, path, "combiner", value)
    if options is None:
        return None
    lists = {
        key: [name for name in getattr(options, key) if name not in gone]
        for key in ("main", "auxiliary")
    }
    unknown = {name for key in lists for name in lists[key]} - terms
    # A name that no term has is told of where terms are checked.
    return options.model_copy(update=lists) if all(lists.values()) or unknown else None


def _decode_of_validation(faults: Faults, path: tuple[Any, ...], value: dict[str, Any]) -> None:
    validate = value.get("validate")
    if isinstance(validate, dict) and validate.get("decode") is not None:
        place = (*path, "validate", "decode")
        decode = of_kind(faults, place, "decode", validate["decode"])
        value["validate"] = {**validate, "decode": decode}


def evaluation(faults: Faults, path: tuple[Any, ...], value: Any) -> Any:
    """One entry of `evaluate:`; a stand-in with its names where it has faults, as of stages."""
    if not isinstance(value, dict):
        faults.add(path, f"found {in_short(value)}", "{of: STAGE, on: [CORPUS], metrics: [...]}")
        return None
    before = len(faults.errors)
    written, value = value, dict(value)
    for key in ("decode", "against_decode"):
        if value.get(key) is not None:
            value[key] = of_kind(faults, (*path, key), "decode", value[key])
    if value.get("choose") is not None:
        value["choose"] = tuned(faults, path, written, value.get("decode"))
    options = faults.options(path, EvaluateOptions, value)
    if len(faults.errors) == before:
        return options
    on, metrics = (
        [one for one in (got if isinstance(got, list) else [got]) if _word(one)]
        for got in (value.get("on"), value.get("metrics"))
    )
    of, against = _word(value.get("of")), _word(value.get("against"))
    return SimpleNamespace(of=of, against=against, on=on, metrics=metrics, context=None)
