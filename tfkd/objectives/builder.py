"""From a spec's `objective:` to its terms."""

from collections.abc import Collection, Mapping
from typing import Any

from tfkd.objectives.cross_entropy import CausalLM, CrossEntropy, MaskedLM
from tfkd.objectives.guided_attention import GuidedAttention
from tfkd.objectives.hidden_states import HiddenStates
from tfkd.objectives.length import Length
from tfkd.objectives.soft_targets import SoftTargets
from tfkd.objectives.term import Term
from tfkd.spec.checks.balance import balanced_weights
from tfkd.spec.errors import UserError
from tfkd.spec.options.teachers import name_of_mean, shares_of

_BUILT_IN = {
    term.kind: term
    for term in (
        CrossEntropy,
        MaskedLM,
        CausalLM,
        SoftTargets,
        HiddenStates,
        GuidedAttention,
        Length,
    )
}


def build_terms(
    objective: Mapping[str, Any],
    *,
    balance: Mapping[str, float] | None = None,
    padding_id: int | None = 0,
    source_padding_id: int | None = None,
    modules: Mapping[str, str] | None = None,
    auxiliary: Collection[str] = (),
    heads: Mapping[str, str] | None = None,
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
        heads: The model's head that a term reads, by the term's name; default: its only one.

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
                **({"head": heads[name]} if name in (heads or {}) else {}),
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
    if "beside" in options:
        # Several teachers are one of a name of their own.
        others, weights = options.pop("beside"), options.pop("weights")
        if others:
            options["teacher"] = name_of_mean([options["teacher"], *others], shares_of(weights))
    if issubclass(made, CrossEntropy):
        options["padding_id"] = padding_id
    return made(name=name, **options)


def _plain(options: Any) -> dict[str, Any]:
    """A mapping's or an options model's fields."""
    if hasattr(options, "model_dump"):
        return options.model_dump()
    return dict(options or {})
