"""From a spec's `objective:` to its terms."""

from collections.abc import Collection, Mapping
from typing import Any

from tfkd.objectives.cross_entropy import CausalLM, CrossEntropy, MaskedLM
from tfkd.objectives.hidden_states import HiddenStates
from tfkd.objectives.length import Length
from tfkd.objectives.soft_targets import SoftTargets
from tfkd.objectives.term import Term
from tfkd.spec.errors import UserError

_BUILT_IN = {
    term.kind: term
    for term in (CrossEntropy, MaskedLM, CausalLM, SoftTargets, HiddenStates, Length)
}


def balanced_weights(
    weights: Mapping[str, float], balance: Mapping[str, float] | None
) -> dict[str, float]:
    """The terms' weights after `balance`: `{soft: l}` gives `soft` l and each other term 1 - l
    times its own weight.

    Raises:
        UserError: A name is no term, or the shares are not in 0 ... 1.
    """
    balance = dict(balance or {})
    for name in balance:
        if name not in weights:
            raise UserError(
                f"balance: there is no term {name}; the objective has {', '.join(weights)}"
            )
    share = sum(balance.values())
    if balance and (min(balance.values()) < 0 or share > 1 + 1e-9):
        raise UserError(
            f"balance: the shares must be 0 or more and add up to at most 1; they are {balance}"
        )
    rest = max(0.0, 1 - share) if balance else 1.0
    return {name: balance.get(name, weight * rest) for name, weight in weights.items()}


def build_terms(
    objective: Mapping[str, Any],
    *,
    balance: Mapping[str, float] | None = None,
    padding_id: int | None = 0,
    source_padding_id: int | None = None,
    modules: Mapping[str, str] | None = None,
    auxiliary: Collection[str] = (),
) -> list[Term]:
    """The terms of an objective, in its order; a term of weight 0 is left out, with its teacher.

    Args:
        objective: Options by the term's name: a mapping, or an options model. `kind` is the name
            unless it is given.
        balance: A training stage's `balance`.
        padding_id: The padding's id in the vocabulary that is predicted; None: it has none of its
            own.
        source_padding_id: That of the source's, which terms on an encoder predict; None: the same.
        modules: The student's module that a term reads, by the term's name; see `Term`.
        auxiliary: Names of the terms of the group "auxiliary"; the others are "main".

    Raises:
        UserError: Nothing is left to train on, or `balance` does not fit.
    """
    options = {name: _plain(value) for name, value in objective.items()}
    weights = balanced_weights(
        {name: value.get("weight", 1.0) for name, value in options.items()}, balance
    )
    terms = [
        _build(
            name,
            {
                **value,
                "weight": weights[name],
                **({"module": modules[name]} if name in (modules or {}) else {}),
                **({"group": "auxiliary"} if name in auxiliary else {}),
            },
            source_padding_id
            if name in (modules or {}) and source_padding_id is not None
            else padding_id,
        )
        for name, value in options.items()
        if weights[name] != 0.0
    ]
    if not terms:
        raise UserError("objective: every term has the weight 0; give one of them another")
    return terms


def _build(name: str, options: dict[str, Any], padding_id: int | None) -> Term:
    kind = options.pop("kind", None) or name
    made = _BUILT_IN.get(kind)
    if made is None:
        from tfkd.spec import registry  # only plugins need it

        made = registry.load(registry.lookup("objective", kind))
    if issubclass(made, CrossEntropy):
        options["padding_id"] = padding_id
    return made(name=name, **options)


def _plain(options: Any) -> dict[str, Any]:
    """A mapping's or an options model's fields."""
    if hasattr(options, "model_dump"):
        return options.model_dump()
    return dict(options or {})
