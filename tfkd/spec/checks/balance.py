"""`balance:` of a training stage: the shares of some terms, and what is left for the others."""

from collections.abc import Collection, Mapping
from typing import Any

from tfkd.spec.errors import UserError
from tfkd.spec.faults import Faults

# Shares that add up to 1 within rounding leave nothing.
_ROUNDING = 1e-9


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
    if balance and (min(balance.values()) < 0 or share > 1 + _ROUNDING):
        raise UserError(
            f"balance: the shares must be 0 or more and add up to at most 1; they are {balance}"
        )
    # What is left of 1 within rounding is nothing: 0 times a term's infinite loss is no number.
    rest = 1.0 if not balance else 0.0 if share > 1 - _ROUNDING else 1 - share
    return {name: balance.get(name, weight * rest) for name, weight in weights.items()}


def outweighed(names: Collection[str], balance: Any) -> set[str]:
    """The terms that a balance gives the weight 0, as it is written; they leave the graph.

    Args:
        names: The objective's terms.
        balance: Shares by term, right or wrong: what is no such mapping takes none out.
    """
    shares = balance if isinstance(balance, Mapping) else {}
    numbers = {name: one for name, one in shares.items() if isinstance(one, int | float)}
    gone = {name for name in names if numbers.get(name) == 0}
    # As `balanced_weights` has it, what is named alone counts where the shares add up to 1.
    all_taken = bool(numbers) and sum(numbers.values()) > 1 - _ROUNDING
    return gone | ({name for name in names if name not in numbers} if all_taken else set())


def untried(balance: Any, choose: Any) -> Any:
    """The shares that no setting of `choose:` replaces: a term whose share is tried stays.

    Args:
        balance: Shares by term, as written.
        choose: Values by dotted path, as written.
    """
    if not isinstance(balance, Mapping) or not isinstance(choose, Mapping):
        return balance
    if "balance" in choose:
        return None
    return {name: share for name, share in balance.items() if f"balance.{name}" not in choose}


def check_balance(faults: Faults, path: tuple, balance: Any, terms: Mapping[str, Any]) -> None:
    """A fault for each share of no term, and for shares of more than the whole.

    Args:
        faults: Takes the faults.
        path: The balance's path.
        balance: Shares by term, as written.
        terms: The objective, as written.
    """
    if not isinstance(balance, Mapping):
        return  # a fault of its own
    for name, share in balance.items():
        term = terms.get(name)
        if name not in terms:
            faults.unknown((*path, name), f"there is no term {name}", terms, str(name))
        elif share != 0 and isinstance(term, Mapping) and term.get("weight") == 0:
            faults.add((*path, name), f"{share}, and {name} has weight: 0", "one of the two")
    shares = [one for one in balance.values() if isinstance(one, int | float)]
    if sum(shares) > 1 + _ROUNDING:
        faults.add(path, f"shares that add up to {sum(shares):g}", "at most 1")


def take_balance(
    faults: Faults, path: tuple[Any, ...], value: dict[str, Any], terms: Collection[str]
) -> None:
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
