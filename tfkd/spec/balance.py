"""The weights of terms where one has a share of the loss, and the others the rest."""

from collections.abc import Mapping

from tfkd.spec.errors import UserError


def balanced_weights(
    weights: Mapping[str, float], balance: Mapping[str, float] | None
) -> dict[str, float]:
    """The terms' weights after `balance`: `{soft: l}` gives `soft` l and each other term 1 - l
    times its own weight (P4, equations 2 to 7).

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
    # What is left of 1 within rounding is nothing: 0 times a term's infinite loss is no number.
    rest = 1.0 if not balance else 0.0 if share > 1 - 1e-9 else 1 - share
    return {name: balance.get(name, weight * rest) for name, weight in weights.items()}
